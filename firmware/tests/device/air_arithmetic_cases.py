"""The arithmetic of an air post's sensors against worked examples of others; the same on both interpreters.

It must never take an expected value from the code under test: each names where it comes from.
Spec: firmware/drivers/bme280.py, firmware/drivers/electrochemical.py, firmware/drivers/wind.py.
"""

from firmware.drivers import bme280, electrochemical, wind
from firmware.drivers.electrochemical import Cell

# Bosch BST-BMP280-DS001 (the same code), 3.12: the example's constants, raw values and results.
TRIM = bme280.Trimming(
    27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000, 75, 362, 0, 325, 0, 30
)
RAW_TEMPERATURE = 519888
RAW_PRESSURE = 415148

# South Coast Science, scs_core, tests/gas/a4_datum_test.py: cell 132950202 (CO-A4) on 2018-10-26. Its n(T) is that of
# AAN 803-02. Their concentrations have 80 ppb of a baseline added, which is not part of the algorithm.
CO_A4 = Cell(
    "co", 1, 249_000, 253_000, 62_000, -1_000, 239_000, (1000, 1000, 1000, 1000, -200, -900, -1500, -1500, -1500), ()
)
BASELINE_DPPB = 800

# AAN 803-05, table 3
NO2_B43F = (1300, 1300, 1300, 1300, 1000, 600, 400, 200, -1500)
SO2_B4_4 = (-4000, -4000, -4000, -4000, -4000, 0, 20_000, 140_000, 450_000)


def test_the_temperature_is_that_of_boschs_example():
    fine = bme280.temperature_fine(TRIM, RAW_TEMPERATURE)
    assert fine == 128422
    assert fine * 5 + 128 >> 8 == 2508  # 25.08 °C


def test_the_pressure_is_that_of_boschs_example():
    # 100 653.25 Pa; the example prints 25767236, which is the floating-point code's 100 653.27 Pa
    assert bme280.pressure_q8(TRIM, 128422, RAW_PRESSURE) == 25767233


def test_constants_that_make_no_sense_divide_by_nothing():
    assert bme280.pressure_q8(bme280.Trimming(*[0] * 18), 128422, RAW_PRESSURE) == 0


def test_humidity_stays_between_nothing_and_everything():
    assert bme280.humidity_q10(TRIM, 128422, 0) == 0
    assert bme280.humidity_q10(TRIM, 128422, 0xFFFF) == 100 << 10


def test_the_constants_of_humidity_share_a_byte():
    trim = bme280.trimming(bytes(25) + b"\x4b", b"\x6a\x01\x00\x14\x25\x03\x1e")
    assert (trim.h1, trim.h2, trim.h3, trim.h4, trim.h5, trim.h6) == (75, 362, 0, 325, 50, 30)
    trim = bme280.trimming(bytes(26), b"\x00\x00\x00\xff\xff\xff\x00")
    assert (trim.h4, trim.h5) == (-1, -1)


def test_carbon_monoxide_is_that_of_the_published_single_reading():
    # {"weV": 0.286129, "aeV": 0.254441, "weC": 0.038556, "cnc": 241.3} at 21.5 °C
    assert (electrochemical.corrected_nv(CO_A4, 286_129, 254_441, 2150) + 500) // 1000 == 38_556
    assert electrochemical.concentration_dppb(CO_A4, 286_129, 254_441, 2150, {}) + BASELINE_DPPB == 2413


def test_carbon_monoxide_is_that_of_the_published_hourly_aggregate():
    # {"weV": 0.299527, "aeV": 0.259448, "weC": 0.057112, "cnc": 318.958236} at 22.012196 °C
    assert abs(electrochemical.corrected_nv(CO_A4, 299_527, 259_448, 2201) - 57_112_000) < 2_000
    assert electrochemical.concentration_dppb(CO_A4, 299_527, 259_448, 2201, {}) + BASELINE_DPPB == 3190


def test_the_table_is_linear_between_its_points_and_flat_beyond_them():
    at = [electrochemical.factor(NO2_B43F, cdeg) for cdeg in (-9000, -3000, 0, 500, 1500, 2000, 4500, 5000, 9000)]
    assert at == [1300, 1300, 1300, 1150, 800, 600, -650, -1500, -1500]
    assert [electrochemical.in_table(cdeg) for cdeg in (-3001, -3000, 5000, 5001)] == [False, True, True, False]


def test_each_algorithm_is_the_application_notes_equation():
    # by hand, at 30 °C: WE_u - WE_e = 20 mV, AE_u - AE_e = 10 mV, WE_o = 6 mV, AE_o = 3 mV
    def nv(algorithm, table):
        cell = Cell("gas", algorithm, 300_000, 280_000, 6_000, 3_000, 200_000, table, ())
        return electrochemical.corrected_nv(cell, 320_000, 290_000, 3000)

    assert nv(1, NO2_B43F) == 16_000_000  # 20 - 0.4 · 10
    assert nv(2, NO2_B43F) == 12_000_000  # 20 - 0.4 · (6 / 3) · 10
    assert nv(3, NO2_B43F) == 13_000_000  # 20 - (6 - 3) - 0.4 · 10
    assert nv(4, SO2_B4_4) == -6_000_000  # 20 - 6 - 20


def test_what_the_other_gas_gives_is_taken_away():
    # by hand: WE_c = 20 mV; 0.3 mV a ppb of NO2, of which there are 40 ppb; 0.4 mV a ppb of ozone
    cell = Cell("o3", 1, 0, 0, 0, 0, 400_000, (0,) * 9, (("no2", 300_000),))
    assert electrochemical.concentration_dppb(cell, 20_000, 0, 2000, {"no2": 400}) == 200
    assert electrochemical.concentration_dppb(cell, 20_000, 0, 2000, {}) == 500


def test_small_negative_concentrations_are_kept():
    cell = Cell("no2", 1, 0, 0, 0, 0, 200_000, (0,) * 9, ())
    assert electrochemical.concentration_dppb(cell, -300, 0, 2000, {}) == -15


def test_wind_speed_follows_from_the_pulses():
    # Davis 6410: V [mph] = P · 2.25 / T, so that a pulse is 1.00584 m of wind
    assert wind.speed_cmps(10, 1000, 1006) == 1006
    assert wind.speed_cmps(10, 2000, 1006) == 503
    assert wind.speed_cmps(0, 1000, 1006) == 0


def test_a_vane_turns_once_over_its_whole_scale():
    assert [wind.direction_ddeg(uv, 3_300_000) for uv in (-500, 0, 825_000, 1_650_000, 3_299_999)] == [
        0,
        0,
        900,
        1800,
        3599,
    ]
    assert wind.direction_ddeg(3_400_000, 3_300_000) == 0


def test_the_mean_direction_is_that_of_the_vector():
    around_north = wind.WindVector()
    for ddeg in (3500, 100):
        around_north.add(300, ddeg)
    assert around_north.direction_ddeg() in (0, 3599, 1)
    mostly_east = wind.WindVector()
    mostly_east.add(300, 900)
    mostly_east.add(300, 0)
    assert mostly_east.direction_ddeg() == 450


def test_calm_seconds_have_no_direction():
    calm = wind.WindVector()
    calm.add(wind.CALM_CMPS - 1, 900)
    assert calm.count == 0
    calm.add(wind.CALM_CMPS, 1800)
    assert (calm.count, calm.direction_ddeg()) == (1, 1800)

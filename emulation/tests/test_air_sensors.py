"""The air sensors' models by their manuals: modes, times, what they say and when; cells, wind, sockets.

It must never go through a driver of ours.
Specification: the data sheets that the models name.
"""

from itertools import pairwise

import pytest

from emulation.peripherals.ads1115 import Ads1115
from emulation.peripherals.air_post import PostSensors
from emulation.peripherals.clock import ManualClock
from emulation.peripherals.electrochemical_cell import SHEETS, ElectrochemicalCell
from emulation.peripherals.pms5003 import Pms5003
from emulation.peripherals.ports import i2c_read, i2c_write
from emulation.peripherals.sps30 import Sps30
from emulation.peripherals.sps30_uart import Sps30OnUart, pack
from emulation.peripherals.weather import GASES, Weather
from emulation.peripherals.wind_sensors import METRES_A_PULSE, WindSensors

MS = 1_000
SECOND = 1_000_000
PASSIVE = bytes.fromhex("424de100000170")
ACTIVE = bytes.fromhex("424de100010171")
READ = bytes.fromhex("424de200000171")
SLEEP = bytes.fromhex("424de400000173")
WAKE = bytes.fromhex("424de400010174")


class Line:
    """The other end of a PMS5003's line: (clock us, bytes)."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.sensor = Pms5003(self.clock, Weather())
        self.heard: list[tuple[int, bytes]] = []
        self.sensor.on_output = lambda data: self.heard.append((self.clock.now_us(), data))
        self.sensor.power(True)

    def sizes_within(self, us: int) -> list[int]:
        self.heard.clear()
        self.clock.advance(us)
        return [len(data) for _, data in self.heard]


def test_an_active_pms5003_speaks_by_itself_at_the_lines_pace() -> None:
    line = Line()
    assert line.sizes_within(5 * SECOND) == [32] * 6
    sent_us = [at_us for at_us, _ in line.heard]
    assert sent_us[0] == 500 * MS + 32 * 10 * SECOND // 9600
    assert {later - earlier for earlier, later in pairwise(sent_us)} == {800 * MS}


def test_a_passive_one_speaks_when_it_is_asked_and_an_active_one_again_by_itself() -> None:
    line = Line()
    line.sensor.feed(PASSIVE)
    assert line.sizes_within(5 * SECOND) == [8]
    line.sensor.feed(READ[:3])
    line.sensor.feed(READ[3:])
    assert line.sizes_within(SECOND) == [32]
    line.sensor.feed(ACTIVE)
    assert line.sizes_within(2 * SECOND) == [8, 32, 32]


def test_one_that_sleeps_hears_nothing_but_being_woken() -> None:
    line = Line()
    line.sensor.feed(SLEEP)
    line.sensor.feed(READ)
    assert line.sizes_within(5 * SECOND) == []
    line.sensor.feed(WAKE)
    assert line.sizes_within(SECOND) == [32]


def test_a_command_with_a_wrong_sum_is_none() -> None:
    line = Line()
    line.sensor.feed(b"\x00\x42" + PASSIVE[:-1] + b"\x00")
    assert not line.sensor.passive


def test_a_conversion_takes_its_time_and_tells_when_it_is_done() -> None:
    clock = ManualClock()
    chip = Ads1115(clock, [lambda: 1_000_000.0] * 4)
    chip.power(True)
    assert i2c_write(chip, bytes((1, 0xC5, 0x83))) == 3  # AIN0, 2.048 V, single, 128 a second
    assert i2c_read(chip, 2) == bytes((0x45, 0x83))
    clock.advance(7_800)
    i2c_write(chip, bytes((1,)))
    assert i2c_read(chip, 2) == bytes((0x45, 0x83))
    clock.advance(100)
    assert i2c_read(chip, 2) == bytes((0xC5, 0x83))
    i2c_write(chip, bytes((0,)))
    assert i2c_read(chip, 2) == (16_000).to_bytes(2, "big")


def test_a_chip_without_supply_or_out_of_its_socket_is_not_there() -> None:
    post = PostSensors(ManualClock(), "sps30")
    assert [i2c_read(device, 1) for device in post.on_bus.values()] == [None] * 6
    post.power(True)
    post.plug("bme280", False)
    post.plug("2", False)
    there = [address for address, device in post.on_bus.items() if i2c_read(device, 1) is not None]
    assert there == [0x48, 0x49, 0x4B, 0x69]


def test_an_sps30_on_its_uart_answers_what_its_state_allows() -> None:
    clock = ManualClock()
    chip = Sps30(clock, Weather())
    line = Sps30OnUart(clock, chip)
    heard: list[bytes] = []
    line.on_output = heard.append
    chip.power(True)
    for content in ("000300", "000002 0103", "000002 0103", "000300"):
        line.feed(pack(bytes.fromhex(content)))
        clock.advance(SECOND)
    assert [answer[3] for answer in heard] == [0, 0, 0x43, 0]  # the state: done, done, not in this state, done
    assert [len(answer) for answer in (heard[0], heard[1])] == [7, 7]
    assert heard[3][4] == 40
    line.feed(b"\x7e\x01\x03\x00\xfb\x7e" + b"\x7e\x00\x03\x00\xfd\x7e")  # another address; a wrong check
    clock.advance(SECOND)
    assert len(heard) == 4


@pytest.mark.parametrize("gas", GASES)
def test_a_cell_sees_its_gas_as_its_sheet_says_whatever_the_temperature(gas: str) -> None:
    weather = Weather()
    cell = ElectrochemicalCell(SHEETS[gas], weather)
    for temperature_c in (-20.0, 20.0, 45.0):
        weather.temperature_c = temperature_c
        weather.gases_ppb[gas] = 0.0
        before_uv = cell.working_uv()
        weather.gases_ppb[gas] = 100.0
        assert cell.working_uv() - before_uv == pytest.approx(SHEETS[gas].sensitivity_mv_ppb * 100_000)


def test_every_gas_of_the_weather_has_its_cell() -> None:
    assert tuple(SHEETS) == GASES
    assert set(Weather().gases_ppb) == set(GASES)


def test_ozone_cells_see_nitrogen_dioxide_too() -> None:
    weather = Weather()
    cell = ElectrochemicalCell(SHEETS["o3"], weather)
    before_uv = cell.working_uv()
    weather.gases_ppb["no2"] += 10
    assert cell.working_uv() - before_uv == pytest.approx(-2_970)


def test_the_anemometer_turns_with_the_wind_and_stands_in_a_calm() -> None:
    clock = ManualClock()
    weather = Weather(wind_mps=10 * METRES_A_PULSE)
    wind = WindSensors(clock, weather)
    clock.advance(6 * SECOND + 50 * MS)
    assert wind.pulses() == 60
    weather.wind_mps = 0
    clock.advance(60 * SECOND)
    assert wind.pulses() == 60


def test_who_watches_the_contact_sees_every_turn() -> None:
    clock = ManualClock()
    wind = WindSensors(clock, Weather(wind_mps=METRES_A_PULSE))
    levels = [wind.level()]
    for _ in range(10 * 1000):
        clock.advance(MS)
        levels.append(wind.level())
    assert sum(before > after for before, after in pairwise(levels)) == wind.pulses() == 10

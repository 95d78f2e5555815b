"""Drivers that nobody here wrote are the independent clients of the air sensors' models.

It must never adapt a driver to a model: when it fails, the model is wrong. Wrong models, made here, have to fail.
Specification: adafruit-circuitpython-bme280, -ads1x15, -pm25 and sensirion-i2c-sps30 from PyPI, unmodified.
"""

import importlib
import struct
from collections.abc import Callable
from typing import Any

import pytest

from emulation.peripherals import bme280, pms5003, sps30_i2c
from emulation.peripherals.ads1115 import Ads1115
from emulation.peripherals.bme280 import Bme280
from emulation.peripherals.clock import ManualClock
from emulation.peripherals.electrochemical_cell import SHEETS, ElectrochemicalCell
from emulation.peripherals.pms5003 import Pms5003
from emulation.peripherals.ports import i2c_read, i2c_write
from emulation.peripherals.sps30 import STATUS_FAN, Sps30
from emulation.peripherals.sps30_i2c import Sps30OnI2C
from emulation.peripherals.weather import Weather
from emulation.tests.circuitpython import I2C, adafruit_modules

WEATHERS = [
    Weather(),
    Weather(temperature_c=-21.5, humidity_percent=91.0, pressure_pa=97_310.0, pm1_ugm3=3, pm2_5_ugm3=5, pm10_ugm3=9),
    Weather(
        temperature_c=39.25, humidity_percent=13.0, pressure_pa=103_940.0, pm1_ugm3=90, pm2_5_ugm3=212, pm10_ugm3=640
    ),
]


def adafruit(monkeypatch: pytest.MonkeyPatch, clock: ManualClock, name: str, *more: str) -> Any:
    pytest.importorskip(name.partition(".")[0], reason=f"{name} is not installed: it comes with the dev packages")
    return adafruit_modules(monkeypatch, clock, name, *more)[0]


def read_climate(monkeypatch: pytest.MonkeyPatch, weather: Weather) -> None:
    clock = ManualClock()
    chip = Bme280(clock, weather)
    chip.power(True)
    driver = adafruit(monkeypatch, clock, "adafruit_bme280.basic").Adafruit_BME280_I2C(I2C(clock, 0x76, chip), 0x76)
    assert driver.temperature == pytest.approx(weather.temperature_c, abs=0.02)
    assert driver.pressure * 100 == pytest.approx(weather.pressure_pa, abs=10)
    assert driver.relative_humidity == pytest.approx(weather.humidity_percent, abs=0.1)


@pytest.mark.parametrize("weather", WEATHERS)
def test_adafruits_bme280_driver_reads_the_weather(monkeypatch: pytest.MonkeyPatch, weather: Weather) -> None:
    read_climate(monkeypatch, weather)


def test_a_bme280_with_swapped_registers_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    right = bme280.raw_data
    monkeypatch.setattr(bme280, "raw_data", lambda weather: right(weather)[3:6] + right(weather)[:3] + bytes(2))
    with pytest.raises(AssertionError):
        read_climate(monkeypatch, WEATHERS[1])


def read_electrodes(monkeypatch: pytest.MonkeyPatch, scale: float = 1.0) -> None:
    clock = ManualClock()
    weather = Weather()
    cells = [ElectrochemicalCell(SHEETS[gas], weather) for gas in ("no2", "co")]
    inputs = [read for cell in cells for read in (cell.working_uv, cell.auxiliary_uv)]
    chip = Ads1115(clock, [lambda read=read: read() * scale for read in inputs])  # type: ignore[misc]
    chip.power(True)
    module = adafruit(monkeypatch, clock, "adafruit_ads1x15.ads1115", "adafruit_ads1x15.ads1x15")
    analog_in = importlib.import_module("adafruit_ads1x15.analog_in").AnalogIn
    for gain, step_uv in ((2 / 3, 187.5), (1, 125.0), (2, 62.5), (4, 31.25)):
        driver = module.ADS1115(I2C(clock, 0x48, chip), gain=gain)
        for pin, read in enumerate(inputs):
            assert analog_in(driver, pin).voltage * 1e6 == pytest.approx(read(), abs=step_uv)
        assert analog_in(driver, 0, 1).voltage * 1e6 == pytest.approx(inputs[0]() - inputs[1](), abs=step_uv)
    driver = module.ADS1115(I2C(clock, 0x48, chip), gain=16)
    assert driver.read(4) == 0x7FFF  # 0.26 V is beyond the smallest scale


def test_adafruits_ads1115_driver_reads_the_electrodes_on_every_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    read_electrodes(monkeypatch)


def test_an_ads1115_with_a_wrong_scale_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        read_electrodes(monkeypatch, scale=1.01)


class Line:
    """busio.UART, as far as the driver uses it: read() waits for bytes, or gives none after a second."""

    def __init__(self, clock: ManualClock, sensor: Pms5003) -> None:
        self._clock = clock
        self._heard = bytearray()
        sensor.on_output = self._heard.extend

    def read(self, count: int) -> bytes | None:
        for _ in range(1000):
            if len(self._heard) >= count:
                break
            self._clock.advance(1000)
        data = bytes(self._heard[:count])
        del self._heard[:count]
        return data or None


def read_particles(monkeypatch: pytest.MonkeyPatch, weather: Weather) -> None:
    clock = ManualClock()
    sensor = Pms5003(clock, weather)
    line = Line(clock, sensor)
    driver = adafruit(monkeypatch, clock, "adafruit_pm25.uart").PM25_UART(line)
    sensor.power(True)
    for _ in range(3):
        found = driver.read()
        for name, ugm3 in (("pm10", weather.pm1_ugm3), ("pm25", weather.pm2_5_ugm3), ("pm100", weather.pm10_ugm3)):
            assert (found[f"{name} standard"], found[f"{name} env"]) == (ugm3, ugm3)


@pytest.mark.parametrize("weather", WEATHERS)
def test_adafruits_pm25_driver_reads_the_frames(monkeypatch: pytest.MonkeyPatch, weather: Weather) -> None:
    read_particles(monkeypatch, weather)


def test_a_pms5003_that_swaps_two_values_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    right = pms5003.frame
    swapped = {"pm1_ugm3": "pm2_5_ugm3", "pm2_5_ugm3": "pm1_ugm3"}
    monkeypatch.setattr(
        pms5003, "frame", lambda w: right(Weather(**{to: getattr(w, of) for of, to in swapped.items()}))
    )
    with pytest.raises(AssertionError):
        read_particles(monkeypatch, WEATHERS[0])


class Connection:
    """What sensirion_driver_adapters speaks to: a request with bytes to write and a number to read."""

    def __init__(self, clock: ManualClock, chip: Sps30OnI2C) -> None:
        self._clock = clock
        self._chip = chip

    def execute(self, _address: int, command: Any) -> Any:
        data = bytes(command.tx_data)
        if data and i2c_write(self._chip, data) != len(data):
            raise OSError(5, "no acknowledgement")
        self._clock.advance(round((command.read_delay or 0) * 1e6))
        answer = i2c_read(self._chip, command.rx_length) if command.rx_length else None
        self._clock.advance(round((command.post_processing_time or 0) * 1e6))
        return command.interpret_response(answer) if command.rx_length else None


def read_sensirion(weather: Weather) -> None:
    pytest.importorskip("sensirion_i2c_sps30", reason="sensirion-i2c-sps30 is not installed: it is a dev package")
    device = importlib.import_module("sensirion_i2c_sps30.device").Sps30Device
    commands = importlib.import_module("sensirion_i2c_sps30.commands")
    channel = importlib.import_module("sensirion_driver_adapters.i2c_adapter.i2c_channel").I2cChannel
    crc = importlib.import_module("sensirion_i2c_driver.crc_calculator").CrcCalculator(8, 0x31, 0xFF, 0x0)
    clock = ManualClock()
    chip = Sps30(clock, weather)
    chip.power(True)
    driver = device(channel(Connection(clock, Sps30OnI2C(chip)), slave_address=Sps30OnI2C.ADDRESS, crc=crc))
    assert driver.read_data_ready_flag() == 0
    driver.start_measurement(commands.OutputFormat(0x300))
    clock.advance(1_000_000)
    assert driver.read_data_ready_flag() == 1
    found = driver.read_measurement_values_float()
    assert driver.read_data_ready_flag() == 0
    assert list(found[:2]) == pytest.approx([weather.pm1_ugm3, weather.pm2_5_ugm3])
    assert found[3] == pytest.approx(weather.pm10_ugm3)
    assert found[9] == pytest.approx(0.7)
    driver.stop_measurement()
    driver.start_measurement(commands.OutputFormat(0x500))
    clock.advance(1_000_000)
    assert driver.read_measurement_values_uint16()[1] == round(weather.pm2_5_ugm3)
    driver.stop_measurement()
    driver.sleep()
    driver.wake_up_sequence()
    chip.status = STATUS_FAN
    assert driver.read_product_type() == "00080000"
    assert driver.read_firmware_version() == (2, 2)
    driver.start_measurement(commands.OutputFormat(0x300))
    driver.start_fan_cleaning()
    assert chip.cleanings == 1


@pytest.mark.parametrize("weather", WEATHERS)
def test_sensirions_own_driver_reads_the_sps30(weather: Weather) -> None:
    read_sensirion(weather)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("crc8", lambda _data: 0),
        ("with_crc", lambda data: data),
    ],
)
def test_an_sps30_with_wrong_checks_fails(
    monkeypatch: pytest.MonkeyPatch, name: str, wrong: Callable[[bytes], Any]
) -> None:
    pytest.importorskip("sensirion_i2c_sps30", reason="sensirion-i2c-sps30 is not installed: it is a dev package")
    errors = importlib.import_module("sensirion_i2c_driver.errors")
    monkeypatch.setattr(sps30_i2c, name, wrong)
    with pytest.raises((AssertionError, struct.error, IndexError, errors.I2cChecksumError)):
        read_sensirion(WEATHERS[0])

"""The air sensors' drivers over their models in virtual time: values, damage on the way, sensors that dip and vanish.

It must never adapt a model to a driver: emulation/tests proves the models with other people's drivers.
Spec: firmware/drivers/pms5003.py, sps30.py, sps30_uart.py, ads1115.py, bme280.py.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from boards.unix import pins
from emulation.lanes import NodeOrder
from emulation.peripherals.air_post import PostSensors
from emulation.peripherals.sps30 import STATUS_FAN
from emulation.peripherals.sps30_uart import Sps30OnUart
from emulation.virtual.lane import VirtualNode


class Bench:
    """A board with an air post's sensors, of which one is read."""

    def __init__(self, sensor: str, folder: Path) -> None:
        particles = sensor if sensor.startswith("sps30") else "pms5003"
        program = ("-m", "firmware.tests.device.air_bench", sensor)
        order = NodeOrder(pins.KINDS["air_sensor"], {"particles": particles}, folder, 4096, "384k", "a1", program)
        self._node = VirtualNode(order)
        self._read = 0
        assert self._node.wiring.air is not None
        self.post: PostSensors = self._node.wiring.air
        self._node.call(self._node.power_on)

    def call(self, action: Callable[[], Any]) -> None:
        self._node.call(action)

    def next(self, key: str, seconds: float = 10) -> Any:
        """The next line that has this key, of which its value is given; lines before it are passed over."""

        def seen() -> bool:
            return any(key in line for line in self._lines()[self._read :])

        assert self._node.run_until(seen, seconds), (key, self._node.console)
        while key not in (line := self._lines()[self._read]):
            self._read += 1
        self._read += 1
        return line[key]

    def _lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._node.console.splitlines() if line.endswith("}")]

    def close(self) -> None:
        self._node.call(self._node.close)


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    one = Bench(request.param, tmp_path)
    one.next("values")
    yield one
    one.close()


def of(*sensors: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("bench", sensors, indirect=True)


def once(damaged: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Damage the first that comes, and no other."""
    left = [damaged]
    return lambda data: left.pop()(data) if left else data


def flip(data: bytes) -> bytes:
    at = len(data) // 2
    return data[:at] + bytes((data[at] ^ 0x08,)) + data[at + 1 :]


@of("pms5003", "sps30", "sps30_uart")
def test_particles_are_those_of_the_air(bench: Bench) -> None:
    bench.post.weather.pm2_5_ugm3 = 37.0
    bench.next("values")
    values = bench.next("values")
    assert values[4 if len(values) == 12 else 1] == 37


@of("pms5003")
def test_a_damaged_frame_of_a_pms5003_is_counted_and_the_sensor_opened_again(bench: Bench) -> None:
    sensor = bench.post.pms5003
    assert sensor is not None
    sensor.damage = once(flip)
    assert bench.next("fault") == "silent"
    assert bench.next("opened")
    assert bench.next("values")[5] == 20
    assert bench.next("bad") == 1


@of("pms5003")
def test_a_pms5003_that_lost_its_supply_for_a_moment_is_passive_again(bench: Bench) -> None:
    sensor = bench.post.pms5003
    assert sensor is not None
    bench.call(lambda: sensor.power(False))
    assert bench.next("fault") == "silent"
    bench.call(lambda: sensor.power(True))
    assert not sensor.passive
    bench.next("opened")
    bench.next("values")
    assert sensor.passive


@of("sps30")
def test_one_wrong_crc_of_an_sps30_is_counted_and_asked_again(bench: Bench) -> None:
    wire: Any = bench.post.on_bus[0x69]
    wire.damage = once(flip)
    assert bench.next("bad") == 1
    wire.damage = flip
    assert bench.next("fault") == "bad_crc"


@of("sps30")
def test_the_status_of_an_sps30_tells_that_its_fan_stands_still(bench: Bench) -> None:
    assert bench.next("status") == 0
    assert bench.post.sps30 is not None
    bench.post.sps30.status = STATUS_FAN
    bench.next("values")
    assert bench.next("status") == STATUS_FAN


@of("sps30", "sps30_uart")
def test_an_sps30_that_lost_its_supply_for_a_moment_measures_again(bench: Bench) -> None:
    chip = bench.post.sps30
    assert chip is not None
    bench.call(lambda: chip.power(False))
    assert bench.next("fault") in ("bus", "silent")
    bench.call(lambda: chip.power(True))
    bench.next("opened")
    assert bench.next("values")[3] == 20


@of("sps30_uart")
def test_a_damaged_answer_of_an_sps30_on_its_uart_is_counted(bench: Bench) -> None:
    line = bench.post.line
    assert isinstance(line, Sps30OnUart)
    line.damage = once(flip)
    assert bench.next("fault") == "silent"
    bench.next("values")
    assert bench.next("bad") == 1


@of("ads1115")
def test_a_voltage_is_read_to_the_step_and_beyond_the_scale_to_its_end(bench: Bench) -> None:
    usual_uv, small_uv = bench.next("values")
    assert usual_uv == pytest.approx(300_000, abs=63)  # the auxiliary electrode of the first cell
    assert small_uv == 255_992  # the last step of 256 mV


@of("ads1115")
def test_a_converter_that_was_pulled_out_is_missed_and_back(bench: Bench) -> None:
    converter = bench.post.converters[0]
    converter.present = False
    assert bench.next("fault") == "bus"
    converter.present = True
    assert bench.next("values")


@of("bme280")
def test_the_climate_is_that_of_the_weather(bench: Bench) -> None:
    bench.post.weather.temperature_c = -7.25
    bench.next("values")
    temperature_cdeg, humidity_cpc, pressure_pa = bench.next("values")
    assert temperature_cdeg == pytest.approx(-725, abs=1)
    assert humidity_cpc == pytest.approx(5000, abs=10)
    assert pressure_pa == pytest.approx(101_325, abs=10)


@of("bme280")
def test_another_chip_at_the_address_is_not_taken_for_it(bench: Bench) -> None:
    chip = bench.post.bme280
    chip.present = False
    assert bench.next("fault") == "bus"
    chip._registers[0xD0] = 0x58  # a BMP280, which knows no humidity
    chip.present = True
    assert bench.next("fault") in ("bus", "wrong_chip")
    assert bench.next("fault") == "wrong_chip"

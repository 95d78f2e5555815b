"""The self-test of each kind of node at its prompt: what answers is green, what is pulled out is red with its cause."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from emulation.launch import NodeHandle
from emulation.plugged import plugged
from hil_tests.conftest import PATIENCE_S, eventually
from hil_tests.target import Target, settings_of
from tools.field import selftest
from tools.field.board import Board, stopped
from tools.field.selftest import Ask, Check

pytestmark = [pytest.mark.needs("port", "settings"), pytest.mark.timeout(300)]
MOVE_S = 1
UNPROVED = {"uplink": "unseen", "light": "unseen", "flash": "green"}


class Bench:
    """A node at its prompt, its parts, and the technician in front of it."""

    def __init__(self, node: NodeHandle, board: Board) -> None:
        self.node = node
        self._board = board
        self._name = board.identify().board

    def checks(self, ask: Ask | None = None) -> dict[str, Check]:
        return {check.name: check for check in selftest.checks(self._board, self._name, "", ask, "en")}

    def states(self) -> dict[str, str]:
        return {name: check.state for name, check in self.checks().items()}

    def red(self, ask: Ask | None = None, language: str = "en") -> dict[str, str]:
        """What is red and why in that language; the numbers of a header's pins, which some boards have, left out."""
        red = [one for one in self.checks(ask).values() if one.state == "red"]
        return {one.name: re.sub(r" \(pin \d+\)", "", one.text(language)) for one in red}


@pytest.fixture
def bench(request: pytest.FixtureRequest, target: Target, tmp_path: Path) -> Iterator[Bench]:
    kind = request.param
    settings = settings_of(kind, target.board) | {"uplink": {"transport": "modbus_rtu", "unit": 17}}
    with ExitStack() as powered:
        node = powered.enter_context(plugged(target.board, kind, tmp_path, settings=settings, blank=False))
        yield Bench(node.handle, powered.enter_context(stopped(node.port, PATIENCE_S)))


@pytest.mark.parametrize("bench", ["stop_display"], indirect=True)
def test_a_display_is_judged_by_the_person_before_it(bench: Bench) -> None:
    assert bench.states() == UNPROVED | {"panel": "unseen"}
    assert bench.red(lambda _question: True) == {}
    picture = bench.node.picture()
    assert all(picture[0] + picture[-1])
    assert all(row[0] and row[-1] for row in picture)
    assert bench.red(lambda question: "green" not in question and "frame" not in question) == {
        "panel": "you said no: look at its wires (SCK GP18, MOSI GP19, CS GP17)",
        "light": "you said no: look at its wires (RED GP10, GREEN GP11, BLUE GP12)",
    }
    eventually("the light is off again", lambda: bench.node.light() == "off")


@pytest.mark.parametrize("bench", ["air_sensor"], indirect=True)
def test_an_air_post_tells_a_part_that_is_pulled_out_from_wires_that_are_swapped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    air = bench.node.air
    parts = dict.fromkeys(("climate", "particles", "converters", "wind", "door"), "green")
    assert bench.states() == UNPROVED | parts | {"maintenance_switch": "unseen"}
    air.unplug("pms5003")
    air.unplug("1")
    assert bench.red() == {
        "particles": "nothing is heard: TX and RX swapped or no power (TX GP8, RX GP9)",
        "converters": "no answer on I2C 0x49, while others on the same wires answer: its plug, its power, or another "
        "address is set",
    }
    for part in ("bme280", "0", "2", "3"):
        air.unplug(part)
    swapped = bench.red(language="uk")
    assert (
        swapped["climate"] == "немає відповіді на I2C 0x76: SDA і SCL переплутано або немає живлення (SDA GP4, SCL GP5)"
    )
    assert swapped["converters"].startswith("немає відповіді на I2C 0x48: SDA і SCL переплутано")
    air.weather.wind_mps = 0.0
    assert bench.states()["wind"] == "unseen"
    monkeypatch.setattr(selftest, "MOVE_S", 1)
    unmoved = bench.red(lambda _question: True)
    assert unmoved["wind"] == "did not move: its wire is broken or on another pin (GP13)"
    assert {"wind", "door", "maintenance_switch"} <= set(unmoved)


@pytest.mark.parametrize("bench", ["utility_meter"], indirect=True)
def test_a_meter_node_tells_a_wrong_address_from_a_dead_bus(bench: Bench) -> None:
    meters = bench.node.meters
    assert bench.states() == UNPROVED | {"meters": "green", "pulse_inputs": "green", "cover": "green"}
    meters.on_bus(0).silent = True
    assert bench.red() == {
        "meters": "no answer of meter 1 (5): another address is set, or it is not on the bus (TX GP8, RX GP9)"
    }
    meters.on_bus(1).silent = True
    meters.pulse(5_000, 50)
    meters.open_cover()
    assert bench.red(language="uk") == {
        "meters": "жоден лічильник не відповідає, 1 (5), 2 (12345678): ведучий шини без живлення, проводи переплутано "
        "або не та швидкість (TX GP8, RX GP9)",
        "pulse_inputs": "імпульси, хоча ніщо не крутиться: провід висить або лежить біля мережі "
        "(FIRST GP13, SECOND GP14)",
    }
    assert bench.states()["cover"] == "unseen", "open, or its wire is broken: nobody moved it"

"""The RS-485 uplink of a node on emulated silicon: when it answers, when its direction pin rises and falls.

It must never depend on how fast the machine is: all times here are emulated.
Specification: protocols/MODBUS.md, "The line"; Modbus over serial line V1.02, section 2.5.1.1 (t3.5).
"""

from collections.abc import Iterator

import pytest

pytest.importorskip("rp2040py", reason="the RP2040 emulator is missing; type: make setup")

from rp2040py.gpio_pin import GPIOPinState

from emulation.launch import start
from emulation.rp2040.lane import Rp2040Node
from emulation.tests.rp2040_board import PATIENCE_S
from protocols.wire import modbus_rtu

UNIT = 17
DIRECTION = 2
LIVE = b"\x03\x00\x00\x00\x19"
REFUSED = b"\x06\x00\x00\x00\x01"  # its answer, five characters, is too short for IRQ_TXIDLE
FILE = b"\x14\x07\x06\xff\x01\x00\x00\x00\x79"


class Line:
    """The other end of the uplink: asks, and notes when which character came and what the direction pin did."""

    def __init__(self, node: Rp2040Node) -> None:
        assert node.machine is not None
        self._node = node
        self._line = node.machine.lines[0]
        self.heard: list[tuple[int, int]] = []
        self.edges: list[tuple[int, bool]] = []
        self._line.on_output = lambda data: self.heard.extend((node.clock.now_us(), byte) for byte in data)
        node.machine.chip.gpio[DIRECTION].add_listener(
            lambda state, _old: self.edges.append((node.clock.now_us(), state == GPIOPinState.HIGH))
        )

    def ask(self, frame: bytes, character_us: float) -> tuple[int, bytes]:
        """(when the request had arrived, the answer: all that is heard while the longest one could come)."""
        self.heard.clear()
        self.edges.clear()
        self._line.send(frame)
        arrived_us = self._node.clock.now_us() + round(len(frame) * character_us)
        self._node.run(0.05 + (len(frame) + modbus_rtu.MAX_FRAME) * character_us / 1e6)
        return arrived_us, bytes(byte for _, byte in self.heard)


@pytest.fixture(scope="module", params=[115_200, 9600])
def baud(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, baud: int) -> Iterator[Line]:
    settings = {
        "version": 1, "node": "00000000000000a1", "key": "5e" * 32, "site": "demo", "kind": "stop_display",
        "uplink": {"transport": "modbus_rtu", "unit": UNIT, "baud": baud, "parity": "even"},
        "config": {"width": 64, "height": 32, "stop_name": "A"},
    }  # fmt: skip
    with start("rpi_pico", "stop_display", settings, tmp_path_factory.mktemp("node")) as node:
        node.wait_console("free sectors", PATIENCE_S)
        node.pass_time(0.5)
        silicon = node._node
        assert isinstance(silicon, Rp2040Node)
        yield Line(silicon)


def test_it_answers_after_a_silence_and_leaves_the_line_as_soon_as_it_has_spoken(line: Line, baud: int) -> None:
    character_us = 11e6 / baud  # 8E1
    for request in (LIVE, FILE, REFUSED):
        arrived_us, answer = line.ask(modbus_rtu.build(UNIT, request), character_us)
        unit, pdu = modbus_rtu.check(answer)
        assert (unit, pdu[0] & 0x7F) == (UNIT, request[0])
        (rose_us, rose), (fell_us, fell) = line.edges
        assert (rose, fell) == (True, False)
        began_us = line.heard[0][0] - character_us
        ended_us = line.heard[-1][0]
        assert began_us >= arrived_us + modbus_rtu.t35_us(baud)
        assert rose_us <= began_us
        assert ended_us <= fell_us < ended_us + modbus_rtu.t35_us(baud)


def test_it_is_silent_for_others_and_for_a_wrong_crc(line: Line, baud: int) -> None:
    character_us = 11e6 / baud
    wrong = modbus_rtu.build(UNIT, LIVE)[:-1] + b"\x00"
    for frame in (modbus_rtu.build(UNIT + 1, LIVE), modbus_rtu.build(0, LIVE), wrong):
        assert line.ask(frame, character_us)[1] == b""
    assert line.edges == []
    others = modbus_rtu.build(UNIT + 1, LIVE) + modbus_rtu.build(UNIT + 1, b"\x03\x02\x11\x11")
    _, answer = line.ask(others + modbus_rtu.build(UNIT, LIVE), character_us)
    assert modbus_rtu.check(answer)[0] == UNIT

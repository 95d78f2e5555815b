"""The emulator's end of the bus as bytes: frames whole, in pieces and broken.

It must never start a process.
Specification: emulation/unix/device/bus_frames.py.
"""

import struct
from pathlib import Path

import pytest

from boards.unix.pins import FARE_VALIDATOR, STOP_DISPLAY
from emulation.peripherals.clock import ManualClock
from emulation.peripherals.flash import Flash, PowerCut
from emulation.peripherals.wiring import Wiring
from emulation.unix.bus_port import BusPort, ProtocolBroken
from emulation.unix.device import bus_frames as frames

SAM_CONFIGURATION = bytes.fromhex("0000ff05fbd4140100001700")


def request(op: int, unit: int, payload: bytes = b"") -> bytes:
    return struct.pack(frames.HEADER, op, unit, len(payload)) + payload


class Board:
    def __init__(self, folder: Path, roles: dict[str, dict[str, int]]) -> None:
        self.clock = ManualClock()
        self.wiring = Wiring(roles, {"width": 64, "height": 32}, self.clock)
        self.wiring.power(True)
        self.flash = Flash(folder / "flash", 8192)
        self.fed_ms: list[int] = []
        self.port = BusPort(self.wiring, (self.flash,), self.fed_ms.append)


@pytest.fixture
def validator(tmp_path: Path) -> Board:
    return Board(tmp_path, FARE_VALIDATOR)


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_requests_in_pieces_of_any_size_have_the_same_answers(validator: Board, piece: int) -> None:
    conversation = (
        request(frames.I2C_WRITE, 0, b"\x24" + SAM_CONFIGURATION)
        + request(frames.I2C_READ, 0, struct.pack("<BH", 0x24, 1))
        + request(frames.PIN_READ, 14)
        + request(frames.FLASH_WRITE, 0, struct.pack("<I", 4) + b"abc")
        + request(frames.FLASH_READ, 0, struct.pack("<II", 3, 5))
        + request(frames.WATCHDOG, 0, struct.pack("<I", 5000))
        + request(frames.FLASH_ERASE, 0, struct.pack("<I", 0))
    )
    answers = b"".join(validator.port.feed(conversation[at : at + piece]) for at in range(0, len(conversation), piece))
    assert answers == b"".join(
        (
            b"\x00" + struct.pack("<H", len(SAM_CONFIGURATION)),
            b"\x00\x00",  # not ready yet
            b"\x00\x01",
            b"\x00" + struct.pack("<I", 400),
            b"\x00\xffabc\xff",
            b"\x00" + struct.pack("<I", 45_000),
        )
    )
    assert validator.fed_ms == [5000]


def test_who_is_not_there_does_not_acknowledge(validator: Board) -> None:
    assert validator.port.feed(request(frames.I2C_WRITE, 0, b"\x30abc")) == b"\x01\x00\x00"
    assert validator.port.feed(request(frames.I2C_READ, 1, struct.pack("<BH", 0x24, 4))) == b"\x01\x00\x00\x00\x00"


def test_what_lies_outside_the_flash_is_refused_with_an_answer_of_full_length(validator: Board) -> None:
    assert validator.port.feed(request(frames.FLASH_READ, 0, struct.pack("<II", 8190, 4))) == b"\x02" + bytes(4)
    assert validator.port.feed(request(frames.FLASH_ERASE, 0, struct.pack("<I", 2))) == b"\x02" + bytes(4)
    assert validator.port.feed(request(frames.FLASH_WRITE, 0, struct.pack("<I", 8192) + b"x")) == b"\x02" + bytes(4)


def test_pins_without_a_peripheral_are_driven_in_vain_and_read_as_low(validator: Board) -> None:
    assert validator.port.feed(request(frames.PIN_WRITE, 22, b"\x01")) == b""
    assert validator.port.feed(request(frames.PWM, 22, struct.pack("<IH", 1, 1))) == b""
    assert validator.port.feed(request(frames.PIN_READ, 22)) == b"\x00\x00"


def test_chip_select_and_shifted_bytes_reach_the_panel_in_their_order(tmp_path: Path) -> None:
    board = Board(tmp_path, STOP_DISPLAY)
    chip_select = STOP_DISPLAY["panel_bus"]["cs"]
    for register, value in ((0xC, 1), (0xB, 7), (1, 0xFF)):
        board.port.feed(
            request(frames.PIN_WRITE, chip_select, b"\x00")
            + request(frames.SPI_WRITE, 0, bytes((register, value)) * 32)
            + request(frames.PIN_WRITE, chip_select, b"\x01")
        )
    assert board.wiring.panel is not None
    assert sum(map(sum, board.wiring.panel.picture())) == 64 * 4
    answer = board.port.feed(request(frames.SPI_EXCHANGE, 0, b"ab"))
    assert answer == b"\x00\x01\xff"  # what falls out at the end of the chain


def test_a_power_cut_in_the_flash_gives_no_answer(validator: Board) -> None:
    validator.flash.cut_at(1)
    with pytest.raises(PowerCut):
        validator.port.feed(request(frames.FLASH_ERASE, 0, struct.pack("<I", 0)))


@pytest.mark.parametrize(
    "garbage",
    [
        request(0, 0),
        request(99, 0, b"abc"),
        request(frames.PWM, 10, b"short"),
        request(frames.PIN_WRITE, 1),
        b"\xff" * 9,
    ],
)
def test_what_is_no_frame_of_ours_is_noticed(validator: Board, garbage: bytes) -> None:
    with pytest.raises(ProtocolBroken):
        validator.port.feed(garbage + bytes(70_000))

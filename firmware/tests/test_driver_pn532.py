"""The PN532 driver on real MicroPython with the modelled chip: cards that come, go and are pulled; a reader that fails.

It must never reach into the driver: it sees what the board program says, and breaks wires.
Spec: firmware/drivers/pn532.py; NXP UM0701-02.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulation.peripherals.cards import BANK_ATS, DESFIRE_ATS, PHONE_ATS, IsoDepCard
from emulation.peripherals.ports import I2CDevice
from firmware.tests.on_device import Bench

ADDRESS = (0, 0x24)


@pytest.fixture
def board(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    with Bench("fare_validator", tmp_path, "reader", getattr(request, "param", "watch")) as bench:
        yield bench


class BrokenWire:
    """An I2C device behind a bad connection: `garble` gets each byte it sends, `deaf` loses what is written to it."""

    def __init__(self, device: I2CDevice) -> None:
        self._device = device
        self._at = 0
        self.garble: Callable[[int, int], int] = lambda _at, byte: byte
        self.deaf = False

    def start(self, read: bool) -> bool:
        self._at = 0
        return self._device.start(read)

    def write_byte(self, byte: int) -> bool:
        return True if self.deaf else self._device.write_byte(byte)

    def read_byte(self) -> int:
        self._at += 1
        return self.garble(self._at - 1, self._device.read_byte())

    def stop(self) -> None:
        self._device.stop()


def break_wire(board: Bench) -> BrokenWire:
    wire = BrokenWire(board.wiring.i2c[ADDRESS])
    board.call(lambda: board.wiring.i2c.update({ADDRESS: wire}))
    return wire


def test_it_opens_a_chip_that_starts_in_low_battery_mode(board: Bench) -> None:
    assert board.next_with("opened") == [1, 6]


def test_nobody_there_is_an_answer_and_others_run_meanwhile(board: Bench) -> None:
    assert board.next_with("nobody") > 10


@pytest.mark.parametrize(
    ("kind", "uid", "seen"),
    [
        ("classic", "deadbeef", {"sak": 0x08, "atqa": 0x0004, "medium": "classic"}),
        ("classic_4k", "1a2b3c4d", {"sak": 0x18, "medium": "classic"}),
        ("ultralight", "04112233445566", {"sak": 0x00, "atqa": 0x0044, "medium": "ultralight"}),
        ("ntag", "08112233445566", {"medium": "ultralight", "random": False}),
        ("desfire", "04a1b2c3d4e5f6", {"sak": 0x20, "medium": "iso_dep", "ats": DESFIRE_ATS[1:].hex(), "bank": False}),
        ("bank", "5c010203", {"medium": "iso_dep", "ats": BANK_ATS[1:].hex(), "bank": True, "random": False}),
        ("unknown", "b3010203", {"medium": "unknown"}),
    ],
)
def test_every_card_is_told_from_the_others(board: Bench, kind: str, uid: str, seen: dict[str, object]) -> None:
    board.next_with("opened")
    board.handle.present(kind, bytes.fromhex(uid))
    found = board.next_with("found")
    assert found["uid"] == uid
    assert {key: found[key] for key in seen} == seen
    board.handle.remove_card()
    assert board.next_with("left")


def test_a_phone_has_another_uid_each_time(board: Bench) -> None:
    board.next_with("opened")
    uids = set()
    for _ in range(2):
        board.handle.present("phone")
        found = board.next_with("found")
        assert found["random"] is True
        assert found["bank"] is True
        assert found["ats"] == PHONE_ATS[1:].hex()
        uids.add(found["uid"])
        board.handle.remove_card()
        board.next_with("left")
    assert len(uids) == 2


@pytest.mark.parametrize("length", [10, 88, 200, 255, 262])
def test_an_answer_of_any_length_comes_whole(board: Bench, length: int) -> None:
    """Longer ones than the first read takes are asked for again, the longest come in an extended frame."""
    answer = bytes(range(3, 3 + 7)) * 40
    board.next_with("opened")
    board.handle.present(IsoDepCard("chatty", bytes(4), BANK_ATS, lambda _: answer[:length]))
    assert board.next_with("found")["answer"] == answer[:length].hex()
    board.handle.remove_card()
    board.next_line()
    assert "fault" not in board.handle.console


@pytest.mark.parametrize("board", ["talk"], indirect=True)
def test_a_card_that_is_pulled_in_the_middle_of_a_talk_has_gone(board: Bench) -> None:
    board.next_with("opened")
    board.handle.present("bank")
    board.next_with("talking")
    board.handle.remove_card()
    assert board.next_with("gone") == 0x01  # time-out
    board.next_with("opened")
    board.handle.present("bank")
    assert board.next_with("talking")


@pytest.mark.parametrize("board", ["hurry"], indirect=True)
def test_a_select_that_was_taken_back_leaves_no_trace(board: Bench) -> None:
    board.next_with("hurried")
    board.handle.present("desfire", bytes.fromhex("04a1b2c3d4e5f6"))
    assert board.next_with("found")["uid"] == "04a1b2c3d4e5f6"
    assert "fault" not in board.handle.console


def test_a_reader_that_is_unplugged_and_comes_back_is_opened_again(board: Bench) -> None:
    board.next_with("nobody")
    wire = board.wiring.i2c[ADDRESS]
    board.call(lambda: board.wiring.i2c.pop(ADDRESS))
    assert board.next_with("fault") == "bus"
    assert board.next_with("fault") == "bus"
    board.call(lambda: board.wiring.i2c.update({ADDRESS: wire}))
    board.next_with("opened")
    board.handle.present("bank")
    assert board.next_with("found")


def test_single_broken_frames_are_asked_for_again_and_counted(board: Bench) -> None:
    board.next_with("opened")
    wire = break_wire(board)
    transfers = [0]

    def every_third(at: int, byte: int) -> int:
        transfers[0] += at == 7
        return byte ^ 0x10 if at == 7 and transfers[0] % 3 == 0 else byte

    wire.garble = every_third
    for _ in range(3):
        board.handle.present("bank")
        assert board.next_with("found")["bank"] is True
        board.handle.remove_card()
        frame_errors = board.next_with("frame_errors")
    assert frame_errors > 0
    assert "fault" not in board.handle.console


def test_a_wire_that_always_garbles_is_the_readers_fault(board: Bench) -> None:
    board.next_with("opened")
    wire = break_wire(board)
    wire.garble = lambda at, byte: byte ^ 0x10 if at == 7 else byte
    assert board.next_with("fault") == "bad_frames"
    wire.garble = lambda _at, byte: byte
    assert board.next_with("opened")


def test_a_chip_that_hears_nothing_does_not_acknowledge(board: Bench) -> None:
    board.next_with("opened")
    wire = break_wire(board)
    wire.deaf = True
    assert board.next_with("fault") in ("no_ack", "no_answer")
    assert board.next_with("fault") == "no_ack"
    wire.deaf = False
    assert board.next_with("opened")


def test_a_chip_that_forgot_everything_refuses_and_is_opened_again(board: Bench) -> None:
    """A dip of its supply alone: the chip is back in low-battery mode, where it knows no cards."""
    board.next_with("nobody")
    board.dip_supply()
    assert board.next_with("fault") in ("refused", "no_answer", "no_ack")
    board.next_with("opened")
    board.handle.present("bank")
    assert board.next_with("found")

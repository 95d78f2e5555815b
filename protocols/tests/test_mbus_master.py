"""The M-Bus master against meters on the modelled line: what is lost is asked for again, and nothing is read twice."""

from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import meterbus
import pytest

from emulation.peripherals.clock import ManualClock
from emulation.peripherals.mbus_line import MBusLine, MBusMeter
from protocols.tests.test_mbus import EXAMPLE, bytes_of, captured
from protocols.wire.errors import EncodeError, MalformedFrame
from protocols.wire.mbus import frame, master, records
from protocols.wire.mbus.telegram import Header, MeterRefused, Telegram

LONG_ANSWER_US = 2_000_000
ENERGY = bytes.fromhex("0C06 78563412")
VOLUME = bytes.fromhex("0C13 21430000")
Ask = Callable[[bytes], bytes]


def on_line(*meters: MBusMeter) -> Ask:
    """What is heard in answer to a request to these meters."""
    clock = ManualClock()
    line = MBusLine(clock, meters)
    heard = bytearray()
    line.on_output = heard.extend

    def ask(request: bytes) -> bytes:
        heard.clear()
        line.feed(request)
        clock.advance(LONG_ANSWER_US)
        return bytes(heard)

    return ask


def drive(procedure: Callable[..., Generator[bytes, Any, Any]], ask: Ask, *arguments: Any) -> Any:
    """Run a procedure of the master to its end."""
    steps = procedure(*arguments)
    answer: Any = None
    try:
        while True:
            heard = ask(steps.send(answer))
            try:
                answer = frame.parse(heard) if heard else master.SILENCE
            except MalformedFrame:
                answer = master.GARBLED
    except StopIteration as done:
        return done.value


def meter(address: int = 5, number: str = "12345678", *telegrams: bytes) -> MBusMeter:
    return MBusMeter(address, number, lambda: telegrams or (ENERGY + VOLUME,))


def read(address: int | str, ask: Ask) -> tuple[int, list[Any]]:
    """(checksum, values) of one meter."""
    values: list[Any] = []

    def take(told: Telegram) -> None:
        values.extend(records.value(record) for record in told.records if record.function != records.MORE_FOLLOW)

    return drive(master.read, ask, address, take), values


def losing(ask: Ask, *lost: int) -> Ask:
    """The same line, on which the answers of these numbers, counted from 1, get lost."""
    count = 0

    def asked(request: bytes) -> bytes:
        nonlocal count
        count += 1
        heard = ask(request)
        return b"" if count in lost else heard

    return asked


@pytest.mark.parametrize("address", [5, "12345678", "1234567F"])
def test_a_meter_is_read_by_either_address(address: int | str) -> None:
    _, values = read(address, on_line(meter(), meter(6, "87654321")))
    assert values == [12_345_678_000, 4.321]


def test_every_telegram_of_a_meter_is_read_once_though_answers_are_lost() -> None:
    three = meter(5, "12345678", ENERGY + b"\x1f", VOLUME + b"\x1f", ENERGY)
    for lost in range(1, 9):
        _, values = read(5, losing(on_line(three), lost))
        assert values == [12_345_678_000, 4.321, 12_345_678_000], lost


def test_a_meter_that_does_not_answer_is_silent_and_not_garbled() -> None:
    dead = meter()
    dead.silent = True
    for address in (5, 7, "12345678"):
        with pytest.raises(master.NoAnswer) as silent:
            read(address, on_line(dead))
        assert not silent.value.garbled


def test_wrong_checksums_and_two_at_one_address_are_garbled() -> None:
    noisy = meter()
    noisy.wrong_checksum = True
    for line in (on_line(noisy), on_line(meter(), meter(5, "11111111"))):
        with pytest.raises(master.NoAnswer) as garbled:
            read(5, line)
        assert garbled.value.garbled


def test_one_answer_with_a_wrong_checksum_is_asked_for_again() -> None:
    ask = on_line(meter())
    spoilt = iter((False, True))

    def spoiling(request: bytes) -> bytes:
        heard = ask(request)
        return heard[:-2] + b"\x00\x16" if next(spoilt, False) else heard

    assert read(5, spoiling)[1] == [12_345_678_000, 4.321]


def test_a_stale_telegram_has_the_checksum_of_the_one_before() -> None:
    stuck = meter()
    ask = on_line(stuck)
    first, _ = read(5, ask)
    second, _ = read(5, ask)
    assert first != second, "the values are the same, the access number is not"
    stuck.stale = True
    third, values = read(5, ask)
    assert (third, values) == (second, [12_345_678_000, 4.321])


def test_a_scan_finds_every_meter_by_its_number() -> None:
    numbers = ["12345678", "12345679", "12945678", "00000001", "99999999"]
    found: list[Header] = []
    collided: list[str] = []
    ask = on_line(*(meter(0, number) for number in numbers))
    drive(master.scan, ask, found.append, collided.append)
    assert sorted(header.id for header in found) == sorted(numbers)
    assert collided == []


def test_two_meters_with_the_same_number_are_told() -> None:
    collided: list[str] = []
    found: list[Header] = []
    ask = on_line(
        MBusMeter(1, "12345678", lambda: (ENERGY,), version=1),
        MBusMeter(2, "12345678", lambda: (VOLUME,), version=2),
    )
    drive(master.scan, ask, found.append, collided.append)
    assert (found, collided) == ([], ["12345678"])


def test_a_scan_of_primary_addresses() -> None:
    found: list[int] = []
    collided: list[int] = []
    ask = on_line(meter(1), meter(3), meter(4), meter(4, "11111111"))
    drive(master.scan_primary, ask, 0, 6, found.append, collided.append)
    assert (found, collided) == ([1, 3], [4])


def test_a_meter_that_refuses_says_why() -> None:
    answers = {frame.build_short(frame.SND_NKE, 5): b"\xe5"}
    busy = frame.build_long(frame.RSP_UD, 5, 0x70, b"\x08")
    with pytest.raises(MeterRefused, match="application busy"):
        drive(master.read, lambda request: answers.get(request, busy), 5, print)


@pytest.mark.parametrize("number", ["", "1234567", "123456789", "1234567G", "-2345678"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    with pytest.raises(EncodeError, match="eight digits"):
        master.select(number)


def test_a_meter_that_never_ends_does_not_keep_the_bus() -> None:
    with pytest.raises(MalformedFrame, match="more than 16 telegrams"):
        read(5, on_line(meter(5, "12345678", ENERGY + b"\x1f")))


def foreign_slave(answer: bytes) -> Ask:
    """A slave that another project's library understands the master with, and that gives a real meter's bytes."""

    def ask(request: bytes) -> bytes:
        asked = meterbus.load(request)
        assert asked.check_crc()
        control = asked.header.cField.parts[0]
        if control == frame.SND_NKE:
            return b"\xe5"
        assert control & 0x0F == meterbus.CONTROL_MASK_REQ_UD2 & 0x0F
        return answer

    return ask


def test_a_foreign_slave_is_read() -> None:
    _, values = read(2, foreign_slave(EXAMPLE))
    assert values == [12.565, 0.113, 218370]


def test_meters_that_were_captured_are_read() -> None:
    for file in captured("test-frames"):
        answer = bytes_of(file)
        headers: list[Header] = []

        def take(told: Telegram, into: list[Header] = headers) -> None:
            into.append(told.header)

        with suppress(MalformedFrame):  # of a meter with more telegrams, this one comes for ever
            drive(master.read, foreign_slave(answer), answer[5], take)
        assert headers, file.name
        assert len(headers) in (1, master.MAX_TELEGRAMS), file.name

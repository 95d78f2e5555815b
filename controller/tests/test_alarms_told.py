"""Alarms from what nodes tell of themselves: a record opens one, another ends it and is the proof.

Never waits for a second: the clock is the test's.
Specification: controller/alarm_rules.toml; protocols/schema for the records.
"""

import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.tests.alarm_town import Watched, watching
from protocols.wire.messages import air_means, boot, document, event, reading, shown_on_glass, status, tamper


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watching(tmp_path) as watched:
        yield watched


def _said(code: int, text: str) -> tuple[int, bytes]:
    return event.KIND, event.build(event.Event(code, event.SEVERITY_ERROR, 0, text.encode()))


def _status(depth: int) -> tuple[int, bytes]:
    return status.KIND, status.build(status.Status(100, 50_000, 50_000, depth, 1, 3, 1, 0, 0, 0))


def _glass(mode: int, crc: int = 7) -> tuple[int, bytes]:
    shown = shown_on_glass.ShownOnGlass(0, mode, 0, crc, 16, 8, 8)
    return shown_on_glass.KIND, shown_on_glass.build(shown)


def _reading(outcome: int, flags: int = 0) -> tuple[int, bytes]:
    told = reading.Reading(1, 1, outcome, flags, b"12345678", b"ELV", 1, 7, 0, 0, b"")
    return reading.KIND, reading.build(told)


def _document(outcome: int, reason: int) -> tuple[int, bytes]:
    return document.KIND, document.build(document.Document(1, 4, outcome, reason, 3))


def _cover(position: int) -> tuple[int, bytes]:
    return tamper.KIND, tamper.build(tamper.Tamper(position))


TOLD = {
    "a reader's fault": (
        0xA4,
        [_said(event.CODE_PERIPHERAL_FAULT, "reader: no answer")],
        [_said(event.CODE_PERIPHERAL_BACK, "reader works")],
        ("peripheral", "event", 12),
    ),
    "two faults, of which one goes": (
        0xA4,
        [_said(event.CODE_PERIPHERAL_FAULT, "GNSS silent"), _said(event.CODE_PERIPHERAL_FAULT, "reader: no answer")],
        [_said(event.CODE_PERIPHERAL_BACK, "GNSS speaks"), _said(event.CODE_PERIPHERAL_BACK, "reader works")],
        ("peripheral", "event", 12),
    ),
    "out of service": (
        0xA4,
        [_said(event.CODE_PERIPHERAL_FAULT, "x"), _said(event.CODE_OUT_OF_SERVICE, "out of service")],
        [_said(event.CODE_PERIPHERAL_BACK, "reader works"), _said(event.CODE_IN_SERVICE, "in service")],
        ("out_of_service", "event", 8),
    ),
    "a journal nearly full": (
        0xA4,
        [_said(event.CODE_JOURNAL_NEARLY_FULL, "journal nearly full"), _status(3000)],
        [_status(3)],
        ("journal", "status", 12),
    ),
    "a panel's fault": (
        0xD1,
        [_glass(shown_on_glass.MODE_FAULT)],
        [_glass(shown_on_glass.MODE_ARRIVALS)],
        ("fault", "shown_on_glass", 12),
    ),
    "a display without data": (
        0xD1,
        [_glass(shown_on_glass.MODE_NO_DATA)],
        [_glass(shown_on_glass.MODE_BLANK)],
        ("no_data", "shown_on_glass", 20),
    ),
    "a meter that gives no reading": (
        0xC1,
        [_reading(reading.OUTCOME_SILENT)],
        [_reading(reading.OUTCOME_READ)],
        ("meter", "reading", 2),
    ),
    "a meter that repeats itself": (
        0xC1,
        [_reading(reading.OUTCOME_READ, reading.FLAGS_STALE)],
        [_reading(reading.OUTCOME_READ)],
        ("meter", "reading", 2),
    ),
    "an open cover": (
        0xC1,
        [_cover(tamper.COVER_OPEN)],
        [_cover(tamper.COVER_CLOSED)],
        ("door", "tamper", 12),
    ),
    "a document refused": (
        0xA4,
        [_document(document.OUTCOME_REFUSED, document.REASON_NO_SPACE)],
        [_document(document.OUTCOME_STORED, document.REASON_NONE)],
        ("document", "document", 2),
    ),
}


@pytest.mark.parametrize("case", TOLD)
async def test_what_a_node_tells_is_an_alarm_until_it_tells_otherwise_and_that_record_is_the_proof(
    town: Watched, case: str
) -> None:
    number, wrong, well, (kind, proof, within_s) = TOLD[case]
    peer = town.peer(number)
    now_ms = town.book.clock
    await town.send(peer, *(peer.write(*record, time_ms=now_ms()) for record in wrong))
    await town.seconds(within_s + 15)
    assert town.kinds == [kind]
    await town.send(peer, *(peer.write(*record, time_ms=now_ms()) for record in well))
    await town.seconds(within_s + 15)
    assert town.alarms.open() == ()
    shown = town.last().proof
    assert shown is not None
    assert (shown.what, shown.seq) == (proof, max(peer.journal))
    assert shown.crc32 == zlib.crc32(peer.journal[shown.seq])


async def test_a_picture_that_differs_from_its_record_is_an_alarm_only_if_it_lasts_and_the_record_with_its_crc_ends_it(
    town: Watched,
) -> None:
    sign, bits = town.peer(0xD1), bytes(range(16))
    await town.send(sign, sign.shown(0x1234))
    up = sign.up
    town.book.town.ingest.receive(up, sign.picture(16, 8, bits))
    await town.seconds(80)
    assert town.alarms.open() == ()
    await town.seconds(12)
    assert town.kinds == ["glass"]
    await town.send(sign, sign.shown(zlib.crc32(bits)))
    await town.seconds(2)
    proof = town.last().proof
    assert proof is not None
    assert (proof.what, proof.text) == ("shown_on_glass", f"{zlib.crc32(bits):08x}")


async def test_a_clock_that_is_not_set_and_old_records_of_a_node_that_is_there_are_alarms(town: Watched) -> None:
    lonely, now_ms = town.peer(0xA4), town.book.clock
    await town.send(lonely, lonely.write(*_status(3), time_ms=90_000))
    await town.seconds(125)
    assert town.kinds == ["clock"]
    await town.send(lonely, lonely.write(*_status(3), time_ms=now_ms() - 3_600_000))
    await town.seconds(65)
    assert (town.only().kind, town.only().amount) == ("behind", 3725 - 125)
    await town.send(lonely, lonely.write(*_status(3), time_ms=now_ms()))
    await town.seconds(35)
    assert town.alarms.open() == ()


async def test_an_air_channel_out_of_range_and_a_post_that_measures_nothing_are_alarms(town: Watched) -> None:
    post = town.peer(0xE1)

    def means(flags: int) -> tuple[int, bytes]:
        row = bytes((0x80 | 4, 0, 100, flags))
        return air_means.KIND, air_means.build(air_means.AirMeans(town.book.clock() // 1000, 1, 0, row))

    await town.send(post, post.write(*means(4), time_ms=town.book.clock()))
    await town.seconds(605)
    assert (town.only().kind, town.only().detail) == ("air", "no2 range")
    await town.send(post, post.write(*means(0), time_ms=town.book.clock()))
    await town.seconds(305)
    assert town.alarms.open() == ()
    await town.seconds(7200)
    assert town.kinds == ["values"]
    await town.send(post, post.write(*means(0), time_ms=town.book.clock()))
    await town.seconds(2)
    assert town.alarms.open() == ()


async def test_a_watchdogs_bite_is_news_for_a_while(town: Watched) -> None:
    lonely = town.peer(0xA4)
    lonely.boot_id += 1
    bitten = boot.Boot(lonely.boot_id, 1, (0, 1, 0), boot.RESET_CAUSE_WATCHDOG, 0, 0)
    await town.send(lonely, lonely.write(boot.KIND, boot.build(bitten), time_ms=town.book.clock()))
    await town.seconds(2)
    assert (town.only().kind, town.only().detail) == ("unstable", "watchdog")
    await town.seconds(905)
    assert town.alarms.open() == ()

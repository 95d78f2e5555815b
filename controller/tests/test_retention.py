"""What is old goes at night, a few rows at a time; fares stay, the ledger reconciles, and ingest is never kept waiting.

The database is a real one, the clock is the test's. Specification: [retention] of vuzol.example.toml.
"""

import asyncio
from dataclasses import fields
from pathlib import Path

import pytest

from controller.config import RetentionConfig
from controller.devices.device import Sample
from controller.services.retention import KINDS, ROWS_A_STEP, Retention, cutoffs
from controller.store.retention import count_due, without_body
from controller.tests.peer import START_MS, Peer, make_entry
from controller.tests.playbook import Clock, Playbook, playing
from controller.tests.virtual_time import VirtualLoop
from protocols.wire import record
from protocols.wire.messages import cash, position, tap

DAY_S = 86_400
POSITIONS = ROWS_A_STEP + 100
KEEP = RetentionConfig(positions_days=30, samples_days=10)


@pytest.fixture
def peer() -> Peer:
    return Peer(make_entry(0xA1, vehicle=17))


async def fill(book: Playbook, peer: Peer) -> None:
    """A day of a bus: taps among positions."""
    peer.boot()
    for number in range(POSITIONS):
        peer.position(47.9 + number / 1e5, 33.4)
        if number % 100 == 0:
            peer.tap()
    peer.cash()
    for first in range(1, len(peer.journal) + 1, 40):
        await book.send(peer, peer.batch(first, first + 39))


def retention(book: Playbook, config: RetentionConfig = KEEP) -> tuple[Retention, list[dict[str, int]]]:
    noted: list[dict[str, int]] = []

    async def note(gone: dict[str, int]) -> None:
        noted.append(gone)

    now_s = book.town.now_s
    return Retention(config, book.store.retention, book.writer, lambda: "Europe/Kyiv", now_s, note), noted


def reconciles(book: Playbook) -> bool:
    saved, counted = book.store.audit()
    rows = book.town.ledger.audited(saved, counted)
    return all(row.reconciles for row in rows) and [row.stored for row in rows] == [len(j) for j in _journals(book)]


def _journals(book: Playbook) -> list[dict[int, bytes]]:
    return [peer.journal for peer in book.peers.values()]


async def test_old_positions_lose_their_place_and_fares_lose_nothing(tmp_path: Path, peer: Peer) -> None:
    async with playing(tmp_path, [peer.entry], jobs=False) as book:
        book.attach(peer)
        await fill(book, peer)
        job, _ = retention(book)
        book.clock.advance(29 * DAY_S)
        assert await job.sweep() == {}
        assert book.stored(peer) == peer.journal
        book.clock.advance(2 * DAY_S)
        before_s = int(book.town.now_s()) - 30 * DAY_S
        due = count_due(tmp_path / "vuzol.sqlite3", {"positions": (position.KIND, before_s)}, 0)
        assert due == {"positions": POSITIONS, "samples": 0}
        assert await job.sweep() == {"positions": POSITIONS}
        assert await job.sweep() == {}
        for seq, raw in peer.journal.items():
            is_position = record.parse(raw)[0].kind == position.KIND
            assert book.stored(peer)[seq] == (without_body(raw) if is_position else raw)
        assert reconciles(book)
        assert record.parse(without_body(peer.journal[2]))[0].body == b""


async def test_a_record_that_lost_its_body_and_comes_again_is_the_same_and_no_conflict(
    tmp_path: Path, peer: Peer
) -> None:
    async with playing(tmp_path, [peer.entry], jobs=False) as book:
        book.attach(peer)
        peer.position(47.9, 33.4)
        await book.send(peer, peer.batch())
        book.clock.advance(31 * DAY_S)
        assert await retention(book)[0].sweep() == {"positions": 1}
        await book.send(peer, peer.batch())
        peer.write_as(1, position.KIND, bytes(23), time_ms=START_MS)
        (row,) = book.town.ledger.rows()
        assert (row.refused_duplicates, row.conflicting) == (1, 0)
        await book.send(peer, peer.batch())  # of another time: that is another record
        (row,) = book.town.ledger.rows()
        assert (row.refused_duplicates, row.conflicting) == (2, 1)


async def test_old_samples_of_devices_go_and_newer_ones_stay(tmp_path: Path, peer: Peer) -> None:
    async with playing(tmp_path, [peer.entry], jobs=False) as book:
        now_ms = book.clock()
        times = [now_ms - age * DAY_S * 1000 for age in (12, 11, 9, 0)]
        book.store.samples.add([Sample("meter", "energy", at, 1.0, 0) for at in times])
        assert await retention(book)[0].sweep() == {"samples": 2}
        left = book.store.samples.read("meter", "", (0, now_ms), 0, 10)
        assert [one.time_ms for one in left] == times[2:]


async def test_a_node_is_receipted_while_the_night_sweeps(tmp_path: Path, peer: Peer) -> None:
    async with playing(tmp_path, [peer.entry], jobs=False) as book:
        book.attach(peer)
        await fill(book, peer)
        book.clock.advance(31 * DAY_S)
        sweeping = asyncio.create_task(retention(book)[0].sweep())
        while not sweeping.done():
            seq = peer.tap()
            await book.send(peer, peer.batch(seq, seq))
            assert seq in peer.receipted
        assert await sweeping == {"positions": POSITIONS}
        assert reconciles(book)


def test_it_works_at_its_hour_of_the_towns_time_every_night(tmp_path: Path, peer: Peer) -> None:
    loop = VirtualLoop()

    async def nights() -> list[float]:
        clock = Clock()  # 11:00 in Kyiv, a week before the clocks go back
        began: list[float] = []
        async with playing(tmp_path, [peer.entry], jobs=False, clock=clock) as book:
            job, _ = retention(book)

            async def sweep() -> dict[str, int]:
                began.append(loop.time() / 3600)
                return {}

            job.sweep = sweep  # type: ignore[method-assign]
            start_s = loop.time()
            book.town.now_s = lambda: START_MS / 1000 + loop.time() - start_s  # type: ignore[method-assign]
            job._now_s = book.town.now_s
            running = asyncio.create_task(job.run())
            await asyncio.sleep(10 * DAY_S)
            running.cancel()
        return began

    began = loop.run_until_complete(nights())
    loop.close()
    assert [round(one, 3) for one in began] == [
        *(16 + 24 * day for day in range(7)),
        *(17 + 24 * day for day in (7, 8, 9)),
    ]


def test_without_a_configuration_nothing_ever_goes(tmp_path: Path, peer: Peer) -> None:
    assert cutoffs(RetentionConfig(), START_MS / 1000) == {}


def test_there_is_no_key_that_takes_a_fare_or_a_reading() -> None:
    assert {field.name for field in fields(RetentionConfig)} == {
        *(f"{name}_days" for name in KINDS),
        "samples_days",
        "hour",
    }
    assert not {tap.KIND, cash.KIND, 1, 3, 5, 6, 48, 49, 50, 64} & set(KINDS.values())

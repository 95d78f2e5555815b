"""The ledger that people read: figures, reasons, numbers, periods; and journals of dead nodes that are imported.

Never starts a server: the application is asked in memory, over a real database.
Specification: controller/README.md, "Ledger" and "Dead nodes".
"""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from controller.store import Group
from controller.store.sqlite import SqliteStore
from controller.tests.asking import asking
from controller.tests.peer import START_MS, Peer, make_entry
from controller.tests.playbook import Playbook, playing
from protocols.tests.journals import drained, image_of
from protocols.wire import record

V1 = make_entry(1, vehicle=17, vehicle_id="17")
V2 = make_entry(2, vehicle=18, vehicle_id="18")
DAY_MS = 86_400_000


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Playbook]:
    async with playing(tmp_path, [V1, V2]) as playing_book:
        yield playing_book


async def test_a_row_tells_what_is_journalled_receipted_stored_and_which_numbers_are_missing(book: Playbook) -> None:
    node = Peer(V1)
    for _ in range(12):
        node.tap()
    await book.send(node, node.batch(1, 4), node.batch(7, 7), node.batch(10, 12), node.batch(2, 3))
    async with asking(book) as client:
        told = (await client.get("/api/v1/ledger", params={"node": V1.node.hex()})).json()
    (row,) = told["rows"]
    assert not told["reconciles"]
    assert (row["journalled"], row["receipted"], row["stored"], row["missing"]) == (12, 4, 8, 4)
    assert (row["missing_ranges"], row["refused_duplicates"], row["difference"]) == ([[5, 6], [8, 9]], 2, 0)
    assert told["totals"] == {name: row[name] for name in told["totals"]}


async def test_declared_gaps_are_counted_by_reason_and_a_number_that_is_stored_is_not_lost(book: Playbook) -> None:
    node = Peer(V1)
    for _ in range(9):
        node.tap()
    node.declare_gap(4, 8)
    node.declare_gap(6, 9, reason="overwritten")
    async with asking(book) as client:
        await book.send(node, node.batch(1, 3), node.batch(10, 11))
        (row, _) = (await client.get("/api/v1/ledger")).json()["rows"]
        assert (row["journalled"], row["receipted"], row["declared_gaps"]) == (5, 5, 6)
        assert row["gap_reasons"] == {"torn_write": 5, "overwritten": 1}
        await book.send(node, node.batch(4, 4))
        for parameters in ({}, {"verify": True}):
            told = (await client.get("/api/v1/ledger", params=parameters)).json()
            assert told["rows"][0]["gap_reasons"] == {"torn_write": 4, "overwritten": 1}
            assert told["reconciles"]


async def test_two_records_of_one_number_never_reconcile_and_the_refused_one_is_kept(book: Playbook) -> None:
    node, twin = Peer(V1), Peer(V1)
    node.tap()
    twin.cash()
    await book.send(node, node.batch())
    await book.send(twin, twin.batch(), twin.batch())
    async with asking(book) as client:
        for parameters in ({}, {"verify": True}, {"from": "2026-10-18"}):
            told = (await client.get("/api/v1/ledger", params=parameters)).json()
            assert (told["reconciles"], told["rows"][0]["conflicts"]) == (False, [1]), parameters
    kept = await book.writer.run(book.store._writer.execute, "SELECT node, seq, raw FROM conflict")
    assert kept.fetchall() == [(1, 1, twin.journal[1])]


async def test_a_period_goes_by_record_time_and_each_number_belongs_to_one_period(book: Playbook) -> None:
    node = Peer(V1)
    for seq in range(1, 31):  # ten records a day; 11 and 12 were taken before the clock was set
        at_ms = START_MS + (seq - 1) // 10 * DAY_MS + seq * 1000
        quality, at_ms = (record.CLOCK_UNSET, seq) if seq in (11, 12) else (record.CLOCK_GNSS, at_ms)
        node.journal[seq] = record.build(77, 1, quality, seq, at_ms, b"")
    await book.send(node, node.batch(1, 9), node.batch(11, 19), node.batch(21, 30))
    days = []
    async with asking(book) as client:
        for parameters in (
            {"to": "2026-10-18"},
            {"from": "2026-10-19", "to": "2026-10-19"},
            {"from": "2026-10-20"},
            {"from": "2026-10-21"},
        ):
            told = (await client.get("/api/v1/ledger", params=parameters)).json()
            assert told["verified"]
            days += [
                (row["first_seq"], row["highest_seq"], row["stored"], row["missing_ranges"]) for row in told["rows"]
            ]
            assert told["totals"]["refused_duplicates"] is None
    assert days == [(1, 9, 9, []), (10, 19, 9, [[10, 10]]), (20, 30, 10, [[20, 20]])]


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        ("2026-10-18", "2026-10-18", {"from": "2026-10-18T00:00:00+03:00", "to": "2026-10-19T00:00:00+03:00"}),
        ("2026-10-24", "2026-10-25", {"from": "2026-10-24T00:00:00+03:00", "to": "2026-10-26T00:00:00+02:00"}),
        ("2026-10-18T08:30", None, {"from": "2026-10-18T08:30:00+03:00", "to": None}),
        (None, "2026-10-18T05:30Z", {"from": None, "to": "2026-10-18T08:30:00+03:00"}),
    ],
)
async def test_days_and_times_are_the_towns_unless_they_say_otherwise(
    book: Playbook, first: str | None, last: str | None, told: dict[str, str | None]
) -> None:
    asked = {name: value for name, value in (("from", first), ("to", last)) if value}
    async with asking(book) as client:
        answer = (await client.get("/api/v1/ledger", params=asked)).json()
    assert (answer["timezone"], answer["period"]) == ("Europe/Kyiv", told)


@pytest.mark.parametrize(
    "asked",
    [{"from": "yesterday"}, {"to": "2026-13-01"}, {"from": "2026-10-18", "to": "2026-10-17"}, {"to": "0001-01-01"}],
)
async def test_what_is_no_period_is_refused_in_one_sentence(book: Playbook, asked: dict[str, str]) -> None:
    async with asking(book) as client:
        answer = await client.get("/api/v1/ledger", params=asked)
    assert answer.status_code == 422
    assert next(iter(asked.values())) in answer.json()["detail"]


async def put(client: httpx.AsyncClient, data: bytes, **parameters: bool) -> tuple[int, dict[str, object]]:
    answer = await client.put("/api/v1/import", content=data, params=parameters)
    return answer.status_code, answer.json()


def counts(report: dict[str, object]) -> tuple[object, ...]:
    return tuple(report[name] for name in ("records", "new", "already_stored", "conflicting", "stored"))


async def test_the_journal_of_a_dead_node_is_stored_once_marked_and_receipted_when_the_node_comes_back(
    tmp_path: Path,
) -> None:
    node = Peer(V1, boot_id=3)
    for _ in range(40):
        node.tap()
    file = drained(V1.node, image_of(list(node.journal.values()), receipted=10))
    async with playing(tmp_path, [V1]) as book, asking(book) as client:
        book.attach(node)
        await book.send(node, node.batch(1, 12))
        status, report = await put(client, file, dry_run=True)
        assert (status, counts(report)) == (200, (40, 28, 12, 0, 0))
        assert len(book.stored(node)) == 12
        status, report = await put(client, file)
        assert (status, counts(report)) == (200, (40, 28, 12, 0, 28))
        assert book.stored(node) == node.journal
        assert book.town.live.counters().taps == 40
        status, report = await put(client, file)
        assert counts(report) == (40, 0, 40, 0, 0)
        page = (await client.get(f"/api/v1/nodes/{V1.node.hex()}/records", params={"from_seq": 12, "limit": 2})).json()
        assert [one["imported"] for one in page["records"]] == [False, True]
    async with playing(tmp_path, [V1]) as book, asking(book) as client:  # a restart later the node comes back
        book.attach(node)
        await book.send(node, node.batch(13, 40))
        assert node.receipted == set(node.journal)
        told = (await client.get("/api/v1/ledger", params={"verify": True})).json()
        (row,) = told["rows"]
        assert told["reconciles"]
        assert (row["stored"], row["imported"], row["refused_duplicates"], row["conflicting"]) == (40, 28, 28, 0)


async def test_an_import_does_not_take_a_node_online_and_never_stores_over_a_record(book: Playbook) -> None:
    node, other = Peer(V1), Peer(V1)
    for _ in range(5):
        node.tap()
        other.cash()
    await book.send(node, node.batch(1, 2))
    file = drained(V1.node, image_of(list(other.journal.values())))
    async with asking(book) as client:
        status, report = await put(client, file)
        assert (status, counts(report), report["conflicts"]) == (409, (5, 3, 0, 2, 0), [1, 2])
        assert set(book.stored(node)) == {1, 2}
        status, report = await put(client, file, despite_conflicts=True)
        assert (status, counts(report)) == (200, (5, 3, 0, 2, 3))
        assert book.stored(node) == {seq: (node if seq <= 2 else other).journal[seq] for seq in range(1, 6)}
        quiet = drained(V2.node, image_of([Peer(V2).journal.get(1) or record.build(77, 1, 1, 1, START_MS, b"")]))
        assert (await put(client, quiet))[0] == 200
        assert [view["online"] for view in (await client.get("/api/v1/nodes")).json()] == [True, False]


async def test_gaps_that_a_dead_nodes_journal_declares_are_believed_and_torn_entries_are_owed(book: Playbook) -> None:
    node = Peer(V1)
    for _ in range(4):
        node.tap()
    node.declare_gap(2, 3)
    image = bytearray(image_of([node.journal[seq] for seq in (1, 4, 5)]))
    at = image.find(node.journal[4])
    image[at + 20] ^= 0xFF
    async with asking(book) as client:
        _, report = await put(client, drained(V1.node, bytes(image)))
        assert (counts(report), report["damaged"]) == (
            (1, 1, 0, 0, 1),
            1,
        )  # behind a torn entry the page is passed over
        (row, _) = (await client.get("/api/v1/ledger")).json()["rows"]
        assert (row["highest_seq"], row["stored"]) == (1, 1)
        await put(client, drained(V1.node, image_of([node.journal[5]])))
        (row, _) = (await client.get("/api/v1/ledger")).json()["rows"]
        assert (row["declared_gaps"], row["missing_ranges"]) == (2, [[4, 4]])


async def test_what_is_no_whole_drain_file_of_a_known_node_is_refused(book: Playbook) -> None:
    image = image_of([record.build(77, 1, 1, 1, START_MS, b"")])
    async with asking(book) as client:
        for data, status, sentence in (
            (b"", 422, "no drain file"),
            (b"{}\n", 422, "no drain file"),
            (b"[" * 1000 + b"\n", 422, "no drain file"),
            (drained(V1.node, image)[:-4096], 422, "vuzol drain again"),
            (drained(V1.node, image) + b"x", 422, "contradict"),
            (drained(bytes(7) + b"\x63", image), 404, "not in the registry"),
        ):
            assert (await put(client, data))[0] == status
            assert sentence in str((await put(client, data))[1]["detail"])


class FullDisk(SqliteStore):
    """The fault is real SQLite's, raised inside its transaction."""

    def _insert_imports(self, group: Group) -> None:
        super()._insert_imports(group)
        if group.imports:
            raise sqlite3.OperationalError("database or disk is full")


async def test_an_import_that_cannot_be_committed_stores_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.ingest.RETRY_S", 0.01)
    node = Peer(V1)
    node.tap()
    store = FullDisk.open(tmp_path / "vuzol.sqlite3")
    async with playing(tmp_path, [V1], store=store) as book, asking(book) as client:
        status, answer = await put(client, drained(V1.node, image_of([node.journal[1]])))
        assert (status, "disk is full" in str(answer["detail"])) == (503, True)
        assert book.stored(node) == {}
        await book.send(node, node.batch())
        assert book.stored(node) == node.journal

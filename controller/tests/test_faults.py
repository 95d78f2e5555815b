"""What happens when the database fails: real SQLite's errors, no receipt, a clear word in the log, and no record lost.

Never raises an error by hand: disks are full, files are locked and pages are damaged.
Specification: protocol.md, guarantees G3 and G9; README.md here, "When the database fails".
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from controller.tests.asking import asking
from controller.tests.peer import Peer, make_entry
from controller.tests.playbook import Playbook, playing

V1 = make_entry(1, vehicle=17, vehicle_id="17")
V2 = make_entry(2, vehicle=18, vehicle_id="18")
DATABASE = "vuzol.sqlite3"
FAILED = "commit failed, its nodes will send again"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.ingest.RETRY_S", 0.01)


def taps(node: Peer, count: int) -> Peer:
    for _ in range(count):
        node.tap()
    return node


async def failures(book: Playbook, *expected: str) -> None:
    """So the metrics and /healthz say it."""
    async with asking(book) as client:
        assert (await client.get("/healthz")).json()["storing"] is (not expected)
    count = book.metrics.text().decode().partition("\nvuzol_commit_failures_total ")[2].split()[0]
    assert (float(count) > 0) is bool(expected)


async def test_a_full_disk_gives_no_receipt_and_what_comes_again_when_there_is_room_is_stored(tmp_path: Path) -> None:
    node = taps(Peer(V1), 300)
    async with playing(tmp_path, [V1]) as book:
        book.attach(node)
        await book.send(node, node.batch(1, 20))
        (pages,) = book.store._writer.execute("PRAGMA page_count").fetchone()
        book.store._writer.execute(f"PRAGMA max_page_count = {pages}")
        with capture_logs() as logs:
            for first in range(21, 300, 20):
                await book.send(node, node.batch(first, first + 19))
        told = [one for one in logs if one["event"] == FAILED]
        assert told
        assert {one["error"] for one in told} == {"database or disk is full"}
        assert told[0]["first"] == [V1.node.hex()]
        assert node.receipted == set(book.stored(node)) != set(node.journal)
        await failures(book, "full")
        book.store._writer.execute("PRAGMA max_page_count = 1000000")
        for first in range(1, 300, 20):
            await book.send(node, node.batch(first, first + 19))
        assert book.stored(node) == node.journal
        assert node.receipted == set(node.journal)
        (row,) = book.town.ledger.rows()
        assert (row.reconciles, row.stored, row.conflicting) == (True, 300, 0)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program writes, and takes its time."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_a_database_that_another_program_locks_costs_time_and_nothing_else(tmp_path: Path) -> None:
    node = taps(Peer(V1), 5)
    async with playing(tmp_path, [V1]) as book, asking(book) as client:
        book.attach(node)
        book.store._writer.execute("PRAGMA busy_timeout = 20")
        with locked(tmp_path / DATABASE), capture_logs() as logs:
            await book.send(node, node.batch())
            assert (await client.get("/api/v1/ledger", params={"verify": True})).status_code == 200
        assert [one["error"] for one in logs if one["event"] == FAILED] == ["database is locked"]
        assert (node.receipts, book.stored(node)) == ([], {})
        await failures(book, "locked")
        await book.send(node, node.batch())
        assert (book.stored(node), node.receipted) == (node.journal, set(node.journal))


async def test_after_enough_good_commits_the_controller_says_that_it_stores_again(tmp_path: Path) -> None:
    node = taps(Peer(V1), 80)
    async with playing(tmp_path, [V1]) as book, asking(book) as client:
        book.store._writer.execute("PRAGMA busy_timeout = 20")
        with locked(tmp_path / DATABASE):
            await book.send(node, node.batch(1, 1))
        with capture_logs() as logs:
            for seq in range(1, 81):
                await book.send(node, node.batch(seq, seq))
        assert [one["event"] for one in logs].count("commits succeed again") == 1
        assert (await client.get("/healthz")).json()["storing"]
        assert book.stored(node) == node.journal


def damage_page_of(path: Path, raw: bytes) -> None:
    """Overwrite the page that holds this record, as a dying disk would."""
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[16:18], "big")  # sqlite.org/fileformat.html, 1.3.2
    at = data.index(raw) // size * size
    data[at : at + 100] = b"\xaa" * 100
    path.write_bytes(data)


async def test_a_damaged_page_fails_the_envelopes_that_touch_it_and_no_others(tmp_path: Path) -> None:
    broken, sound = taps(Peer(V1), 600), taps(Peer(V2), 600)
    async with playing(tmp_path, [V1, V2]) as book:
        for first in range(1, 500, 50):
            await book.send(broken, broken.batch(first, first + 49))
    damage_page_of(tmp_path / DATABASE, broken.journal[250])
    async with playing(tmp_path, [V1, V2]) as book, asking(book) as client:
        book.attach(broken, sound)
        with capture_logs() as logs:
            for _ in range(2):  # the first time all are in one group
                book.town.ingest.receive(broken.up, broken.batch(230, 270))
                for first in range(1, 600, 50):
                    book.town.ingest.receive(sound.up, sound.batch(first, first + 49))
                await book.settle()
        told = [one for one in logs if one["event"] == FAILED]
        assert {one["error"] for one in told} == {"database disk image is malformed"}
        assert [one["first"] for one in told] == [[V1.node.hex(), V2.node.hex()], [V1.node.hex()]]
        assert (sound.receipted, broken.receipts) == (set(sound.journal), [])
        await failures(book, "malformed")
        answer = await client.get("/api/v1/ledger", params={"verify": True})
        assert answer.status_code == 503
        assert "the database cannot be used (database disk image is malformed)" in answer.json()["detail"]
        assert (await client.get("/api/v1/ledger", params={"node": V2.node.hex()})).json()["reconciles"]

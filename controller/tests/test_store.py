"""The SQLite store: whole groups, numbered migrations, one controller a file.

Never mocks the database.
Specification: controller/store/__init__.py.
"""

import sqlite3
from pathlib import Path

import pytest

from controller.store import FeedRow, GapRow, Group, RangeRow, RecordRow, StoreError, node_bytes, node_number
from controller.store.migrate import migrations
from controller.store.sqlite import ROWS_A_STATEMENT, SqliteStore


def _group(*seqs: int, node: int = 1) -> Group:
    rows = [RecordRow(node, seq, 16, 100, bytes([seq & 0xFF])) for seq in seqs]
    ranges = [RangeRow(node, seq, seq) for seq in seqs]
    return Group(records=rows, ranges=ranges, nodes={node: (1, 100)}, tallies={"MediumTapped": len(seqs)})


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore.open(tmp_path / "a.sqlite3")


def test_a_group_is_there_after_the_file_is_opened_again(tmp_path: Path, store: SqliteStore) -> None:
    group = _group(*range(1, ROWS_A_STATEMENT * 2 + 4))
    group.gaps = [GapRow(1, 600, 580, 590, 1)]
    assert store.commit(group) == []
    store.close()
    again = SqliteStore.open(tmp_path / "a.sqlite3")
    (saved,) = again.sessions()
    assert (saved.node, saved.boot_id, saved.rows, len(saved.stored)) == (1, 1, 515, 515)
    assert saved.gaps == [(580, 590, 1)]
    assert again.tallies() == {"MediumTapped": 515}
    assert [row.seq for row in again.records(1, 510, 3)] == [510, 511, 512]
    assert again.audit()[1] == {1: 515}
    again.close()


def test_a_group_that_holds_a_stored_record_changes_nothing_at_all(store: SqliteStore) -> None:
    store.commit(_group(1, 2))
    with pytest.raises(sqlite3.IntegrityError):
        store.commit(_group(3, 2))
    assert [row.seq for row in store.records(1, 0, 10)] == [1, 2]
    assert store.tallies() == {"MediumTapped": 2}
    store.commit(_group(3))
    assert store.sessions()[0].rows == 3
    store.close()


def test_duplicates_are_compared_with_what_is_stored_also_in_the_same_group(store: SqliteStore) -> None:
    store.commit(_group(1))
    group = _group(2)
    group.duplicates = [(1, 1, b"\1"), (1, 2, b"\2"), (1, 1, b"other"), (1, 2, b"other")]
    assert store.commit(group) == [(1, 1), (1, 2)]
    (saved,) = store.sessions()
    assert (saved.refused_duplicates, saved.conflicting) == (4, 2)
    assert [row.raw for row in store.records(1, 0, 10)] == [b"\1", b"\2"]
    store.close()


def test_a_run_of_a_trip_gets_one_number_for_ever(tmp_path: Path, store: SqliteStore) -> None:
    first = store.trip_ref("2026-10-16", "t1")
    assert store.trip_ref("2026-10-17", "t1") != first != 0
    store.close()
    again = SqliteStore.open(tmp_path / "a.sqlite3")
    assert again.trip_ref("2026-10-16", "t1") == first
    assert again.trip_runs([first, 99]) == {first: ("2026-10-16", "t1")}
    again.close()


def test_the_feed_imported_last_is_in_force(store: SqliteStore) -> None:
    store.add_feed(FeedRow("a", "A", 1))
    store.add_feed(FeedRow("b", "B", 2))
    assert [row.sha256 for row in store.feeds()] == ["b", "a"]
    store.add_feed(FeedRow("a", "A", 3))
    assert [row.sha256 for row in store.feeds()] == ["a", "b"]
    store.close()


def test_durability_is_what_the_ledger_needs(store: SqliteStore) -> None:
    assert store._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._writer.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    store.close()


def test_two_controllers_cannot_share_a_database(tmp_path: Path, store: SqliteStore) -> None:
    with pytest.raises(StoreError, match=r"Another controller uses .* store\.path"):
        SqliteStore.open(tmp_path / "a.sqlite3")
    store.close()
    SqliteStore.open(tmp_path / "a.sqlite3").close()


def test_a_file_that_is_no_database_and_one_from_the_future_are_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, but long enough to be looked at\n" * 100)
    with pytest.raises(StoreError, match="Cannot use the database"):
        SqliteStore.open(tmp_path / "text")
    (tmp_path / "blocked").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="Cannot use the database"):
        SqliteStore.open(tmp_path / "blocked" / "x.sqlite3")
    future = sqlite3.connect(tmp_path / "future")
    future.execute("PRAGMA user_version = 999")
    future.close()
    with pytest.raises(StoreError, match="newer than this controller"):
        SqliteStore.open(tmp_path / "future")


def test_migrations_are_numbered_without_a_hole_and_bring_an_old_database_up_to_date(tmp_path: Path) -> None:
    known = migrations()
    assert [number for number, _ in known] == list(range(1, len(known) + 1))
    old = sqlite3.connect(tmp_path / "old", isolation_level=None)
    old.executescript(known[0][1] + "PRAGMA user_version = 1;")
    old.execute("INSERT INTO record VALUES (1, 1, 16, 0, x'00')")
    old.close()
    store = SqliteStore.open(tmp_path / "old")
    assert [row.seq for row in store.records(1, 0, 10)] == [1]
    assert store.trip_ref("2026-10-16", "t") == 1
    store.close()


def test_a_node_id_is_a_number_and_back() -> None:
    for node in (b"\0" * 8, b"\xff" * 8, bytes(range(8)), b"\x80" + bytes(7)):
        assert node_bytes(node_number(node)) == node

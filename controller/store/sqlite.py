"""The store in one SQLite file: WAL, synchronous=FULL, one connection that writes and one that reads.

Never decides what is new: a record that stands already makes the whole group fail, and nothing is overwritten.
Specification: sqlite.org/wal.html; store/__init__.py says what a store must do, migrations/ what the tables hold.
"""

import fcntl
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, TextIO

from controller.store import MAX_SEQ, FeedRow, Group, SavedSession, StoredRecord, StoreError
from controller.store.alarms import AlarmTable
from controller.store.buildings import BuildingTable
from controller.store.documents import DocumentTable
from controller.store.migrate import migrate
from controller.store.retention import RetentionTable, is_same
from controller.store.samples import SampleStore
from controller.store.updates import UpdateTable

# Rows a statement: the interpreter's lock changes hands once a statement, not once a row.
ROWS_A_STATEMENT = 256
_CACHE_KIB = 16 * 1024
_INSERT_RECORD = "INSERT INTO record (node, seq, kind, stored_s, raw) VALUES "
# A record's clock quality and its time, Unix seconds: protocols/wire/record.py.
_CLOCK_IS_SET = "substr(raw, 4, 1) > x'00'"
_TIME_S = "substr(raw, 13, 4)"
_NODE_SEEN = """
    INSERT INTO node_state (node, boot_id, last_seen_s, stored, refused_duplicates, conflicting)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (node) DO UPDATE SET
        boot_id = excluded.boot_id,
        last_seen_s = MAX(last_seen_s, excluded.last_seen_s),
        stored = stored + excluded.stored,
        refused_duplicates = refused_duplicates + excluded.refused_duplicates,
        conflicting = conflicting + excluded.conflicting
"""


class SqliteStore:
    """A store on one file; `open` makes it. See `controller.store.Store` for the calls."""

    def __init__(
        self,
        writer: sqlite3.Connection,
        reader: sqlite3.Connection,
        lock_file: TextIO,
        documents: DocumentTable,
        alarms: AlarmTable,
        samples: SampleStore,
        buildings: BuildingTable,
        retention: RetentionTable,
        updates: UpdateTable,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._reading = Lock()  # HTTP answers come from several threads
        self._lock_file = lock_file
        self.documents = documents
        self.alarms = alarms
        self.samples = samples
        self.buildings = buildings
        self.retention = retention
        self.updates = updates

    @classmethod
    def open(cls, path: Path) -> "SqliteStore":
        """Open or make the database. Raises StoreError."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)  # people's second factors lie in it
            lock_file = path.with_name(path.name + ".lock").open("w")
        except OSError as error:
            raise StoreError(f"Cannot use the database {path} ({error.strerror}): correct store.path.") from None
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            writer = connect(path)
            migrate(writer)
            reader = connect(path)
            reader.execute("PRAGMA query_only = ON")
            documents = DocumentTable(writer, connect(path))
            alarms = AlarmTable(writer, connect(path))
            samples = SampleStore(writer, connect(path))
            buildings = BuildingTable(writer, connect(path))
            retention = RetentionTable(writer, connect(path))
            updates = UpdateTable(writer, connect(path))
        except BlockingIOError:
            lock_file.close()
            raise StoreError(f"Another controller uses {path}: stop it, or change store.path.") from None
        except sqlite3.Error as error:
            lock_file.close()
            raise StoreError(f"Cannot use the database {path} ({error}): restore it or change store.path.") from None
        except StoreError:
            lock_file.close()
            raise
        return cls(writer, reader, lock_file, documents, alarms, samples, buildings, retention, updates)

    def close(self) -> None:
        self.updates.close()
        self.retention.close()
        self.buildings.close()
        self.samples.close()
        self.alarms.close()
        self.documents.close()
        self._reader.close()
        self._writer.close()
        self._lock_file.close()

    # --- writing: the writer thread only

    def commit(self, group: Group) -> list[tuple[int, int]]:
        db = self._writer
        with db:
            db.execute("BEGIN IMMEDIATE")
            self._insert_records(group)
            self._insert_imports(group)
            differing = [one for one in group.duplicates if not self._holds(*one)]
            conflicts = [(node, seq) for node, seq, _ in differing]
            db.executemany(
                "INSERT OR IGNORE INTO conflict VALUES (?, ?, ?, ?)",
                ((node, seq, group.nodes[node][1], raw) for node, seq, raw in differing),
            )
            db.executemany("INSERT OR REPLACE INTO declared_gap VALUES (?, ?, ?, ?, ?)", group.gaps)
            db.executemany("DELETE FROM stored_range WHERE node = ? AND first_seq = ?", group.ranges_gone)
            db.executemany("INSERT OR REPLACE INTO stored_range VALUES (?, ?, ?)", group.ranges)
            stored = Counter(row[0] for row in group.records)
            refused = Counter(node for node, _, _ in group.duplicates)
            conflicting = Counter(node for node, _ in conflicts)
            db.executemany(
                _NODE_SEEN,
                (
                    (node, boot_id, seen_s, stored[node], refused[node], conflicting[node])
                    for node, (boot_id, seen_s) in group.nodes.items()
                ),
            )
            db.executemany(
                "INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET events = events + excluded.events",
                group.tallies.items(),
            )
        return conflicts

    def _insert_records(self, group: Group) -> None:
        for start in range(0, len(group.records), ROWS_A_STATEMENT):
            rows = group.records[start : start + ROWS_A_STATEMENT]
            places = ",".join(["(?,?,?,?,?)"] * len(rows))
            self._writer.execute(_INSERT_RECORD + places, [value for row in rows for value in row])

    def _insert_imports(self, group: Group) -> None:
        for row, seqs in group.imports:
            made = self._writer.execute("INSERT INTO import VALUES (NULL, ?, ?, ?, ?)", row)
            self._writer.executemany(
                "INSERT INTO imported_record VALUES (?, ?, ?)", ((row.node, seq, made.lastrowid) for seq in seqs)
            )

    def _holds(self, node: int, seq: int, raw: bytes) -> bool:
        row = self._writer.execute("SELECT raw FROM record WHERE node = ? AND seq = ?", (node, seq)).fetchone()
        return row is not None and is_same(bytes(row[0]), raw)

    def trip_ref(self, service_date: str, trip_id: str) -> int:
        key = (service_date, trip_id)
        with self._writer as db:
            db.execute("INSERT OR IGNORE INTO trip_run (service_date, trip_id) VALUES (?, ?)", key)
            row = db.execute("SELECT ref FROM trip_run WHERE service_date = ? AND trip_id = ?", key).fetchone()
        return int(row[0])

    def reserve_ids(self, up_to: int) -> None:
        with self._writer as db:
            db.execute("INSERT OR REPLACE INTO command_id VALUES (1, ?)", (up_to,))

    def add_feed(self, row: FeedRow) -> None:
        with self._writer as db:
            db.execute("INSERT OR REPLACE INTO feed VALUES (?, ?, ?)", row)

    # --- reading: any thread

    def sessions(self, nodes: Sequence[int] | None = None) -> list[SavedSession]:
        with self._reading:
            return self._sessions(nodes)

    def _sessions(self, nodes: Sequence[int] | None) -> list[SavedSession]:
        states = self._reader.execute(
            "SELECT node, boot_id, last_seen_s, stored, refused_duplicates, conflicting FROM node_state ORDER BY node"
        )
        found = {
            node: SavedSession(node, boot_id, seen_s, rows, refused_duplicates=refused, conflicting=conflicting)
            for node, boot_id, seen_s, rows, refused, conflicting in states
            if nodes is None or node in nodes
        }
        for node, first, last in self._reader.execute("SELECT node, first_seq, last_seq FROM stored_range"):
            if node in found:
                found[node].stored.append((first, last))
        declared = self._reader.execute("SELECT node, first_seq, last_seq, reason FROM declared_gap ORDER BY node, seq")
        for node, first, last, reason in declared:
            if node in found:
                found[node].gaps.append((first, last, reason))
        for node, seq in self._reader.execute("SELECT node, seq FROM conflict ORDER BY node, seq"):
            if node in found:
                found[node].conflicts.append(seq)
        for node, rows in self._reader.execute("SELECT node, COUNT(*) FROM imported_record GROUP BY node"):
            if node in found:
                found[node].imported = rows
        return list(found.values())

    def reserved_ids(self) -> int:
        return max((reserved for (reserved,) in self._read("SELECT reserved FROM command_id")), default=0)

    def tallies(self) -> dict[str, int]:
        return dict(self._read("SELECT name, events FROM tally"))

    def records(self, node: int, from_seq: int, limit: int) -> list[StoredRecord]:
        rows = self._read(
            "SELECT seq, kind, stored_s, raw, import IS NOT NULL"
            " FROM record LEFT JOIN imported_record USING (node, seq) WHERE node = ? AND seq >= ? ORDER BY seq LIMIT ?",
            (node, from_seq, limit),
        )
        return [StoredRecord(*row) for row in rows]

    def records_of(self, node: int, kind: int, seqs: tuple[int, int], period: tuple[int, int]) -> list[StoredRecord]:
        bounds = period[0].to_bytes(4, "big"), (period[1] - 1).to_bytes(4, "big")
        rows = self._read(
            "SELECT seq, kind, stored_s, raw, import IS NOT NULL"
            " FROM record LEFT JOIN imported_record USING (node, seq)"
            " WHERE node = ? AND seq BETWEEN ? AND ? AND kind = ?"
            f" AND (NOT {_CLOCK_IS_SET} OR {_TIME_S} BETWEEN ? AND ?) ORDER BY seq",
            (node, *seqs, kind, *bounds),
        )
        return [StoredRecord(*row) for row in rows]

    def audit(self) -> tuple[list[SavedSession], dict[int, int]]:
        with self._one_moment() as db:
            counted = dict(db.execute("SELECT node, COUNT(*) FROM record GROUP BY node").fetchall())
            return self._sessions(None), counted

    def audit_period(self, from_s: int, to_s: int) -> tuple[list[SavedSession], dict[int, tuple[int, int, int]]]:
        with self._one_moment() as db:
            found = db.execute(
                f"SELECT node, MIN(seq), MAX(seq) FROM record WHERE {_CLOCK_IS_SET} AND {_TIME_S} BETWEEN ? AND ?"
                " GROUP BY node",
                (from_s.to_bytes(4, "big"), (to_s - 1).to_bytes(4, "big")),
            ).fetchall()
            return self._sessions(None), {node: self._period(node, first, last) for node, first, last in found}

    def _period(self, node: int, first: int, last: int) -> tuple[int, int, int]:
        """first..last with the numbers around them that have no time of their own, and the rows among them."""
        timed = f"FROM record WHERE node = ? AND {_CLOCK_IS_SET}"
        (before,) = self._reader.execute(f"SELECT MAX(seq) {timed} AND seq < ?", (node, first)).fetchone()
        (behind,) = self._reader.execute(f"SELECT MIN(seq) {timed} AND seq > ?", (node, last)).fetchone()
        first, last = (before or 0) + 1, last if behind else MAX_SEQ
        (rows,) = self._reader.execute(
            "SELECT COUNT(*) FROM record WHERE node = ? AND seq BETWEEN ? AND ?", (node, first, last)
        ).fetchone()
        return first, last, rows

    @contextmanager
    def _one_moment(self) -> Iterator[sqlite3.Connection]:
        """Everything that is read inside is of the same moment."""
        with self._reading:
            self._reader.execute("BEGIN")
            try:
                yield self._reader
            finally:
                self._reader.execute("COMMIT")

    def trip_runs(self, refs: Sequence[int]) -> dict[int, tuple[str, str]]:
        places = ",".join("?" * len(refs))
        rows = self._read(f"SELECT ref, service_date, trip_id FROM trip_run WHERE ref IN ({places})", refs)
        return {ref: (service_date, trip_id) for ref, service_date, trip_id in rows}

    def feeds(self) -> list[FeedRow]:
        rows = self._read("SELECT sha256, name, imported_ms FROM feed ORDER BY imported_ms DESC, rowid DESC")
        return [FeedRow(*row) for row in rows]

    def _read(self, sql: str, values: Sequence[int | bytes] = ()) -> list[Any]:
        with self._reading:
            return self._reader.execute(sql, values).fetchall()


def connect(path: Path) -> sqlite3.Connection:
    """One connection as all of ours are. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection

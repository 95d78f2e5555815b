"""Samples of other people's devices in the controller's SQLite file: added in lumps, read in pages.

Never changes one. Specification: migrations/0004_samples.sql, 0010_buildings.sql.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any, NamedTuple

from controller.devices.device import Sample

ROWS_A_LOOK = 10_000
STORED, ALREADY, CONFLICT = "stored", "already", "conflict"


class StoredSample(NamedTuple):
    """One sample on its way out; `id` grows in the order of storing."""

    id: int
    point: str
    time_ms: int
    value: float | None
    quality: int


class PushedDevice(NamedTuple):
    """A device that pushes. `channels`: name -> unit."""

    name: str
    kind: str
    speaks_s: int
    channels: dict[str, str]


class SampleStore:
    """A part of SqliteStore: `add`, `push` and `register` belong to the one writer thread."""

    def __init__(self, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._reading = Lock()
        self._series: dict[tuple[str, str], int] = {}

    def close(self) -> None:
        """Let go of the database."""
        self._reader.close()

    def add(self, samples: Sequence[Sample]) -> None:
        """Make samples durable. Raises sqlite3.Error, and then none of them is."""
        try:
            with self._writer as db:
                db.execute("BEGIN IMMEDIATE")
                db.executemany(
                    "INSERT INTO sample (series, time_ms, value, quality) VALUES (?, ?, ?, ?)",
                    [(self._number(db, one.device, one.point), one.time_ms, one.value, one.quality) for one in samples],
                )
        except sqlite3.Error:
            self._series.clear()  # some of these numbers were rolled back
            raise

    def push(self, samples: Sequence[tuple[Sample, int]]) -> list[str]:
        """The same for samples with their sequence numbers: what became of each. Raises sqlite3.Error as add() does."""
        try:
            with self._writer as db:
                db.execute("BEGIN IMMEDIATE")
                return [self._push(db, *one) for one in samples]
        except sqlite3.Error:
            self._series.clear()
            raise

    def _push(self, db: sqlite3.Connection, one: Sample, sequence: int) -> str:
        key = self._number(db, one.device, one.point), one.time_ms, sequence
        done = db.execute(
            "INSERT OR IGNORE INTO sample (series, time_ms, sequence, value, quality) VALUES (?, ?, ?, ?, ?)",
            (*key, one.value, one.quality),
        )
        if done.rowcount:
            return STORED
        (value, quality) = db.execute(
            "SELECT value, quality FROM sample WHERE series = ? AND time_ms = ? AND sequence = ?", key
        ).fetchone()
        return ALREADY if (value, quality) == (one.value, one.quality) else CONFLICT

    def _number(self, db: sqlite3.Connection, device: str, point: str) -> int:
        key = (device, point)
        if key not in self._series:
            db.execute("INSERT OR IGNORE INTO series (device, point) VALUES (?, ?)", key)
            (number,) = db.execute("SELECT id FROM series WHERE device = ? AND point = ?", key).fetchone()
            self._series[key] = number
        return self._series[key]

    def register(self, device: PushedDevice, added_s: int, added_by: str) -> None:
        """A device that will push; its kind and units from now on. Raises sqlite3.Error."""
        with self._writer as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute(
                "INSERT INTO pushed_device VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, speaks_s = excluded.speaks_s",
                (device.name, device.kind, device.speaks_s, added_s, added_by),
            )
            db.executemany(
                "INSERT OR REPLACE INTO pushed_channel VALUES (?, ?, ?)",
                ((device.name, name, unit) for name, unit in device.channels.items()),
            )

    def registered(self) -> list[PushedDevice]:
        """All of them, by name."""
        channels: dict[str, dict[str, str]] = {}
        for device, name, unit in self._read("SELECT device, name, unit FROM pushed_channel ORDER BY device, name"):
            channels.setdefault(device, {})[name] = unit
        found = self._read("SELECT name, kind, speaks_s FROM pushed_device ORDER BY name")
        return [PushedDevice(name, kind, speaks_s, channels.get(name, {})) for name, kind, speaks_s in found]

    def latest(self, device: str, point: str) -> StoredSample | None:
        """The newest one by its own time."""
        rows = self._read(
            "SELECT sample.id, point, time_ms, value, quality FROM sample JOIN series ON series.id = sample.series"
            " WHERE device = ? AND point = ? ORDER BY time_ms DESC, sample.id DESC LIMIT 1",
            (device, point),
        )
        return StoredSample(*rows[0]) if rows else None

    def series(self) -> list[tuple[str, str]]:
        """(device, point) of whatever was ever stored."""
        return [(device, point) for device, point in self._read("SELECT device, point FROM series ORDER BY 1, 2")]

    def span(self, device: str, point: str, from_ms: int, to_ms: int) -> Iterator[StoredSample]:
        """Samples of from_ms <= time < to_ms, in order of time."""
        last = from_ms, 0
        while rows := self._read(
            "SELECT id, ?2, time_ms, value, quality FROM sample"
            " WHERE series = (SELECT id FROM series WHERE device = ?1 AND point = ?2)"
            f" AND time_ms < ?3 AND (time_ms, id) > (?4, ?5) ORDER BY time_ms, id LIMIT {ROWS_A_LOOK}",
            (device, point, to_ms, *last),
        ):
            yield from (StoredSample(*row) for row in rows)
            last = rows[-1][2], rows[-1][0]

    def read(self, device: str, point: str, span_ms: tuple[int, int], after: int, limit: int) -> list[StoredSample]:
        """Samples with an id above `after`, in the order of storing; every point where `point` is empty."""
        rows = self._read(
            "SELECT sample.id, point, time_ms, value, quality FROM sample JOIN series ON series.id = sample.series "
            "WHERE device = ? AND (? = '' OR point = ?) AND time_ms BETWEEN ? AND ? AND sample.id > ? "
            "ORDER BY sample.id LIMIT ?",
            (device, point, point, *span_ms, after, limit),
        )
        return [StoredSample(*row) for row in rows]

    def _read(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        with self._reading:
            return self._reader.execute(sql, values).fetchall()

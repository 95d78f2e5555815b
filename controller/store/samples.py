"""Samples of other people's devices in the controller's SQLite file: added in lumps, read in pages.

Never changes or removes one. Specification: migrations/0004_samples.sql.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from controller.devices.device import Sample
from controller.store.sqlite import connect


class StoredSample(NamedTuple):
    """One sample on its way out; `id` grows in the order of storing."""

    id: int
    point: str
    time_ms: int
    value: float | None
    quality: int


class SampleStore:
    """`path` is a database that SqliteStore has opened and migrated. `add` belongs to the one writer thread."""

    def __init__(self, path: Path) -> None:
        self._writer = connect(path)
        self._reader = connect(path)
        self._reading = Lock()
        self._series: dict[tuple[str, str], int] = {}

    def close(self) -> None:
        """Let go of the database."""
        self._reader.close()
        self._writer.close()

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

    def _number(self, db: sqlite3.Connection, device: str, point: str) -> int:
        key = (device, point)
        if key not in self._series:
            db.execute("INSERT OR IGNORE INTO series (device, point) VALUES (?, ?)", key)
            (number,) = db.execute("SELECT id FROM series WHERE device = ? AND point = ?", key).fetchone()
            self._series[key] = number
        return self._series[key]

    def read(self, device: str, point: str, span_ms: tuple[int, int], after: int, limit: int) -> list[StoredSample]:
        """Samples with an id above `after`, in the order of storing; every point where `point` is empty."""
        sql = (
            "SELECT sample.id, point, time_ms, value, quality FROM sample JOIN series ON series.id = sample.series "
            "WHERE device = ? AND (? = '' OR point = ?) AND time_ms BETWEEN ? AND ? AND sample.id > ? "
            "ORDER BY sample.id LIMIT ?"
        )
        with self._reading:
            rows = self._reader.execute(sql, (device, point, point, *span_ms, after, limit)).fetchall()
        return [StoredSample(*row) for row in rows]

"""Buildings, meter points, meters and entered readings in the controller's SQLite file: rows in, what is in force out.

Never changes a meter's or a reading's row and never judges one. Specification: migrations/0010_buildings.sql.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from threading import Lock
from typing import Any, NamedTuple

FOR_EVER_MS = 1 << 62


class PointRow(NamedTuple):
    """A point with its building."""

    id: int
    building: str
    address: str
    area_m2: float | None
    name: str
    medium: str
    unit: str


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One meter at one point, from `from_ms` on."""

    from_ms: int
    serial: str
    unit: str
    ratio: float
    weight: float | None
    digits: int | None
    first: float | None
    final_before: float | None
    place: str
    value: str


class EnteredRow(NamedTuple):
    """A reading that somebody entered; `value` None withdraws what was entered before."""

    at_ms: int
    value: float | None
    note: str
    quality: str


class Entries(NamedTuple):
    """What one commit writes; a point is named by building and name, and made where there is none."""

    points: Sequence[tuple[str, str, float | None, str, str, str]]  # building, address, area, point, medium, unit
    epochs: Sequence[tuple[tuple[str, str], EpochRow]]
    readings: Sequence[tuple[tuple[str, str], EnteredRow]]


_POINT = "(SELECT p.id FROM meter_point p JOIN building b ON b.id = p.building WHERE b.name = ? AND p.name = ?)"


class BuildingTable:
    """A part of SqliteStore: `enter` belongs to the one writer thread."""

    def __init__(self, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._reading = Lock()

    def close(self) -> None:
        """Let go of the database."""
        self._reader.close()

    def enter(self, entries: Entries, entered_s: int, entered_by: str) -> None:
        """All of it, or nothing. Raises sqlite3.Error."""
        by = (entered_s, entered_by)
        with self._writer as db:
            db.execute("BEGIN IMMEDIATE")
            for building, address, area_m2, point, medium, unit in entries.points:
                db.execute(
                    "INSERT INTO building (name, address, area_m2) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE SET"
                    " address = CASE ?2 WHEN '' THEN address ELSE ?2 END, area_m2 = ifnull(?3, area_m2)",
                    (building, address, area_m2),
                )
                db.execute(
                    "INSERT OR IGNORE INTO meter_point (building, name, medium, unit)"
                    " VALUES ((SELECT id FROM building WHERE name = ?), ?, ?, ?)",
                    (building, point, medium, unit),
                )
            db.executemany(
                f"INSERT INTO meter_epoch VALUES (NULL, {_POINT}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                ((*point, *astuple(row), *by) for point, row in entries.epochs),
            )
            db.executemany(
                f"INSERT INTO entered_reading VALUES (NULL, {_POINT}, ?, ?, ?, ?, ?, ?)",
                ((*point, *row, *by) for point, row in entries.readings),
            )

    def points(self) -> list[PointRow]:
        """All of them, by building and name."""
        return [
            PointRow(*row)
            for row in self._read(
                "SELECT p.id, b.name, b.address, b.area_m2, p.name, p.medium, p.unit"
                " FROM meter_point p JOIN building b ON b.id = p.building ORDER BY b.name, p.name"
            )
        ]

    def epochs(self) -> dict[int, list[EpochRow]]:
        """Point -> its meters that are in force, in order."""
        found: dict[int, dict[int, EpochRow]] = {}
        for point, *row in self._read(
            "SELECT point, from_ms, serial, unit, ratio, weight, digits, first, final_before, place, value"
            " FROM meter_epoch ORDER BY point, from_ms, id"
        ):
            epoch = EpochRow(*row)
            found.setdefault(point, {})[epoch.from_ms] = epoch
        return {point: list(epochs.values()) for point, epochs in found.items()}

    def readings(self, point: int, from_ms: int = 0, to_ms: int = FOR_EVER_MS) -> list[EnteredRow]:
        """What was entered for from_ms <= time < to_ms and is in force, in order; withdrawn ones too."""
        rows = self._read(
            "SELECT at_ms, value, note, quality FROM entered_reading"
            " WHERE point = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms, id",
            (point, from_ms, to_ms),
        )
        return list({row[0]: EnteredRow(*row) for row in rows}.values())

    def _read(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        with self._reading:
            return self._reader.execute(sql, values).fetchall()

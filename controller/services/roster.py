"""The roster: which vehicle makes which block on which service day.

Must never know: trips, times, where a vehicle is.
Specification: ours, CSV with the columns service_date (20260329 or 2026-03-29), vehicle_id, block_id. A trip without a
block_id is a block of its own, named by its trip_id.
"""

from collections.abc import Iterable
from datetime import date

from protocols.gtfs import fields
from protocols.gtfs.errors import ErrorLog
from protocols.gtfs.table import Row, Table

FILE = "roster.csv"
COLUMNS = ("service_date", "vehicle_id", "block_id")


class Roster:
    """Looked up from both sides. A vehicle may make several blocks a day; a block has one vehicle."""

    def __init__(self, rows: Iterable[tuple[date, str, str]] = ()) -> None:
        self._vehicles: dict[tuple[date, str], str] = {}
        self._blocks: dict[tuple[date, str], list[str]] = {}
        for day, vehicle_id, block_id in rows:
            self._vehicles[day, block_id] = vehicle_id
            self._blocks.setdefault((day, vehicle_id), []).append(block_id)

    def vehicle_of(self, day: date, block_id: str) -> str | None:
        return self._vehicles.get((day, block_id))

    def blocks_of(self, day: date, vehicle_id: str) -> tuple[str, ...]:
        return tuple(self._blocks.get((day, vehicle_id), ()))


def read_roster(text: str) -> Roster:
    """An empty text is an empty roster. Raises FeedErrors with every line that is wrong."""
    log = ErrorLog()
    table = Table(FILE, text.encode(), log)
    rows: dict[tuple[date, str], str] = {}

    def one(row: Row) -> None:
        day = row.parsed("service_date", _day)
        vehicle_id = row.required("vehicle_id")
        block_id = row.required("block_id")
        if (day, block_id) in rows:
            raise ValueError(f"block_id {block_id!r} has a vehicle on this day already: {rows[day, block_id]!r}")
        rows[day, block_id] = vehicle_id

    if table.columns and table.has(COLUMNS):
        table.each(one)
    log.raise_if_any()
    return Roster((day, vehicle_id, block_id) for (day, block_id), vehicle_id in rows.items())


def _day(text: str) -> date:
    return fields.day(text.replace("-", ""))

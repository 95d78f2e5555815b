"""frequencies.txt: one trip repeated at a headway -> explicit trips that share its rows.

Must never know: calendars, stops, shapes.
Specification: GTFS frequencies.txt. exact_times is not read: the headway is the plan either way.
A block_id is kept: a template that returns every N minutes is one vehicle that goes round.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from protocols.gtfs import fields
from protocols.gtfs.feed import Trip
from protocols.gtfs.table import Row, Table

REQUIRED = ("trip_id", "start_time", "end_time", "headway_secs")

# Far above any town's day; a headway of a second on every trip must not eat the memory.
MAX_TRIPS = 250_000


def expand(
    table: Table, trips: Mapping[str, Trip], known: Mapping[str, int], start_s: Callable[[Trip], int]
) -> dict[str, Trip]:
    """`trips` with every template replaced by '<trip_id>@07:10:00', '<trip_id>@07:20:00' …"""
    if not table.has(REQUIRED):
        return dict(trips)
    repeated: dict[str, dict[int, Trip]] = {}
    count = 0

    def repeat(row: Row) -> None:
        nonlocal count
        trip_id = row.required("trip_id")
        if trip_id not in known:
            raise ValueError(f"trip_id {trip_id!r} is unknown")
        first_s = row.parsed("start_time", fields.time_s)
        end_s = row.parsed("end_time", fields.time_s)
        headway_s = row.parsed("headway_secs", fields.whole)
        if headway_s == 0:
            raise ValueError("headway_secs is 0")
        if end_s <= first_s:
            raise ValueError("end_time is not after start_time")
        template = trips.get(trip_id)
        if template is None:
            return
        starts = range(first_s, end_s, headway_s)
        count += len(starts)
        if count > MAX_TRIPS:
            raise ValueError(f"the feed's frequencies make more than {MAX_TRIPS} trips")
        instances = repeated.setdefault(trip_id, {})
        for at_s in starts:
            if at_s in instances:
                raise ValueError(f"trip_id {trip_id!r} starts at {fields.time_text(at_s)} by an earlier line already")
            instances[at_s] = replace(
                template, trip_id=f"{trip_id}@{fields.time_text(at_s)}", shift_s=at_s - start_s(template)
            )

    table.each(repeat)
    expanded: dict[str, Trip] = {}
    for trip_id, trip in trips.items():
        instances = repeated.get(trip_id)
        if instances is None:
            expanded[trip_id] = trip
        else:
            expanded.update((instance.trip_id, instance) for instance in instances.values())
    return expanded

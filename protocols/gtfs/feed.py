"""A feed in memory: whole, consistent, never changed. Stop times lie in arrays, everything else in small records.

Must never know: files, lines, how it was read, what time it is now.
Specification: https://gtfs.org/documentation/schedule/reference/
"""

from __future__ import annotations  # array[int] is not subscriptable at run time

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Agency:
    agency_id: str
    name: str
    url: str
    timezone: str
    lang: str


@dataclass(frozen=True, slots=True)
class Route:
    route_id: str
    agency_id: str
    short_name: str
    long_name: str
    route_type: int  # 0 tram, 1 metro, 2 rail, 3 bus, 11 trolleybus; extended types as they stand
    colour: str  # 'RRGGBB' or empty
    text_colour: str

    @property
    def name(self) -> str:
        return self.short_name or self.long_name or self.route_id


@dataclass(frozen=True, slots=True)
class Stop:
    stop_id: str
    code: str
    name: str
    lat: float | None  # only a boarding area or generic node has no place, and no trip calls there
    lon: float | None
    location_type: int
    parent_station: str


@dataclass(frozen=True, slots=True)
class Trip:
    """Its calls are the feed's rows `first_row` up to `end_row`, all of them later by `shift_s`.

    Trips that frequencies.txt repeats share their rows and differ in the shift.
    """

    trip_id: str
    route_id: str
    service_id: str
    headsign: str
    direction_id: int | None
    block_id: str
    shape_id: str
    wheelchair_accessible: bool
    first_row: int
    end_row: int
    shift_s: int = 0

    @property
    def rows(self) -> range:
        return range(self.first_row, self.end_row)

    @property
    def block(self) -> str:
        """The block; a trip without one is a block of its own."""
        return self.block_id or self.trip_id


@dataclass(frozen=True, slots=True)
class StopTimes:
    """Column arrays, a row a call. Seconds of the service day; `stop` counts into `stop_ids`."""

    stop_ids: tuple[str, ...]
    stop: array[int] = field(default_factory=lambda: array("i"))
    sequence: array[int] = field(default_factory=lambda: array("i"))
    arrival_s: array[int] = field(default_factory=lambda: array("i"))
    departure_s: array[int] = field(default_factory=lambda: array("i"))


@dataclass(frozen=True, slots=True)
class Shape:
    lat: array[float]
    lon: array[float]

    def points(self) -> Iterator[tuple[float, float]]:
        return zip(self.lat, self.lon, strict=True)


@dataclass(frozen=True, slots=True)
class WeeklyService:
    weekdays: tuple[bool, ...]  # Monday first
    first: date
    last: date

    def runs_on(self, day: date) -> bool:
        return self.first <= day <= self.last and self.weekdays[day.weekday()]


@dataclass(frozen=True, slots=True)
class Feed:
    name: str
    version: str
    timezone: str
    agencies: tuple[Agency, ...]
    routes: Mapping[str, Route]
    stops: Mapping[str, Stop]
    trips: Mapping[str, Trip]
    calls: StopTimes
    shapes: Mapping[str, Shape]
    weekly: Mapping[str, WeeklyService]
    added: Mapping[date, frozenset[str]]  # calendar_dates.txt, exception_type 1
    removed: Mapping[date, frozenset[str]]  # and 2
    unused_trips: int = 0  # trips of trips.txt that call at fewer than two stops and are left out

    def service_ids(self, day: date) -> frozenset[str]:
        regular = {service for service, weekly in self.weekly.items() if weekly.runs_on(day)}
        return frozenset(regular - self.removed.get(day, frozenset()) | self.added.get(day, frozenset()))

    def trips_on(self, day: date) -> list[Trip]:
        services = self.service_ids(day)
        return [trip for trip in self.trips.values() if trip.service_id in services]

    def stop_of(self, row: int) -> Stop:
        return self.stops[self.calls.stop_ids[self.calls.stop[row]]]

    def start_s(self, trip: Trip) -> int:
        """Departure from the first stop, in seconds of the service day."""
        return self.calls.departure_s[trip.first_row] + trip.shift_s

    def end_s(self, trip: Trip) -> int:
        """Arrival at the last stop."""
        return self.calls.arrival_s[trip.end_row - 1] + trip.shift_s

    def headsign(self, trip: Trip) -> str:
        return trip.headsign or self.stop_of(trip.end_row - 1).name

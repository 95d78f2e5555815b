"""The plan in absolute time: which trips run on which day, where they go, who calls at a stop when.

Must never know: vehicles, delays, what time it is now.
Specification: GTFS; times count from noon minus 12 h of the service day (protocols/gtfs/service_day.py).
"""

from __future__ import annotations  # array[int] is not subscriptable at run time

from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from protocols.gtfs import Feed, Paths, Route, Trip, TripPath
from protocols.gtfs.service_day import day_start_s, service_days

# Yesterday's night trips, today, tomorrow's early ones, and one to spare for whoever asks about another day.
_DAYS_KEPT = 4


@dataclass(frozen=True, slots=True)
class Run:
    """One trip on one service day; all times Unix."""

    trip: Trip
    service_date: date
    offset_s: int  # added to the feed's rows: the day's 00:00:00 and the trip's own shift
    start_s: int
    end_s: int

    @property
    def block(self) -> str:
        return self.trip.block


@dataclass(frozen=True, slots=True)
class Call:
    """A run at a stop. `row` is the feed's; a loop calls at its first stop twice."""

    run: Run
    row: int
    arrival_s: int
    departure_s: int

    @property
    def is_first(self) -> bool:
        return self.row == self.run.trip.first_row

    @property
    def is_last(self) -> bool:
        return self.row == self.run.trip.end_row - 1


@dataclass(frozen=True, slots=True)
class _Day:
    runs: Mapping[str, Run]  # by trip id
    blocks: Mapping[str, tuple[Run, ...]]
    stops: dict[str, tuple[list[int], list[Call]]]  # filled as stops are asked for; the list orders by departure


class Timetable:
    """A feed, indexed by day and stop. Days are worked out when first asked for and forgotten when old."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.zone = ZoneInfo(feed.timezone)
        self._numbers = {stop_id: number for number, stop_id in enumerate(feed.calls.stop_ids)}
        self._longest_s = max(map(feed.end_s, feed.trips.values()), default=0)
        self._days: OrderedDict[date, _Day] = OrderedDict()
        self._paths = Paths(feed)
        self._trips, self._callers, self._rows = self._index()

    def service_dates(self, from_s: float, to_s: float) -> list[date]:
        """The service days that may have a vehicle out between the two instants."""
        return list(service_days(from_s, to_s, self._longest_s, self.zone))

    def runs(self, day: date) -> Iterable[Run]:
        return self._day(day).runs.values()

    def run(self, day: date, trip_id: str) -> Run | None:
        return self._day(day).runs.get(trip_id)

    def blocks(self, day: date) -> Mapping[str, tuple[Run, ...]]:
        """The day's runs by block, each block in the order in which its vehicle makes them."""
        return self._day(day).blocks

    def departures(self, stop_id: str, from_s: float, to_s: float) -> list[Call]:
        """Calls at the stop that are planned to leave within [from_s, to_s], in that order. Unknown stop: none."""
        days = [self._at_stop(day, stop_id) for day in self.service_dates(from_s, to_s)]
        found = [calls[bisect_left(times, from_s) : bisect_right(times, to_s)] for times, calls in days if times]
        return sorted((call for calls in found for call in calls), key=_departure_s)

    def arrival_s(self, run: Run, row: int) -> int:
        return self.feed.calls.arrival_s[row] + run.offset_s

    def departure_s(self, run: Run, row: int) -> int:
        return self.feed.calls.departure_s[row] + run.offset_s

    def planned_s(self, run: Run, along_m: float) -> float:
        """When the plan has the vehicle at this place of the run's path."""
        stop_m = self.path(run.trip).stop_m
        after = bisect_right(stop_m, along_m)
        if after == 0:
            return run.start_s
        if after == len(stop_m):
            return run.end_s
        row = run.trip.first_row + after
        left_s = self.departure_s(run, row - 1)
        share = (along_m - stop_m[after - 1]) / (stop_m[after] - stop_m[after - 1])
        return left_s + share * (self.arrival_s(run, row) - left_s)

    def path(self, trip: Trip) -> TripPath:
        return self._paths.of(trip)

    def route(self, run: Run) -> Route:
        return self.feed.routes[run.trip.route_id]

    def _index(self) -> tuple[list[Trip], list[array[int]], list[array[int]]]:
        """The trips, and for every stop number the trip number and row of each call there."""
        trips = list(self.feed.trips.values())
        callers = [array("i") for _ in self._numbers]
        rows = [array("i") for _ in self._numbers]
        stops = self.feed.calls.stop
        for number, trip in enumerate(trips):
            for row in trip.rows:
                callers[stops[row]].append(number)
                rows[stops[row]].append(row)
        return trips, callers, rows

    def _day(self, day: date) -> _Day:
        if day not in self._days:
            self._days[day] = self._work_out(day)
            while len(self._days) > _DAYS_KEPT:
                self._days.popitem(last=False)
        self._days.move_to_end(day)
        return self._days[day]

    def _work_out(self, day: date) -> _Day:
        start_s = day_start_s(day, self.zone)
        runs = {}
        blocks: dict[str, list[Run]] = {}
        for trip in self.feed.trips_on(day):
            run = Run(
                trip, day, start_s + trip.shift_s, start_s + self.feed.start_s(trip), start_s + self.feed.end_s(trip)
            )
            runs[trip.trip_id] = run
            blocks.setdefault(run.block, []).append(run)
        ordered = {block: tuple(sorted(members, key=_start_s)) for block, members in blocks.items()}
        return _Day(runs, ordered, {})

    def _at_stop(self, day: date, stop_id: str) -> tuple[list[int], list[Call]]:
        stops = self._day(day).stops
        if stop_id not in stops:
            stops[stop_id] = self._calls_at(day, stop_id)
        return stops[stop_id]

    def _calls_at(self, day: date, stop_id: str) -> tuple[list[int], list[Call]]:
        number = self._numbers.get(stop_id)
        if number is None:
            return [], []
        runs = self._day(day).runs
        calls = []
        for trip, row in zip(self._callers[number], self._rows[number], strict=True):
            run = runs.get(self._trips[trip].trip_id)
            if run is not None:
                calls.append(Call(run, row, self.arrival_s(run, row), self.departure_s(run, row)))
        calls.sort(key=_departure_s)
        return [call.departure_s for call in calls], calls


def _start_s(run: Run) -> int:
    return run.start_s


def _departure_s(call: Call) -> int:
    return call.departure_s

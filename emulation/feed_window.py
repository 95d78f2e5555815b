"""A feed of any age, cut and moved in time so that its liveliest hour is now; who drives there, and where to look.

Must never know: nodes, processes, the controller, the clock (now is an argument).
Specification: ours. A feed that has enough vehicles under way now is neither cut nor moved.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

from emulation.block_chain import chain
from emulation.casting import TURN_S, Casting
from emulation.vehicle_motion import VehicleMotion
from protocols.gtfs import Feed, Paths, Trip, read_feed, write_feed
from protocols.gtfs.service_day import day_start_s, local_date, service_days

AROUND_S = 2 * 3600  # of a feed that is moved, the trips within this of now are kept
ROSTER_AHEAD_S = 36 * 3600  # of one that is not, a night and a day can be watched
FIRST_VEHICLE = 101
_STEP_S = 300
_DAYS_SEARCHED = 370  # a timetable year; feeds that are "valid" for ten repeat themselves


class EmptyFeed(Exception):
    """The feed has no day on which a trip runs."""


@dataclass(frozen=True, slots=True)
class RosterRow:
    service_date: date
    vehicle_id: str
    block_id: str


class FeedWindow:
    """`files` is the feed to give to a controller, `feed` the same read back. `shift_s` is 0 when it was not moved."""

    def __init__(
        self,
        files: Mapping[str, bytes],
        feed: Feed,
        roster: tuple[RosterRow, ...],
        stops: tuple[str, ...],
        shift_s: int,
    ) -> None:
        self.files = files
        self.feed = feed
        self.roster = roster
        self.display_stops = stops
        self.shift_s = shift_s
        self._paths = Paths(feed)

    @property
    def vehicles(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.vehicle_id for row in self.roster))

    def roster_csv(self) -> str:
        text = StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("service_date", "vehicle_id", "block_id"))
        writer.writerows((f"{row.service_date:%Y%m%d}", row.vehicle_id, row.block_id) for row in self.roster)
        return text.getvalue()

    def motion(self, vehicle_id: str, seed: int) -> VehicleMotion:
        """The true movement of one vehicle of the roster."""
        zone = ZoneInfo(self.feed.timezone)
        blocks = {(row.service_date, row.block_id) for row in self.roster if row.vehicle_id == vehicle_id}
        duty = [
            (day, trip)
            for day in sorted({day for day, _ in blocks})
            for trip in self.feed.trips_on(day)
            if (day, trip.block) in blocks
        ]
        duty.sort(key=lambda run: day_start_s(run[0], zone) + self.feed.start_s(run[1]))
        return VehicleMotion(self.feed, self._paths, duty, f"{seed} {vehicle_id}")


def move_to_now(feed: Feed, now_s: float, vehicles: int, displays: int, *, around_s: int = AROUND_S) -> FeedWindow:
    """`vehicles` under way now and `displays` stops that they reach soon; fewer where the feed has no more.

    Raises EmptyFeed.
    """
    zone = ZoneInfo(feed.timezone)
    here = _with_blocks(feed, _days_about(feed, now_s, zone))
    shift_s = 0
    if _out(here, now_s, zone) < vehicles:
        moved, moved_s = _moved(feed, now_s, around_s, zone)
        if _out(moved, now_s, zone) > _out(here, now_s, zone):
            here, shift_s = moved, moved_s
    files = write_feed(here)
    here = read_feed(files)
    days = _days_about(here, now_s, zone)
    casting = Casting(here, {day: day_start_s(day, zone) for day in days}, now_s)
    blocks = casting.choose_blocks(vehicles, displays)
    roster = tuple(
        RosterRow(day, str(FIRST_VEHICLE + number), block_id)
        for number, block_id in enumerate(blocks)
        for day in days
        if casting.has(day, block_id)
    )
    return FeedWindow(files, here, roster, casting.choose_stops(displays, blocks), shift_s)


def _days_about(feed: Feed, now_s: float, zone: ZoneInfo) -> list[date]:
    longest_s = max(map(feed.end_s, feed.trips.values()), default=0)
    return list(service_days(now_s, now_s + ROSTER_AHEAD_S, longest_s, zone))


def _with_blocks(feed: Feed, days: Iterable[date]) -> Feed:
    trips = dict(feed.trips)
    for day in days:
        chained = chain(feed, [trips[trip.trip_id] for trip in feed.trips_on(day)])
        trips.update((trip.trip_id, trip) for trip in chained)
    return replace(feed, trips=trips)


def _out(feed: Feed, now_s: float, zone: ZoneInfo) -> int:
    """Vehicles on a trip now or about to start one."""
    blocks = set()
    for day in _days_about(feed, now_s, zone):
        at_s = now_s - day_start_s(day, zone)
        blocks |= {
            trip.block for trip in feed.trips_on(day) if feed.start_s(trip) <= at_s + TURN_S and feed.end_s(trip) > at_s
        }
    return len(blocks)


def _moved(feed: Feed, now_s: float, around_s: int, zone: ZoneInfo) -> tuple[Feed, int]:
    """The fullest service day's liveliest hours, on the service day that it is now."""
    trips = chain(feed, feed.trips_on(_fullest_day(feed)))
    window_s = _liveliest_s(feed, trips)
    trips = [
        trip for trip in trips if feed.start_s(trip) <= window_s + around_s and feed.end_s(trip) >= window_s - around_s
    ]
    day = local_date(now_s, zone)
    earliest_s = min(feed.calls.arrival_s[trip.first_row] + trip.shift_s for trip in trips)
    # Times of a service day are not negative; those of the day before go on past 24:00:00.
    while now_s - day_start_s(day, zone) < window_s - earliest_s:
        day -= timedelta(days=1)
    shift_s = round(now_s - day_start_s(day, zone)) - window_s
    return _cut(feed, [replace(trip, shift_s=trip.shift_s + shift_s) for trip in trips], day), shift_s


def _fullest_day(feed: Feed) -> date:
    trips = Counter(trip.service_id for trip in feed.trips.values())
    days = {
        weekly.first + timedelta(days=number)
        for weekly in feed.weekly.values()
        for number in range(min((weekly.last - weekly.first).days + 1, _DAYS_SEARCHED))
    }
    days.update(feed.added)
    counts = {day: sum(trips[service_id] for service_id in feed.service_ids(day)) for day in sorted(days)}
    best = max(counts, key=counts.__getitem__, default=None)
    if best is None or not counts[best]:
        raise EmptyFeed("the feed has no day on which a trip runs")
    return best


def _liveliest_s(feed: Feed, trips: Iterable[Trip]) -> int:
    """The middle of the time with the most trips under way: the next hour matters as much as the last."""
    changes = Counter[int]()
    for trip in trips:
        changes[feed.start_s(trip) // _STEP_S] += 1
        changes[feed.end_s(trip) // _STEP_S] -= 1
    level = best = 0
    peak: list[int] = []
    for step in range(min(changes), max(changes) + 1):
        level += changes[step]
        if level > best:
            best, peak = level, []
        if level == best:
            peak.append(step)
    return peak[len(peak) // 2] * _STEP_S + _STEP_S // 2


def _cut(feed: Feed, trips: Iterable[Trip], day: date) -> Feed:
    """A feed of these trips alone, all of them on one day."""
    kept = {trip.trip_id: trip for trip in trips}
    routes = {trip.route_id for trip in kept.values()}
    shapes = {trip.shape_id for trip in kept.values()}
    stops = {feed.stop_of(row).stop_id for trip in kept.values() for row in trip.rows}
    stops |= {feed.stops[stop_id].parent_station for stop_id in stops}
    return replace(
        feed,
        trips=kept,
        routes={route_id: route for route_id, route in feed.routes.items() if route_id in routes},
        stops={stop_id: stop for stop_id, stop in feed.stops.items() if stop_id in stops},
        shapes={shape_id: shape for shape_id, shape in feed.shapes.items() if shape_id in shapes},
        weekly={},
        added={day: frozenset(trip.service_id for trip in kept.values())},
        removed={},
    )

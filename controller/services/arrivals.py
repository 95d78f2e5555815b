"""When the next vehicles come to a stop: the plan, moved by what is known of each vehicle's delay.

Must never know: the clock (now is an argument), displays, how positions arrive.
Specification: ours, measured by the TransitApp ETA benchmark's buckets; domain.md "Stop display" for the 90 s.
"""

from dataclasses import dataclass
from math import exp
from operator import attrgetter

from controller.services.timetable import Call, Run, Timetable
from controller.services.tracking import Following, Tracker

MAX_AGE_S = 90.0  # an older position is no realtime information any more
LOST_MISSES = 12  # nor is a vehicle's that has been off its route for so many positions
LATEST_S = 3600  # a vehicle later than this is not waited for
EARLIEST_S = 600  # and none comes earlier than this
HORIZON_S = 3 * 3600  # how far ahead the plan is shown
PREDICTED_S = 3600  # and how far ahead a delay says anything

# What is left of a delay after a while: a late driver makes some of it up, an early one waits.
LATE_FADES_S, LATE_REMAINS = 2400.0, 0.5
EARLY_FADES_S, EARLY_REMAINS = 900.0, 0.0
TURN_S = 60  # the shortest stay between two trips


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call to come. At the trip's first stop the times are departures. `expected_s` None: by the timetable only."""

    route: str
    headsign: str
    trip_id: str
    vehicle_id: str | None
    scheduled_s: int
    expected_s: int | None
    realtime: bool
    low_floor: bool

    @property
    def shown_s(self) -> int:
        return self.scheduled_s if self.expected_s is None else self.expected_s


class Predictor:
    """Reads the tracker, changes nothing."""

    def __init__(self, timetable: Timetable, tracker: Tracker) -> None:
        self._timetable = timetable
        self._tracker = tracker

    def arrivals(self, stop_id: str, now_s: float, limit: int) -> list[Arrival]:
        """The next `limit` calls that passengers can board, soonest first; a trip's last stop is not one of them."""
        found: list[Arrival] = []
        latest_s = 0
        for call in self._timetable.departures(stop_id, now_s - LATEST_S, now_s + HORIZON_S):
            if len(found) >= limit and call.departure_s - EARLIEST_S > latest_s:
                break
            arrival = None if call.is_last else self._arrival(call, now_s)
            if arrival is not None:
                found.append(arrival)
                found.sort(key=attrgetter("shown_s", "trip_id"))
                del found[limit:]
                latest_s = found[-1].shown_s if found else 0
        return found

    def _arrival(self, call: Call, now_s: float) -> Arrival | None:
        run = call.run
        scheduled_s = call.departure_s if call.is_first else call.arrival_s
        vehicle_id = self._tracker.roster.vehicle_of(run.service_date, run.block)
        following = None if vehicle_id is None else self._tracker.following(vehicle_id)
        expected_s = None
        if following is not None:
            if _is_past(following, call):
                return None
            if _is_live(following, now_s):
                expected_s = round(self._expected_s(following, call, scheduled_s, now_s))
                if expected_s - now_s > PREDICTED_S:
                    expected_s = None
        if expected_s is None and scheduled_s < now_s:
            return None
        route = self._timetable.route(run)
        return Arrival(
            route=route.name,
            headsign=self._timetable.feed.headsign(run.trip),
            trip_id=run.trip.trip_id,
            vehicle_id=vehicle_id,
            scheduled_s=scheduled_s,
            expected_s=expected_s,
            realtime=expected_s is not None,
            low_floor=run.trip.wheelchair_accessible,
        )

    def _expected_s(self, following: Following, call: Call, scheduled_s: int, now_s: float) -> float:
        on_trip = following.on_trip
        if call.run == on_trip.run and on_trip.at_stop and not on_trip.waiting and call.row == on_trip.next_row:
            return now_s
        run = on_trip.run
        delay_s = following.delay_s
        since_s = on_trip.time_s
        if on_trip.waiting:
            delay_s = max(delay_s, now_s - run.start_s)
            since_s = max(since_s, run.start_s + delay_s)
        for later in following.duty[following.index + 1 :]:
            if call.run == run:
                break
            at_end_s = _remaining(delay_s, run.end_s + delay_s - since_s)
            delay_s = max(0.0, at_end_s - max(0, later.start_s - run.end_s - TURN_S))
            run, since_s = later, later.start_s + delay_s
        return max(now_s, scheduled_s + _remaining(delay_s, scheduled_s + delay_s - since_s))


def _remaining(delay_s: float, after_s: float) -> float:
    fades_s, remains = (LATE_FADES_S, LATE_REMAINS) if delay_s > 0 else (EARLY_FADES_S, EARLY_REMAINS)
    return delay_s * (remains + (1 - remains) * exp(-max(after_s, 0.0) / fades_s))


def _is_past(following: Following, call: Call) -> bool:
    """Whether the vehicle has been there, as far as is known; that stays true when its position grows old."""
    current = following.on_trip.run
    if call.run == current:
        return following.done or call.row < following.on_trip.next_row
    return _order(call.run) < _order(current)


def _is_live(following: Following, now_s: float) -> bool:
    return now_s - following.on_trip.time_s <= MAX_AGE_S and following.misses < LOST_MISSES


def _order(run: Run) -> tuple[int, int]:
    return run.start_s, run.end_s

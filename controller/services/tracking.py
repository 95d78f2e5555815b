"""Where on its block a vehicle is: which trip, how far along it, how late.

Must never know: the clock (time is an argument), where positions come from, predictions.
Specification: ours. Of all places of the block where the vehicle can be, the one is taken that is near the position and
agrees with the plan and the last delay; so a street that a trip passes twice, or in both directions, is no riddle.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from math import inf

from controller.services.roster import Roster, read_roster
from controller.services.timetable import Run, Timetable
from protocols.gtfs import Feed, TripPath

__all__ = ["Following", "Roster", "Tracker", "VehicleOnTrip", "read_roster"]

Place = tuple[float, float]  # latitude, longitude

# How far from its path a vehicle may be seen. A path without a shape cuts every corner.
ON_ROUTE_M = 100.0
ON_ROUTE_UNSHAPED_M = 500.0
MAX_SPEED_MPS = 40.0  # commuter rail; also bounds how far a vehicle can have come between two positions
REACH_SLACK_M = 150.0
JITTER_M = 80.0  # a position may fall behind the last one by this much without meaning anything
BACKWARD_M, BACKWARD_LOOK_M = 40.0, 600.0
AT_STOP_M = 35.0
STANDING_MPS = 2.5
START_ZONE_M = 60.0  # within this of its first stop a vehicle has not left yet
ARRIVED_M = 40.0  # within this of its last stop it has arrived

# A first sight is believed only this near the plan.
EARLIEST_S, LATEST_S = 600, 3600
BEFORE_START_S = 3600  # a vehicle that waits longer for its first trip is still in the depot
MISSES_TO_DOUBT = 3
FORGET_S = 1800.0

# Costs are squared errors in units of their expected size.
OFFSET_UNIT_M = 25.0
FIRST_DELAY_UNIT_S = 300.0
DELAY_UNIT_S, DELAY_UNIT_GROWTH = 60.0, 0.5  # a delay changes between positions; by more when they are far apart
MAX_COST = 60.0
WAIT_UNIT_M, MAX_WAIT_COST = 60.0, 12.0  # away from the first stop: on the way to it, until driving explains it better
FIRST_WAIT_AWAY_COST = 25.0


@dataclass(frozen=True, slots=True)
class VehicleOnTrip:
    """`waiting`: at or on the way to the first stop; `progress_m` is then that stop's.

    `off_route_m` is the distance from the path, or from the first stop while waiting. `next_row` is the feed's row.
    """

    vehicle_id: str
    run: Run
    route: str
    headsign: str
    waiting: bool
    progress_m: float
    next_row: int
    next_stop_id: str
    at_stop: bool
    delay_s: int
    off_route_m: float
    time_s: float

    @property
    def trip_id(self) -> str:
        return self.run.trip.trip_id

    @property
    def service_date(self) -> date:
        return self.run.service_date


@dataclass(frozen=True, slots=True)
class Following:
    """What is known of a vehicle: `duty[index]` is the run that it is on, or was on last when it is `done`.

    `passed` is where it was when it last got on; `completed` is the index of the last run that it was seen to end.
    """

    duty: tuple[Run, ...]
    index: int
    on_trip: VehicleOnTrip
    delay_s: float
    passed: Place
    completed: int = -1
    misses: int = 0
    done: bool = False


@dataclass(frozen=True, slots=True)
class _Guess:
    cost: float
    index: int
    waiting: bool
    along_m: float
    offset_m: float
    delay_s: float


class Tracker:
    """Follows the vehicles of a roster. The same positions in the same order give the same answers."""

    def __init__(self, timetable: Timetable, roster: Roster) -> None:
        self.timetable = timetable
        self.roster = roster
        self._feed: Feed = timetable.feed
        self._followed: dict[str, Following] = {}
        self._duties: dict[str, tuple[tuple[date, ...], tuple[Run, ...]]] = {}

    def following(self, vehicle_id: str) -> Following | None:
        return self._followed.get(vehicle_id)

    def update(
        self, vehicle_id: str, lat: float, lon: float, speed_mps: float | None, time_s: float
    ) -> VehicleOnTrip | None:
        """Takes a position. None: no block of the roster, none of its trips near this time, or the block is done."""
        known = self._followed.get(vehicle_id)
        if known is not None and time_s <= known.on_trip.time_s:
            return None if known.done else known.on_trip
        duty = self._duty(vehicle_id, time_s)
        known = self._carried_over(known, duty, time_s)
        if known is not None and known.done:
            return None
        place = lat, lon
        guess = None
        if known is not None:
            guess = self._best(self._next_guesses(known, place, time_s))
        if known is None or _doubtful(known, guess):
            first = self._best(self._first_guesses(duty, known, place, time_s))
            guess = min(filter(None, (guess, first)), key=_cost, default=None)
        if guess is not None:
            followed = self._taken(vehicle_id, duty, known, guess, place, speed_mps, time_s)
        elif known is not None:
            followed = self._astray(known, place, time_s)
        else:
            self._followed.pop(vehicle_id, None)
            return None
        self._followed[vehicle_id] = followed
        return None if followed.done else followed.on_trip

    def _duty(self, vehicle_id: str, time_s: float) -> tuple[Run, ...]:
        days = tuple(self.timetable.service_dates(time_s - LATEST_S, time_s + BEFORE_START_S))
        cached = self._duties.get(vehicle_id)
        if cached is not None and cached[0] == days:
            return cached[1]
        runs = [
            run
            for day in days
            for block_id in self.roster.blocks_of(day, vehicle_id)
            for run in self.timetable.blocks(day).get(block_id, ())
        ]
        duty = tuple(sorted(runs, key=lambda run: (run.start_s, run.end_s)))
        self._duties[vehicle_id] = days, duty
        return duty

    @staticmethod
    def _carried_over(known: Following | None, duty: tuple[Run, ...], time_s: float) -> Following | None:
        """The same knowledge in terms of a new day's duty; None when it is too old or the run is no longer there."""
        if known is None or time_s - known.on_trip.time_s > FORGET_S:
            return None
        if known.duty is not duty:
            if known.on_trip.run not in duty:
                return None
            index = duty.index(known.on_trip.run)
            known = replace(known, duty=duty, index=index, completed=known.completed + index - known.index)
        if known.done and known.index + 1 == len(duty):
            return known
        return replace(known, done=False)

    @staticmethod
    def _best(guesses: Iterator[_Guess]) -> _Guess | None:
        best = min(guesses, key=_cost, default=None)
        return best if best is not None and best.cost <= MAX_COST else None

    def _first_guesses(
        self, duty: tuple[Run, ...], known: Following | None, place: Place, time_s: float
    ) -> Iterator[_Guess]:
        """Where it can be by the plan alone; `known`, which has become doubtful, tells what is behind it."""
        for index, run in enumerate(duty):
            if not run.start_s - BEFORE_START_S <= time_s <= run.end_s + LATEST_S:
                continue
            if known is not None and index <= known.completed:
                continue
            path = self.timetable.path(run.trip)
            for seen in path.projections(place, _tolerance_m(path), path.stop_m[0] + START_ZONE_M):
                delay_s = time_s - self.timetable.planned_s(run, seen.along_m)
                if known is not None and _backwards(path, known.passed, seen.along_m):
                    continue
                if -EARLIEST_S <= delay_s <= LATEST_S:
                    # Early is twice as unlikely as late.
                    unit_s = FIRST_DELAY_UNIT_S if delay_s >= 0 else FIRST_DELAY_UNIT_S / 2
                    cost = (seen.offset_m / OFFSET_UNIT_M) ** 2 + (delay_s / unit_s) ** 2
                    yield _Guess(cost, index, False, seen.along_m, seen.offset_m, delay_s)
            late_s = time_s - run.start_s
            away_m = self._from_first_stop_m(run, place)
            cost = (late_s / FIRST_DELAY_UNIT_S) ** 2
            if away_m <= ON_ROUTE_M:
                cost += (away_m / OFFSET_UNIT_M / 4) ** 2
            elif known is not None and not known.on_trip.waiting and index <= known.index:
                continue  # it has started this one
            elif index == 0 or duty[index - 1].end_s <= time_s:
                cost = max(cost, FIRST_WAIT_AWAY_COST)
            else:
                continue
            yield _Guess(cost, index, True, path.stop_m[0], away_m, max(late_s, 0.0))

    def _next_guesses(self, known: Following, place: Place, time_s: float) -> Iterator[_Guess]:
        """Where it can be now: on along its run, or past the run's end on one of the next."""
        on_trip, duty = known.on_trip, known.duty
        elapsed_s = time_s - on_trip.time_s
        delay_unit_s = DELAY_UNIT_S + DELAY_UNIT_GROWTH * elapsed_s
        from_m = on_trip.progress_m - JITTER_M
        # What the vehicle can have covered, less what lies between it and the run's first metre.
        to_m = on_trip.progress_m + elapsed_s * MAX_SPEED_MPS + REACH_SLACK_M
        if on_trip.waiting:
            to_m += on_trip.off_route_m
        delay_s = known.delay_s
        for index in range(known.index, len(duty)):
            run = duty[index]
            path = self.timetable.path(run.trip)
            startable = on_trip.waiting or index > known.index
            if startable:
                from_m = path.stop_m[0] + START_ZONE_M
                away_m = self._from_first_stop_m(run, place)
                if index == known.index or away_m <= ON_ROUTE_M:
                    cost = min((away_m / WAIT_UNIT_M) ** 2, MAX_WAIT_COST)
                    yield _Guess(cost, index, True, path.stop_m[0], away_m, max(delay_s, time_s - run.start_s))
            for seen in path.projections(place, _tolerance_m(path), from_m, to_m):
                along_m = seen.along_m if startable else max(seen.along_m, on_trip.progress_m)
                seen_delay_s = time_s - self.timetable.planned_s(run, along_m)
                cost = (seen.offset_m / OFFSET_UNIT_M) ** 2 + ((seen_delay_s - delay_s) / delay_unit_s) ** 2
                yield _Guess(cost, index, False, along_m, seen.offset_m, seen_delay_s)
            if index + 1 == len(duty):
                return
            following = duty[index + 1]
            to_m -= path.stop_m[-1] + self._gap_m(run, following)
            if to_m < 0:
                return
            to_m += self.timetable.path(following.trip).stop_m[0]
            delay_s = max(0.0, delay_s - (following.start_s - run.end_s))

    def _taken(
        self,
        vehicle_id: str,
        duty: tuple[Run, ...],
        known: Following | None,
        guess: _Guess,
        place: Place,
        speed_mps: float | None,
        time_s: float,
    ) -> Following:
        run = duty[guess.index]
        path = self.timetable.path(run.trip)
        delay_s = guess.delay_s
        if not guess.waiting:
            same = known is not None and known.index == guess.index and not known.on_trip.waiting
            if same and known is not None:
                # Between stops the plan is a straight line and the vehicle is not: half of every change is noise.
                delay_s = (known.delay_s + delay_s) / 2
            if guess.along_m >= path.stop_m[-1] - ARRIVED_M:
                return self._arrived(vehicle_id, duty, guess, delay_s, place, time_s)
        on_trip = self._on_trip(vehicle_id, run, guess, delay_s, speed_mps, time_s)
        completed = -1
        if known is not None:
            completed = guess.index - 1 if guess.index > known.index else known.completed
            if guess.index == known.index and guess.along_m <= known.on_trip.progress_m:
                place = known.passed
        return Following(duty, guess.index, on_trip, delay_s, place, completed)

    def _arrived(
        self, vehicle_id: str, duty: tuple[Run, ...], guess: _Guess, delay_s: float, place: Place, time_s: float
    ) -> Following:
        """At the last stop: the next run of the block begins with waiting for its start."""
        run = duty[guess.index]
        if guess.index + 1 == len(duty):
            on_trip = self._on_trip(vehicle_id, run, guess, delay_s, None, time_s)
            return Following(duty, guess.index, on_trip, delay_s, place, guess.index, done=True)
        following = duty[guess.index + 1]
        late_s = max(0.0, delay_s - (following.start_s - run.end_s), time_s - following.start_s)
        away_m = self._from_first_stop_m(following, place)
        first_m = self.timetable.path(following.trip).stop_m[0]
        waiting = _Guess(guess.cost, guess.index + 1, True, first_m, away_m, late_s)
        on_trip = self._on_trip(vehicle_id, following, waiting, late_s, None, time_s)
        return Following(duty, waiting.index, on_trip, late_s, place, guess.index)

    def _astray(self, known: Following, place: Place, time_s: float) -> Following:
        """Nowhere near where it can be: a detour or a bad position. It stays where it was and grows late."""
        on_trip, run = known.on_trip, known.on_trip.run
        path = self.timetable.path(run.trip)
        near = path.projections(place, inf, on_trip.progress_m - JITTER_M)
        away_m = min((seen.offset_m for seen in near), default=inf)
        delay_s = max(known.delay_s, time_s - self.timetable.arrival_s(run, on_trip.next_row))
        moved = replace(on_trip, off_route_m=away_m, at_stop=False, delay_s=round(delay_s), time_s=time_s)
        return replace(known, on_trip=moved, delay_s=delay_s, misses=known.misses + 1)

    def _on_trip(
        self, vehicle_id: str, run: Run, guess: _Guess, delay_s: float, speed_mps: float | None, time_s: float
    ) -> VehicleOnTrip:
        path = self.timetable.path(run.trip)
        last = len(path.stop_m) - 1
        if guess.waiting:
            place, at_stop = 0, guess.offset_m <= ON_ROUTE_M
        else:
            moving = speed_mps is not None and speed_mps > STANDING_MPS
            passed_m = guess.along_m - (0.0 if moving else AT_STOP_M)
            place = next((i for i, stop_m in enumerate(path.stop_m) if i and stop_m >= passed_m), last)
            at_stop = not moving and abs(path.stop_m[place] - guess.along_m) <= AT_STOP_M
        row = run.trip.first_row + place
        return VehicleOnTrip(
            vehicle_id=vehicle_id,
            run=run,
            route=self.timetable.route(run).name,
            headsign=self._feed.headsign(run.trip),
            waiting=guess.waiting,
            progress_m=guess.along_m,
            next_row=row,
            next_stop_id=self._feed.calls.stop_ids[self._feed.calls.stop[row]],
            at_stop=at_stop,
            delay_s=round(delay_s),
            off_route_m=guess.offset_m,
            time_s=time_s,
        )

    def _from_first_stop_m(self, run: Run, place: Place) -> float:
        path = self.timetable.path(run.trip)
        lat, lon, _ = path.place(path.stop_m[0])
        return path.crow_m((lat, lon), place)

    def _gap_m(self, run: Run, following: Run) -> float:
        path = self.timetable.path(run.trip)
        lat, lon, _ = path.place(path.stop_m[-1])
        return self._from_first_stop_m(following, (lat, lon))


def _tolerance_m(path: TripPath) -> float:
    return ON_ROUTE_M if path.shaped else ON_ROUTE_UNSHAPED_M


def _cost(guess: _Guess) -> float:
    return guess.cost


def _doubtful(known: Following, guess: _Guess | None) -> bool:
    """Whether it could be quite somewhere else: where it is thought to be explains too little."""
    if guess is None:
        return known.misses >= MISSES_TO_DOUBT or known.completed < 0
    return guess.waiting and guess.offset_m > ON_ROUTE_UNSHAPED_M


def _backwards(path: TripPath, passed: Place, along_m: float) -> bool:
    """Whether to be here now, the vehicle would have had to come against its direction."""
    before = path.projections(passed, _tolerance_m(path), along_m - BACKWARD_LOOK_M, along_m + BACKWARD_LOOK_M)
    nearest = min(before, key=lambda seen: abs(seen.along_m - along_m), default=None)
    return nearest is not None and nearest.along_m > along_m + BACKWARD_M

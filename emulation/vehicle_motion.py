"""How a vehicle really moves along its block: late starts, traffic, dwell, red lights. Seeded: it can be repeated.

Must never know: the controller, its predictions, the clock (time is an argument).
Specification: ours. A delay is made on the road, stop by stop; drivers win some of it back and wait when early.
"""

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import cos, exp, pi, radians, sin
from typing import NamedTuple
from zoneinfo import ZoneInfo

from protocols.gtfs import Feed, Paths, Trip, TripPath
from protocols.gtfs.path import METRES_PER_DEGREE
from protocols.gtfs.service_day import day_start_s

RAIL = 2  # route_type
# Mean speed between two stops that is not exceeded, whatever the timetable asks for; the peak is 1.7 times that.
STREET_MPS, RAIL_MPS = 13.0, 27.0
_EASE = 0.7  # 1: starts and stops from standstill with a peak of twice the mean

DWELL_S = 14.0  # the usual stay, which timetables without stays have inside their running times
DWELL_SPREAD = 0.5
DWELL_RANGE_S = (4.0, 70.0)
LATE_START_S = 15.0
TURN_S = 45.0
# Of the logarithm of the running time, from stop to stop; a quarter of it for the whole trip.
STREET_SPREAD, RAIL_SPREAD, TRAFFIC_MEMORY = 0.22, 0.06, 0.7
RED_LIGHTS, RED_LIGHT_RANGE_S = 0.12, (10.0, 55.0)  # a share of the ways between two stops
RED_LIGHT_MEAN_S = sum(RED_LIGHT_RANGE_S) / 2  # a timetable reckons with them
HURRY, HURRY_ABOVE_S = 0.92, 60.0
HOLD_ABOVE_S, HOLD_LIMIT_S = 45.0, 60.0

NOISE_M, NOISE_STEP_S, _NOISES = 4.0, 20, 256


class Position(NamedTuple):
    lat: float
    lon: float
    speed_mps: float
    course_deg: float


@dataclass(frozen=True, slots=True)
class TrueCall:
    """What really happened, or will, at one stop. Unix times."""

    trip_id: str
    stop_id: str
    stop_sequence: int
    arrival_s: float
    departure_s: float
    is_first: bool
    is_last: bool

    @property
    def passenger_s(self) -> float:
        """The moment that an arrival board promises: the departure at the first stop, else the arrival."""
        return self.departure_s if self.is_first else self.arrival_s


@dataclass(frozen=True, slots=True)
class _Leg:
    """From `from_m` to `to_m` of a path; equal when it stands."""

    start_s: float
    end_s: float
    path: TripPath
    from_m: float
    to_m: float


class VehicleMotion:
    """One vehicle's day. `duty`: its trips with their service days, in the order in which it makes them."""

    def __init__(self, feed: Feed, paths: Paths, duty: Sequence[tuple[date, Trip]], seed: int | str) -> None:
        self._feed = feed
        self._paths = paths
        self._random = random.Random(f"motion {seed}")
        self._noise = [(self._random.gauss(0, NOISE_M), self._random.gauss(0, NOISE_M)) for _ in range(_NOISES)]
        self._legs: list[_Leg] = []
        calls: list[TrueCall] = []
        zone = ZoneInfo(feed.timezone)
        for day, trip in duty:
            calls += self._drive(trip, day_start_s(day, zone) + trip.shift_s)
        self.calls = tuple(calls)
        self._starts_s = [leg.start_s for leg in self._legs]

    def position_at(self, at_s: float) -> Position:
        """Where a GNSS receiver sees the vehicle. It stands at its first stop before, at its last stop after."""
        leg = self._legs[max(bisect_right(self._starts_s, at_s) - 1, 0)]
        lasts_s = leg.end_s - leg.start_s
        share = min(max((at_s - leg.start_s) / lasts_s, 0.0), 1.0) if lasts_s > 0 else 1.0
        way_m = leg.to_m - leg.from_m
        eased = share - _EASE * sin(2 * pi * share) / (2 * pi)
        moving = 0.0 < share < 1.0 and way_m > 0
        speed_mps = way_m / lasts_s * (1 - _EASE * cos(2 * pi * share)) if moving else 0.0
        lat, lon, course_deg = leg.path.place(leg.from_m + eased * way_m)
        north_m, east_m = self._noise_at(at_s)
        return Position(
            lat + north_m / METRES_PER_DEGREE,
            lon + east_m / METRES_PER_DEGREE / cos(radians(lat)),
            speed_mps,
            course_deg,
        )

    def _noise_at(self, at_s: float) -> tuple[float, float]:
        """Drifts: neighbouring seconds err alike."""
        step, rest = divmod(at_s, NOISE_STEP_S)
        share = rest / NOISE_STEP_S
        before, after = self._noise[int(step) % _NOISES], self._noise[(int(step) + 1) % _NOISES]
        return before[0] + share * (after[0] - before[0]), before[1] + share * (after[1] - before[1])

    def _drive(self, trip: Trip, offset_s: int) -> list[TrueCall]:
        draw, table = self._random, self._feed.calls
        path = self._paths.of(trip)
        rail = self._feed.routes[trip.route_id].route_type == RAIL
        limit_mps, spread, red_lights = (
            (RAIL_MPS, RAIL_SPREAD, 0.0) if rail else (STREET_MPS, STREET_SPREAD, RED_LIGHTS)
        )
        at_s = self._go_to_start(path, limit_mps)
        at_s = max(at_s, table.departure_s[trip.first_row] + offset_s + draw.expovariate(1 / LATE_START_S))
        arrived_s = self._legs[-1].end_s if self._legs else at_s
        calls = [self._call(trip, trip.first_row, arrived_s, at_s)]
        traffic = draw.gauss(0, spread)
        trip_mood = draw.gauss(0, spread / 4)
        for place, row in enumerate(trip.rows[1:], start=1):
            from_m, to_m = path.stop_m[place - 1], path.stop_m[place]
            late_s = at_s - (table.departure_s[row - 1] + offset_s)
            planned_s = table.arrival_s[row] - table.departure_s[row - 1]
            driving_s = max(planned_s - DWELL_S - red_lights * RED_LIGHT_MEAN_S, 0.6 * planned_s) * exp(
                traffic + trip_mood
            )
            driving_s *= HURRY if late_s > HURRY_ABOVE_S else 1.0
            if draw.random() < red_lights:
                driving_s += draw.uniform(*RED_LIGHT_RANGE_S)
            driving_s = max(driving_s, (to_m - from_m) / limit_mps, 1.0)
            self._legs.append(_Leg(at_s, at_s + driving_s, path, from_m, to_m))
            arrived_s = at_s + driving_s
            at_s = arrived_s + self._stay_s(row, table.departure_s[row] + offset_s - arrived_s)
            self._legs.append(_Leg(arrived_s, at_s, path, to_m, to_m))
            calls.append(self._call(trip, row, arrived_s, at_s))
            fresh = draw.gauss(0, spread)
            traffic = TRAFFIC_MEMORY * traffic + (1 - TRAFFIC_MEMORY**2) ** 0.5 * fresh
        return calls

    def _stay_s(self, row: int, early_s: float) -> float:
        table = self._feed.calls
        stay_s = DWELL_S * exp(self._random.gauss(0, DWELL_SPREAD))
        stay_s = min(max(stay_s, DWELL_RANGE_S[0]), DWELL_RANGE_S[1])
        # A stay that the timetable plans is kept to; elsewhere a driver waits only so long.
        held_s = early_s if table.departure_s[row] > table.arrival_s[row] else min(early_s - HOLD_ABOVE_S, HOLD_LIMIT_S)
        return max(stay_s, held_s)

    def _go_to_start(self, path: TripPath, limit_mps: float) -> float:
        """To the first stop, straight on, and when it can leave there; minus infinity for the first trip."""
        first = path.place(path.stop_m[0])[:2]
        if not self._legs:
            self._legs.append(_Leg(0.0, 0.0, path, path.stop_m[0], path.stop_m[0]))
            return float("-inf")
        last = self._legs[-1]
        way = TripPath((), (last.path.place(last.to_m)[:2], first))
        free_s = last.end_s + TURN_S
        there_s = free_s + way.length_m / limit_mps
        self._legs.append(_Leg(free_s, there_s, way, 0.0, way.length_m))
        return there_s

    def _call(self, trip: Trip, row: int, arrival_s: float, departure_s: float) -> TrueCall:
        table = self._feed.calls
        return TrueCall(
            trip.trip_id,
            table.stop_ids[table.stop[row]],
            table.sequence[row],
            arrival_s,
            departure_s,
            row == trip.first_row,
            row == trip.end_row - 1,
        )

"""A trip's way over the ground: metres along its shape <-> places, and where along it the stops lie.

Must never know: times, vehicles.
Specification: GTFS shapes.txt. shape_dist_traveled is not used (feeds that give it often contradict their own shapes):
stops are matched by place and order, so loops and out-and-back routes come out right.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, cos, degrees, hypot, inf, radians

from protocols.gtfs.feed import Feed, Trip

METRES_PER_DEGREE = 111_195.0  # of a sphere of 6 371 km

# A shape that misses a stop by more than this is another route's: the straight way between the stops is used instead.
MAX_STOP_OFFSET_M = 500.0
# Of a stop's several nearest places along the shape, those that are this much worse than the best are out.
_WORSE_M = 150.0
# A path between two stops is at least about as long as the crow flies; stops stand beside it, hence the slack.
_CROW_SHARE, _CROW_SLACK_M = 0.8, 60.0
# Two stops on one spot may project in the wrong order by the inaccuracy of their places.
_BACKWARD_M = 15.0
# Points that are nearer than this to the one before say nothing. Also the length of a way whose stops are one spot.
_SHORTEST_M = 0.01

Place = tuple[float, float]  # latitude, longitude in degrees


@dataclass(frozen=True, slots=True)
class Projection:
    along_m: float
    offset_m: float


class TripPath:
    """A polyline with the stops on it. `shaped` is False when it is only the straight way from stop to stop."""

    def __init__(self, points: Sequence[Place], stops: Sequence[Place]) -> None:
        self.shaped = False
        self.stop_m: tuple[float, ...] = ()
        if len(points) >= 2:
            self._lay(points)
            matched = self._match(stops)
            if matched is not None:
                self.shaped, self.stop_m = True, matched
                return
        at_m = self._lay(stops)
        self.stop_m = tuple(min(at, self.length_m) for at in at_m)  # what adds no length is left out at the end too

    @property
    def length_m(self) -> float:
        return self._along[-1]

    def place(self, along_m: float) -> tuple[float, float, float]:
        """(lat, lon, course in degrees from north, clockwise)."""
        segment = min(max(bisect_right(self._along, along_m) - 1, 0), len(self._along) - 2)
        length = self._along[segment + 1] - self._along[segment]
        share = min(max((along_m - self._along[segment]) / length, 0.0), 1.0)
        dx = self._x[segment + 1] - self._x[segment]
        dy = self._y[segment + 1] - self._y[segment]
        lat = self._origin[0] + (self._y[segment] + dy * share) / METRES_PER_DEGREE
        lon = self._origin[1] + (self._x[segment] + dx * share) / self._metres_per_lon
        return lat, lon, degrees(atan2(dx, dy)) % 360

    def projections(self, place: Place, within_m: float, from_m: float = -inf, to_m: float = inf) -> list[Projection]:
        """The places along [from_m, to_m] that are nearer than their neighbourhood, and no farther than `within_m`."""
        x = (place[1] - self._origin[1]) * self._metres_per_lon
        y = (place[0] - self._origin[0]) * METRES_PER_DEGREE
        along = self._along
        found: list[Projection] = []
        if from_m > to_m:
            return found
        # A vertex is a nearest place when the segment before it comes nearer up to its end and the next one leaves.
        coming = True
        at_m = offset_m = 0.0
        for segment in range(max(bisect_right(along, from_m) - 1, 0), len(along) - 1):
            start_m = along[segment]
            length = along[segment + 1] - start_m
            if start_m > to_m:
                break
            x0, y0 = self._x[segment], self._y[segment]
            dx, dy = self._x[segment + 1] - x0, self._y[segment + 1] - y0
            low = max((from_m - start_m) / length, 0.0)
            high = min((to_m - start_m) / length, 1.0)
            foot = ((x - x0) * dx + (y - y0) * dy) / (length * length)
            share = max(min(foot, high), low)
            at_m = start_m + share * length
            offset_m = hypot(x - x0 - share * dx, y - y0 - share * dy)
            if offset_m <= within_m and (low < foot < high or (foot <= low and coming and low < high)):
                found.append(Projection(at_m, offset_m))
            coming = foot >= high
        if coming and offset_m <= within_m and at_m >= from_m:
            found.append(Projection(at_m, offset_m))
        return found

    def _lay(self, points: Sequence[Place]) -> list[float]:
        """Lays the way through the points, leaving out those that add no length; where each of them lies along it."""
        lats = [lat for lat, _ in points]
        self._origin = ((min(lats) + max(lats)) / 2, points[0][1])
        self._metres_per_lon = METRES_PER_DEGREE * max(cos(radians(self._origin[0])), 1e-6)
        xs = [(lon - self._origin[1]) * self._metres_per_lon for _, lon in points]
        ys = [(lat - self._origin[0]) * METRES_PER_DEGREE for lat in lats]
        self._x, self._y = xs[:1], ys[:1]
        self._along = [0.0]
        at_m = [0.0]
        for i in range(1, len(xs)):
            at_m.append(at_m[-1] + hypot(xs[i] - xs[i - 1], ys[i] - ys[i - 1]))
            if at_m[-1] - self._along[-1] >= _SHORTEST_M or (i == len(xs) - 1 and len(self._along) == 1):
                self._x.append(xs[i])
                self._y.append(ys[i])
                self._along.append(max(at_m[-1], _SHORTEST_M))
        return at_m

    def _match(self, stops: Sequence[Place]) -> tuple[float, ...] | None:
        """Where the stops lie: the ordered choice among their projections with the least squared offsets."""
        # Per projection of the latest stop: cost of the best choice up to it, and that choice.
        choices: list[tuple[float, tuple[float, ...]]] = [(0.0, ())]
        before: Place | None = None
        for stop in stops:
            near = self.projections(stop, MAX_STOP_OFFSET_M)
            if not near:
                return None
            limit = min(projection.offset_m for projection in near) + _WORSE_M
            crow_m = self.crow_m(before, stop) if before else 0.0
            extended = []
            for projection in near:
                if projection.offset_m > limit:
                    continue
                best = self._best_before(choices, projection.along_m, crow_m)
                if best is not None:
                    cost, chosen = best
                    at_m = max(projection.along_m, chosen[-1]) if chosen else projection.along_m
                    extended.append((cost + projection.offset_m**2, (*chosen, at_m)))
            if not extended:
                return None
            choices = extended
            before = stop
        return min(choices)[1]

    @staticmethod
    def _best_before(
        choices: list[tuple[float, tuple[float, ...]]], along_m: float, crow_m: float
    ) -> tuple[float, tuple[float, ...]] | None:
        best: tuple[float, tuple[float, ...]] | None = None
        for cost, chosen in choices:
            gone_m = along_m - chosen[-1] if chosen else crow_m
            if gone_m < -_BACKWARD_M:
                continue
            shortfall_m = max(0.0, crow_m * _CROW_SHARE - _CROW_SLACK_M - gone_m)
            if best is None or cost + shortfall_m**2 < best[0]:
                best = cost + shortfall_m**2, chosen
        return best

    def crow_m(self, one: Place, other: Place) -> float:
        return hypot((one[1] - other[1]) * self._metres_per_lon, (one[0] - other[0]) * METRES_PER_DEGREE)


class Paths:
    """The paths of a feed's trips. Trips with the same shape and stops share one, laid when first asked for."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._by_pattern: dict[tuple[str, bytes], TripPath] = {}
        self._by_row: dict[int, TripPath] = {}

    def of(self, trip: Trip) -> TripPath:
        path = self._by_row.get(trip.first_row)
        if path is None:
            pattern = trip.shape_id, self._feed.calls.stop[trip.first_row : trip.end_row].tobytes()
            path = self._by_pattern.get(pattern)
            if path is None:
                shape = self._feed.shapes.get(trip.shape_id)
                stops = [(stop.lat or 0.0, stop.lon or 0.0) for stop in map(self._feed.stop_of, trip.rows)]
                path = self._by_pattern[pattern] = TripPath(list(shape.points()) if shape else [], stops)
            self._by_row[trip.first_row] = path
        return path

"""Who and where: the blocks to put vehicles on, and the stops to put displays at, so that there is something to see.

Must never know: nodes, how a vehicle moves, files.
Specification: ours. Vehicles spread over routes that meet at busy stops; displays stand where those vehicles come soon.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise, zip_longest
from math import log1p

from protocols.gtfs import Feed, Trip

AHEAD_S = 1200  # what comes later does not make a stop worth watching
# When whoever starts to watch should see the first arrival. By the plan; most vehicles are a little late.
SOON_S = (0, 45)
HUBS_PER_DISPLAY = 3
LASTING_S = 3600  # a block that goes on for this long is as good as one that never ends
NEARLY_DONE_S = 180  # a trip that ends within this is hardly under way any more
TURN_S = 900  # and a vehicle that waits for longer than this is hardly out


# In order: begins, ends (seconds from now), trip.
_Runs = list[tuple[float, float, Trip]]


@dataclass(frozen=True, slots=True)
class _Visit:
    stop_id: str
    block_id: str
    in_s: float


class Casting:
    """Looks at the plan of the days given (with their 00:00:00 in Unix time) as it is now."""

    def __init__(self, feed: Feed, days: Mapping[date, int], now_s: float) -> None:
        self._feed = feed
        self._blocks: dict[tuple[date, str], _Runs] = {}
        for day, start_s in days.items():
            for trip in feed.trips_on(day):
                begins_s, ends_s = (start_s + at_s - now_s for at_s in (feed.start_s(trip), feed.end_s(trip)))
                self._blocks.setdefault((day, trip.block), []).append((begins_s, ends_s, trip))
        for runs in self._blocks.values():
            runs.sort(key=lambda run: run[:2])
        possible = {key: runs for key, runs in self._blocks.items() if _for_one_vehicle(runs)}
        self._driving = {block_id: runs for (_, block_id), runs in possible.items() if _drives(runs)}
        turning = {block_id: runs for (_, block_id), runs in possible.items() if _turns(runs)}
        self._active = {**turning, **self._driving}
        self._visits = [visit for block_id in self._active for visit in self._visits_of(block_id)]
        self._traffic = Counter(visit.stop_id for visit in self._visits)

    def has(self, day: date, block_id: str) -> bool:
        return (day, block_id) in self._blocks

    def choose_blocks(self, count: int, displays: int) -> list[str]:
        """Blocks under way now: a route each while there are routes, and those first that meet at busy stops."""
        hubs = {stop_id for stop_id, _ in self._traffic.most_common(displays * HUBS_PER_DISPLAY)}
        at_hubs: dict[str, set[str]] = {block_id: set() for block_id in self._active}
        for visit in self._visits:
            if visit.stop_id in hubs:
                at_hubs[visit.block_id].add(visit.stop_id)
        worth = {
            block_id: len(at_hubs[block_id]) + 3 * min(runs[-1][1], LASTING_S) / LASTING_S
            for block_id, runs in self._active.items()
        }
        best_first = sorted(worth, key=lambda block_id: (-worth[block_id], block_id))
        driving = [block_id for block_id in best_first if block_id in self._driving]
        turning = [block_id for block_id in best_first if block_id not in self._driving]
        return [*self._by_turns(driving), *self._by_turns(turning)][:count]

    def _by_turns(self, blocks: Iterable[str]) -> Iterator[str]:
        """A block of each route, then another of each, and so on."""
        by_route: dict[str, list[str]] = {}
        for block_id in blocks:
            by_route.setdefault(self._active[block_id][0][2].route_id, []).append(block_id)
        for round_of_all in zip_longest(*by_route.values()):
            yield from filter(None, round_of_all)

    def choose_stops(self, count: int, blocks: Iterable[str]) -> tuple[str, ...]:
        """Busy stops that the blocks' vehicles come to; the first one very soon, and together they see them all."""
        cast = set(blocks)
        visits: dict[str, list[_Visit]] = {stop_id: [] for stop_id in self._traffic}
        for visit in self._visits:
            if visit.block_id in cast:
                visits[visit.stop_id].append(visit)
        seen = Counter[str]()
        names = Counter[str]()
        chosen: list[str] = []

        def worth(stop_id: str) -> float:
            vehicles = {visit.block_id for visit in visits[stop_id]}
            new = sum(1 / (1 + seen[block_id]) for block_id in vehicles)
            # The other side of the same street shows little that is new.
            return (new + 0.3 * log1p(self._traffic[stop_id])) / (1 + names[self._feed.stops[stop_id].name])

        while len(chosen) < count and len(chosen) < len(visits):
            free = [stop_id for stop_id in visits if stop_id not in chosen]
            if not chosen:
                ahead = {s: min((v.in_s for v in visits[s] if v.in_s >= SOON_S[0]), default=AHEAD_S) for s in free}
                soonest_s = max(SOON_S[1], min(ahead.values()))
                free = [stop_id for stop_id, in_s in ahead.items() if in_s <= soonest_s]
            best = max(free, key=lambda stop_id: (worth(stop_id), stop_id))
            chosen.append(best)
            names[self._feed.stops[best].name] += 1
            seen.update({visit.block_id for visit in visits[best]})
        return tuple(chosen)

    def _visits_of(self, block_id: str) -> list[_Visit]:
        calls = self._feed.calls
        visits = []
        for begins_s, _, trip in self._active[block_id]:
            offset_s = begins_s - calls.departure_s[trip.first_row]
            for row in trip.rows[:-1]:  # nobody boards at the last stop
                in_s = calls.arrival_s[row] + offset_s
                if 0 <= in_s <= AHEAD_S:
                    visits.append(_Visit(calls.stop_ids[calls.stop[row]], block_id, in_s))
        return visits


def _for_one_vehicle(runs: _Runs) -> bool:
    return all(before[1] <= after[0] for before, after in pairwise(runs))


def _drives(runs: _Runs) -> bool:
    """Whether it is on a trip now, with stops to come."""
    return any(begins_s <= 0 and ends_s > NEARLY_DONE_S for begins_s, ends_s, _ in runs)


def _turns(runs: _Runs) -> bool:
    return any(begins_s <= TURN_S and ends_s > NEARLY_DONE_S for begins_s, ends_s, _ in runs)

"""Blocks for feeds that name none: trips of a route chained into what one vehicle can do.

Must never know: dates, how a vehicle moves.
Specification: ours. A vehicle that has ended near where the next trip begins takes it; the longest waiting goes first.
"""

from collections.abc import Iterable
from dataclasses import replace
from math import cos, hypot, radians

from protocols.gtfs import Feed, Trip
from protocols.gtfs.path import METRES_PER_DEGREE

PREFIX = "from "  # and the first trip's id: no two days' blocks share a name unless they begin alike
NEAR_M = 400.0  # the other side of a terminal
SHORTEST_TURN_S = 60
LONGEST_WAIT_S = 3600


def chain(feed: Feed, trips: Iterable[Trip]) -> list[Trip]:
    """The trips of one service day, each with a block id, in the order of their starts."""
    chained: list[Trip] = []
    waiting: dict[str, list[Trip]] = {}  # by route: each vehicle's last trip
    for trip in sorted(trips, key=feed.start_s):
        if trip.block_id:
            chained.append(trip)
            continue
        idle = waiting.setdefault(trip.route_id, [])
        last = min((before for before in idle if _fits(feed, before, trip)), key=feed.end_s, default=None)
        if last is None:
            block_id = f"{PREFIX}{trip.trip_id}"
        else:
            idle.remove(last)
            block_id = last.block_id
        trip = replace(trip, block_id=block_id)
        idle.append(trip)
        chained.append(trip)
    return chained


def _fits(feed: Feed, before: Trip, trip: Trip) -> bool:
    waits_s = feed.start_s(trip) - feed.end_s(before)
    if not SHORTEST_TURN_S <= waits_s <= LONGEST_WAIT_S:
        return False
    end, start = feed.stop_of(before.end_row - 1), feed.stop_of(trip.first_row)
    if end.lat is None or end.lon is None or start.lat is None or start.lon is None:
        return False
    north = start.lat - end.lat
    east = (start.lon - end.lon) * cos(radians(end.lat))
    return hypot(north, east) * METRES_PER_DEGREE <= NEAR_M

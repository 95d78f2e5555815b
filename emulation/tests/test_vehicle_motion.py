"""The true movement of a vehicle.

Never compares with a prediction.
Specification: emulation/vehicle_motion.py
"""

from datetime import date
from itertools import pairwise
from math import cos, hypot, radians
from zoneinfo import ZoneInfo

import pytest

from emulation.vehicle_motion import DWELL_RANGE_S, NOISE_M, STREET_MPS, VehicleMotion
from protocols.gtfs import Feed, Paths, read_feed
from protocols.gtfs.path import METRES_PER_DEGREE
from protocols.gtfs.service_day import day_start_s
from protocols.tests.gtfs_town import files

DAY = date(2026, 6, 10)


@pytest.fixture(scope="module")
def feed() -> Feed:
    return read_feed(files())


def motion(feed: Feed, seed: int = 1) -> VehicleMotion:
    return VehicleMotion(feed, Paths(feed), [(DAY, trip) for trip in feed.trips.values()], seed)


def apart_m(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return hypot(one[0] - other[0], (one[1] - other[1]) * cos(radians(one[0]))) * METRES_PER_DEGREE


def test_the_same_seed_moves_the_same_way_and_another_differently(feed: Feed) -> None:
    assert motion(feed, 1).calls == motion(feed, 1).calls
    assert motion(feed, 1).calls != motion(feed, 2).calls
    assert motion(feed, 1).position_at(1781067600) == motion(feed, 1).position_at(1781067600)


@pytest.mark.parametrize("seed", range(20))
def test_it_calls_at_every_stop_in_order_and_never_leaves_early(feed: Feed, seed: int) -> None:
    calls = motion(feed, seed).calls
    assert [(call.trip_id, call.stop_id) for call in calls] == [
        ("T1", "a"), ("T1", "b"), ("T1", "c"), ("T1", "d"), ("T2", "d"), ("T2", "a"),
    ]  # fmt: skip
    assert [(call.is_first, call.is_last) for call in calls[:4]] == [
        (True, False), (False, False), (False, False), (False, True),
    ]  # fmt: skip
    midnight_s = day_start_s(DAY, ZoneInfo(feed.timezone))
    assert calls[0].departure_s >= midnight_s + 8 * 3600
    assert calls[4].departure_s >= midnight_s + 8 * 3600 + 20 * 60
    assert calls[1].departure_s >= midnight_s + 8 * 3600 + 5 * 60  # a stay that the timetable plans is kept
    assert all(call.arrival_s <= call.departure_s for call in calls)
    assert all(before.departure_s < after.arrival_s for before, after in pairwise(calls) if not after.is_first)
    assert calls[2].departure_s - calls[2].arrival_s >= DWELL_RANGE_S[0]


def test_what_a_passenger_is_promised_is_a_departure_at_the_first_stop_and_an_arrival_elsewhere(feed: Feed) -> None:
    first, second, *_ = motion(feed).calls
    assert first.passenger_s == first.departure_s
    assert second.passenger_s == second.arrival_s


def test_it_is_at_the_stop_when_it_calls_there_and_stands(feed: Feed) -> None:
    moving = motion(feed)
    for call in moving.calls:
        stop = feed.stops[call.stop_id]
        position = moving.position_at((call.arrival_s + call.departure_s) / 2)
        assert apart_m(position, (stop.lat or 0, stop.lon or 0)) < 5 * NOISE_M
        assert position.speed_mps == 0


def test_it_moves_without_jumps_northwards_and_back(feed: Feed) -> None:
    moving = motion(feed)
    calls = moving.calls
    seconds = range(int(calls[0].departure_s), int(calls[-1].arrival_s))
    track = [moving.position_at(second) for second in seconds]
    fastest = 1.8 * STREET_MPS
    assert max(apart_m(before, after) for before, after in pairwise(track)) < fastest + NOISE_M
    assert max(position.speed_mps for position in track) <= fastest
    there = moving.position_at((calls[0].departure_s + calls[1].arrival_s) / 2)
    back = moving.position_at((calls[4].departure_s + calls[5].arrival_s) / 2)
    assert (round(there.course_deg) % 360, round(back.course_deg)) == (0, 180)
    assert there.speed_mps > 2


def test_before_its_first_and_after_its_last_trip_it_stands(feed: Feed) -> None:
    moving = motion(feed)
    for at_s, stop_id in ((moving.calls[0].departure_s - 9999, "a"), (moving.calls[-1].departure_s + 9999, "a")):
        position = moving.position_at(at_s)
        assert position.speed_mps == 0
        assert apart_m(position, (feed.stops[stop_id].lat or 0, feed.stops[stop_id].lon or 0)) < 5 * NOISE_M


def test_delays_differ_but_stay_those_of_a_town(feed: Feed) -> None:
    midnight_s = day_start_s(DAY, ZoneInfo(feed.timezone))
    late = [motion(feed, seed).calls[3].arrival_s - midnight_s - (8 * 3600 + 12 * 60) for seed in range(200)]
    mean_s = sum(late) / len(late)
    assert -30 < mean_s < 90
    assert max(late) - min(late) > 60
    assert max(late) < 420

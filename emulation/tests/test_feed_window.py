"""A feed of any age becomes a town that lives now.

Never asks what time it is.
Specification: emulation/feed_window.py, emulation/casting.py, emulation/block_chain.py
"""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from emulation.block_chain import chain
from emulation.feed_window import EmptyFeed, FeedWindow, move_to_now
from protocols.gtfs import Feed, from_zip_bytes, read_feed
from protocols.gtfs.service_day import day_start_s
from protocols.tests.gtfs_town import REAL_FEEDS, TOWN, files

KYIV = ZoneInfo("Europe/Kyiv")
BUNDLED = Path(__file__).resolve().parents[1] / "feed"
NAMES = ["bundled", "lviv-2020-07-04", "caltrain", "tampa-bullrunner"]

EIGHT_IN_2020 = files(
    calendar=TOWN["calendar.txt"].replace("2026", "2020"),
    trips="route_id,service_id,trip_id,direction_id\n"
    + "".join(f"R,all,{way}{number},{int(way == 'T')}\n" for number in range(8) for way in "ST"),
    stop_times="trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    + "".join(
        f"S{n},7:{n}0:00,7:{n}0:00,a,1\nS{n},8:00:00,8:00:00,b,2\nS{n},8:{n}0:00,8:{n}0:00,d,3\n"
        f"T{n},8:{n}5:00,8:{n}5:00,d,1\nT{n},9:{n}5:00,9:{n}5:00,a,2\n"
        for n in range(6)
    ),
)


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=KYIV).timestamp())


@cache
def named(name: str) -> Feed:
    if name == "bundled":
        return read_feed({file.name: file.read_bytes() for file in BUNDLED.glob("*.txt")})
    archive = REAL_FEEDS / f"{name}.zip"
    if not archive.is_file():
        pytest.skip(f"no real feed: {archive} is not there")
    return from_zip_bytes(archive.read_bytes())


def under_way(window: FeedWindow, now_s: float) -> set[str]:
    zone = ZoneInfo(window.feed.timezone)
    return {
        row.vehicle_id
        for row in window.roster
        for trip in window.feed.trips_on(row.service_date)
        if trip.block == row.block_id
        and window.feed.start_s(trip) <= now_s - day_start_s(row.service_date, zone) < window.feed.end_s(trip)
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("now_s", [moment("2026-11-21 03:17"), moment("2026-11-21 13:05"), moment("2026-11-22 00:02")])
def test_any_feed_at_any_hour_gives_eight_vehicles_and_six_displays_that_see_them(name: str, now_s: int) -> None:
    window = move_to_now(named(name), now_s, 8, 6)
    assert read_feed(window.files) == window.feed
    assert under_way(window, now_s) == set(window.vehicles) == {str(number) for number in range(101, 109)}
    assert len(set(window.display_stops)) == 6
    motions = [window.motion(vehicle_id, seed=1) for vehicle_id in window.vehicles]
    waits = sorted(
        call.passenger_s - now_s
        for motion in motions
        for call in motion.calls
        if call.stop_id in window.display_stops and call.passenger_s > now_s and not call.is_last
    )
    assert waits[0] < 180
    assert waits[5] < 900
    assert all(any(call.arrival_s > now_s for call in motion.calls) for motion in motions)


@pytest.mark.parametrize("name", NAMES)
def test_vehicles_are_spread_over_the_routes(name: str) -> None:
    window = move_to_now(named(name), moment("2026-11-21 13:05"), 8, 6)
    blocks = {row.block_id for row in window.roster}
    routes = {trip.block: trip.route_id for trip in window.feed.trips.values() if trip.block in blocks}
    most = Counter(routes.values()).most_common(1)[0][1]
    assert most <= -(-8 // min(len(set(window.feed.routes)), 8)) + 3


def test_a_feed_that_runs_now_is_not_moved() -> None:
    feed = named("bundled")
    window = move_to_now(feed, moment("2026-11-21 13:05"), 8, 6)
    assert window.shift_s == 0
    assert window.feed.trips.keys() == feed.trips.keys()
    assert {row.service_date for row in window.roster} == {date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)}


def test_an_old_feed_is_cut_and_moved_to_now() -> None:
    now_s = moment("2026-11-21 13:05")
    window = move_to_now(read_feed(EIGHT_IN_2020), now_s, 6, 2, around_s=600)
    assert window.feed.service_ids(date(2026, 11, 21)) == {"all"}
    assert window.feed.service_ids(date(2026, 11, 22)) == set()
    assert under_way(window, now_s) == set(window.vehicles)
    at_s = now_s - day_start_s(date(2026, 11, 21), KYIV)
    ends = [(window.feed.start_s(trip), window.feed.end_s(trip)) for trip in window.feed.trips.values()]
    assert all(start_s <= at_s + 600 and end_s >= at_s - 600 for start_s, end_s in ends)


def test_just_after_midnight_the_service_day_is_yesterdays() -> None:
    window = move_to_now(read_feed(EIGHT_IN_2020), moment("2026-11-21 00:10"), 6, 2)
    assert {row.service_date for row in window.roster} == {date(2026, 11, 20)}
    assert max(map(window.feed.end_s, window.feed.trips.values())) > 24 * 3600
    assert min(map(window.feed.start_s, window.feed.trips.values())) >= 0


@pytest.mark.parametrize("now", ["2026-03-29 03:30", "2026-03-29 12:00", "2026-10-25 00:30", "2026-10-25 03:30"])
def test_a_clock_change_does_not_move_the_window(now: str) -> None:
    now_s = moment(now)
    window = move_to_now(read_feed(EIGHT_IN_2020), now_s, 6, 2)
    assert len(under_way(window, now_s)) == len(window.vehicles) >= 5


def test_in_the_hour_that_comes_twice_the_bundled_feed_is_moved_to_where_it_is_lively() -> None:
    now_s = moment("2026-10-25 00:40")  # yesterday's 24:00:00 is over, today's 00:00:00 has not come
    window = move_to_now(named("bundled"), now_s, 8, 6)
    assert window.shift_s != 0
    assert len(under_way(window, now_s)) == 8


def test_more_vehicles_than_the_feed_has_are_not_invented() -> None:
    window = move_to_now(named("bundled"), moment("2026-11-21 13:05"), 500, 500)
    assert len(window.vehicles) == 20
    assert window.shift_s == 0
    assert len(window.display_stops) == len(set(window.display_stops)) < 60


def test_a_feed_in_which_nothing_runs_says_so() -> None:
    never = files(calendar=TOWN["calendar.txt"].replace("all,1,1,1,1,1,1,1", "all,0,0,0,0,0,0,0"))
    with pytest.raises(EmptyFeed):
        move_to_now(read_feed(never), moment("2026-11-21 13:05"), 8, 6)


def test_the_roster_is_told_as_csv() -> None:
    window = move_to_now(read_feed(EIGHT_IN_2020), moment("2026-11-21 13:05"), 1, 1)
    head, row = window.roster_csv().splitlines()
    assert head == "service_date,vehicle_id,block_id"
    assert row == f"20261121,101,{window.roster[0].block_id}"


def test_trips_without_blocks_are_chained_where_a_vehicle_can_go_on() -> None:
    feed = read_feed(EIGHT_IN_2020)
    blocks = {trip.trip_id: trip.block_id for trip in chain(feed, feed.trips.values())}
    assert [blocks[f"T{number}"] for number in range(6)] == [blocks[f"S{number}"] for number in range(6)]
    assert len(set(blocks.values())) == 6
    by_block: dict[str, list[tuple[int, int]]] = {}
    for trip in feed.trips.values():
        by_block.setdefault(blocks[trip.trip_id], []).append((feed.start_s(trip), feed.end_s(trip)))
    assert all(before[1] < after[0] for runs in by_block.values() for before, after in pairwise(sorted(runs)))


def test_blocks_that_a_feed_names_are_kept() -> None:
    feed = read_feed(files())
    named_apart = [replace(feed.trips["T1"], block_id="X"), replace(feed.trips["T2"], block_id="")]
    assert [trip.block_id for trip in chain(feed, named_apart)] == ["X", "from T2"]

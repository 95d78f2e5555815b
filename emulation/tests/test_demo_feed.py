"""The feed of the demo's own town.

Never moves it in time.
Specification: emulation/feed/README.md
"""

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from emulation.feed.make_feed import write
from protocols.gtfs import Feed, Paths, read_feed
from protocols.gtfs.service_day import day_start_s

FOLDER = Path(__file__).resolve().parents[1] / "feed"


@pytest.fixture(scope="module")
def feed() -> Feed:
    return read_feed({file.name: file.read_bytes() for file in FOLDER.glob("*.txt")})


def test_the_files_are_what_their_script_writes(tmp_path: Path) -> None:
    write(tmp_path)
    assert {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()} == {
        file.name: file.read_text("utf-8") for file in FOLDER.glob("*.txt")
    }


def test_it_is_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir() if file.is_file()) < 200_000


def test_it_has_trams_trolleybuses_buses_and_every_letter_that_a_font_may_lack(feed: Feed) -> None:
    assert {route.route_type for route in feed.routes.values()} == {0, 3, 11}
    letters = set("".join(stop.name for stop in feed.stops.values()))
    assert set("ҐґЄєІіЇї’№«»") - letters <= set("ґєІЇ")


@pytest.mark.parametrize("day", [date(2026, 11, 21), date(2026, 3, 29), date(2026, 7, 1)])
def test_at_any_moment_of_any_day_eight_vehicles_and_more_are_under_way(feed: Feed, day: date) -> None:
    zone = ZoneInfo(feed.timezone)
    runs = [
        (start_s + feed.start_s(trip), start_s + feed.end_s(trip), trip.block)
        for start_s in (day_start_s(day + timedelta(days=number), zone) for number in (-1, 0, 1))
        for trip in feed.trips.values()
    ]
    begin_s = day_start_s(day, zone)
    counts = [
        len({block for start_s, end_s, block in runs if start_s <= now_s < end_s})
        for now_s in range(begin_s, begin_s + 24 * 3600, 300)
    ]
    assert min(counts) >= 8


def test_one_vehicle_can_make_its_block_day_after_day(feed: Feed) -> None:
    blocks: dict[str, list[tuple[int, int]]] = {}
    for trip in feed.trips.values():
        for day in (0, 1):
            shift_s = day * 24 * 3600
            blocks.setdefault(trip.block, []).append((feed.start_s(trip) + shift_s, feed.end_s(trip) + shift_s))
    assert len(blocks) == 20
    for runs in blocks.values():
        runs.sort()
        layovers = [after[0] - before[1] for before, after in pairwise(runs)]
        assert min(layovers) >= 60


def test_its_stops_lie_on_its_streets(feed: Feed) -> None:
    paths = Paths(feed)
    assert all(paths.of(trip).shaped for trip in feed.trips.values())

"""The reader on feeds that cities have published.

Never changes them. Skipped where they do not lie beside the repository.
Specification: ../shared/data/transit/SOURCES.md says what each of them holds
"""

import subprocess
import sys
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from protocols.gtfs import Feed, Paths, fields, from_zip_bytes, read_feed, write_feed
from protocols.tests.gtfs_town import REAL_FEEDS

pytestmark = pytest.mark.skipif(not REAL_FEEDS.is_dir(), reason=f"no real feeds: {REAL_FEEDS} is not there")


@cache
def real(name: str) -> Feed:
    return from_zip_bytes((REAL_FEEDS / f"{name}.zip").read_bytes())


@pytest.mark.parametrize(
    ("name", "routes", "stops", "trips", "calls"),
    [
        ("lviv-2020-07-04", 77, 821, 16_888, 405_512),
        ("caltrain", 3, 31, 252, 4_560),
        ("tampa-bullrunner", 6, 125, 1_101, 473),
    ],
)
def test_a_real_feed_is_read_whole(name: str, routes: int, stops: int, trips: int, calls: int) -> None:
    feed = real(name)
    assert (len(feed.routes), len(feed.stops), len(feed.trips), len(feed.calls.stop)) == (routes, stops, trips, calls)
    assert feed.unused_trips == 0


def test_lviv_runs_past_midnight_to_29_21() -> None:
    feed = real("lviv-2020-07-04")
    assert fields.time_text(max(map(feed.end_s, feed.trips.values()))) == "29:21:00"
    assert (feed.name, feed.version, feed.timezone) == ("ЛКП", "2.091", "Europe/Kiev")


def test_caltrain_has_its_unsorted_calls_in_order() -> None:
    feed = real("caltrain")
    trip = feed.trips["10120090831"]
    assert [feed.calls.sequence[row] for row in trip.rows] == sorted(feed.calls.sequence[row] for row in trip.rows)
    assert feed.service_ids(date(2009, 9, 7)) == {"SN20090831"}  # Labor Day runs as a Sunday


def test_tampa_makes_trips_of_its_headways() -> None:
    feed = real("tampa-bullrunner")
    starts = [trip.trip_id for trip in feed.trips.values() if trip.trip_id.startswith("1@")]
    assert (starts[0], starts[-1], len(starts)) == ("1@07:00:00", "1@23:50:00", 102)


@pytest.mark.parametrize("name", ["lviv-2020-07-04", "caltrain", "tampa-bullrunner"])
def test_the_stops_of_a_real_feed_lie_on_its_shapes(name: str) -> None:
    feed = real(name)
    paths = Paths(feed)
    shaped = [trip for trip in feed.trips.values() if trip.shape_id]
    assert len(shaped) >= 0.99 * len(feed.trips)
    assert sum(paths.of(trip).shaped for trip in shaped) >= 0.98 * len(shaped)


@pytest.mark.parametrize("name", ["caltrain", "tampa-bullrunner"])
def test_a_real_feed_survives_being_written(name: str) -> None:
    once = write_feed(real(name))
    assert write_feed(read_feed(once)) == once


@pytest.mark.alone
def test_lviv_takes_seconds_and_less_than_150_mb() -> None:
    probe = (
        "import resource, sys, time; from pathlib import Path; from protocols.gtfs import from_zip_bytes\n"
        "data = Path(sys.argv[1]).read_bytes()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; began = time.process_time()\n"
        "feed = from_zip_bytes(data)\n"
        "print(time.process_time() - began, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, str(REAL_FEEDS / "lviv-2020-07-04.zip")],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    cpu_s, extra_mb = map(float, done.stdout.split())
    assert cpu_s < 6
    assert extra_mb < 150

"""Where stops lie along a trip's way, and what a position is near to.

Never reads a feed from outside.
Specification: protocols/gtfs/path.py
"""

from math import hypot

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.gtfs import Paths, TripPath, read_feed
from protocols.gtfs.path import METRES_PER_DEGREE
from protocols.tests.gtfs_town import files

KM = 1000 / METRES_PER_DEGREE  # of latitude; the ways here lie on the equator, where it is one of longitude too


def way(*kilometres: tuple[float, float]) -> list[tuple[float, float]]:
    """Points by kilometres north and east."""
    return [(north * KM, east * KM) for north, east in kilometres]


def rounded(path: TripPath) -> list[int]:
    return [round(metres) for metres in path.stop_m]


def test_stops_beside_a_street_lie_where_they_are_nearest_to_it() -> None:
    path = TripPath(way((0, 0), (0, 1), (1, 1)), way((0.01, 0.1), (-0.01, 0.9), (0.5, 1.01)))
    assert path.shaped
    assert rounded(path) == [100, 900, 1500]
    assert round(path.length_m) == 2000


def test_a_loop_begins_and_ends_at_its_one_terminal() -> None:
    loop = way((0, 0), (0, 1), (1, 1), (1, 0), (0, 0))
    assert rounded(TripPath(loop, way((0, 0), (1, 1), (0, 0)))) == [0, 2000, 4000]


def test_out_and_back_along_one_street_keeps_the_order_of_the_stops() -> None:
    street = way((0, 0), (0, 3), (0, 0))
    stops = way((-0.01, 0), (-0.01, 1), (-0.01, 2), (0, 3), (0.01, 2), (0.01, 1))
    assert rounded(TripPath(street, stops)) == [0, 1000, 2000, 3000, 4000, 5000]


def test_a_spur_that_is_driven_twice_gets_its_stop_once() -> None:
    spur = way((0, 0), (0, 1), (1, 1), (0, 1), (0, 2))
    assert rounded(TripPath(spur, way((0, 0), (1, 1), (0, 2)))) == [0, 2000, 4000]


def test_a_figure_of_eight_passes_its_crossing_at_the_right_time() -> None:
    eight = way((0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (0, -1), (-1, -1), (-1, 0), (0, 0))
    stops = way((0.5, 0), (1, 1), (0, 0), (-1, -1), (0, 0))
    assert rounded(TripPath(eight, stops)) == [500, 2000, 4000, 6000, 8000]


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param([], id="no shape"),
        pytest.param(way((0, 0)), id="one point"),
        pytest.param(way((9, 0), (9, 2)), id="a shape far away"),
        pytest.param(way((0, 2), (0, 0)), id="a shape the wrong way round"),
    ],
)
def test_without_a_usable_shape_the_way_goes_from_stop_to_stop(shape: list[tuple[float, float]]) -> None:
    path = TripPath(shape, way((0, 0), (0, 1), (1, 1)))
    assert not path.shaped
    assert rounded(path) == [0, 1000, 2000]


def test_a_place_along_the_way_has_a_course() -> None:
    path = TripPath(way((0, 0), (0, 1), (1, 1)), way((0, 0), (1, 1)))
    for along_m, north, east, course in ((250, 0, 0.25, 90), (1500, 0.5, 1, 0), (-5, 0, 0, 90), (9999, 1, 1, 0)):
        lat, lon, course_deg = path.place(along_m)
        assert (lat / KM, lon / KM, course_deg) == pytest.approx((north, east, course))


def test_a_position_on_a_street_that_is_driven_twice_has_two_places() -> None:
    path = TripPath(way((0, 0), (0, 3), (0, 0)), way((0, 0), (0, 3), (0, 0)))
    place = (0.02 * KM, 1 * KM)
    assert [(round(p.along_m), round(p.offset_m)) for p in path.projections(place, 100)] == [(1000, 20), (5000, 20)]
    assert [round(p.along_m) for p in path.projections(place, 100, from_m=1050)] == [1050, 5000]
    assert [round(p.along_m) for p in path.projections(place, 100, from_m=1200)] == [5000]
    assert [round(p.along_m) for p in path.projections(place, 100, to_m=2000)] == [1000]
    assert path.projections((0.2 * KM, 1 * KM), 100) == []


def test_stops_on_one_spot_make_a_way_of_no_length() -> None:
    path = TripPath([], way((0, 0), (0, 0)))
    assert path.stop_m == (0, 0)
    assert path.place(0)[:2] == (0, 0)
    assert [round(p.along_m) for p in path.projections((0, 0), 10)] == [0]


def test_trips_with_the_same_stops_share_a_path() -> None:
    feed = read_feed(files(frequencies="trip_id,start_time,end_time,headway_secs\nT1,07:00:00,07:30:00,600\n"))
    paths = Paths(feed)
    assert paths.of(feed.trips["T1@07:00:00"]) is paths.of(feed.trips["T1@07:20:00"])
    assert paths.of(feed.trips["T1@07:00:00"]) is not paths.of(feed.trips["T2"])


points = st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=2, max_size=8)


@example(shape=[(0.0, 0.0), (0.0, 0.0)], stops=[(0.0, 1.0), (0.0, 0.0), (0.0, 5.960464477539063e-08)], share=0.0)
@given(shape=points, stops=points, share=st.floats(0, 1))
def test_any_way_has_its_stops_in_order_and_finds_its_own_places(
    shape: list[tuple[float, float]], stops: list[tuple[float, float]], share: float
) -> None:
    path = TripPath(way(*shape), way(*stops))
    assert len(path.stop_m) == len(stops)
    assert list(path.stop_m) == sorted(path.stop_m)
    assert path.stop_m[-1] <= path.length_m + 1e-6
    lat, lon, _ = path.place(share * path.length_m)
    nearest = min(path.projections((lat, lon), 1000), key=lambda p: p.offset_m)
    assert nearest.offset_m < 0.01
    back_lat, back_lon, _ = path.place(nearest.along_m)
    assert hypot(back_lat - lat, back_lon - lon) * METRES_PER_DEGREE < 0.1

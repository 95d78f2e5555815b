"""Which trip a vehicle is on, told from its positions.

Never asks what time it is.
Specification: controller/services/tracking.py
"""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from controller.services.roster import Roster
from controller.services.timetable import Timetable
from controller.services.tracking import FORGET_S, Tracker, VehicleOnTrip
from controller.tests.transit_town import DAY, KYIV, Stops, at, feed, place, positions

STREET: Stops = {"a": (0, 0), "b": (0, 2), "c": (0, 4), "d": (0, 6)}
THERE = "a@8:00 b@8:05 c@8:10 d@8:15"
BACK = "d@8:20 c@8:25 b@8:30 a@8:35"
AGAIN = "a@8:40 b@8:45 c@8:50 d@8:55"


def tracker(
    trips: dict[str, str], stops: Stops = STREET, shapes: dict[str, list[tuple[float, float]]] | None = None
) -> Tracker:
    days = [DAY + timedelta(days=number) for number in range(-2, 3)]
    return Tracker(Timetable(feed(stops, trips, shapes)), Roster((day, "17", "A") for day in days))


def there_and_back() -> Tracker:
    return tracker({"T1": f"A {THERE}", "T2": f"A {BACK}", "T3": f"A {AGAIN}"})


def seen(tracker: Tracker, north_km: float, east_km: float, clock: str, speed_mps: float = 8.0) -> VehicleOnTrip | None:
    return tracker.update("17", *place(north_km, east_km), speed_mps, at(clock))


def must(on_trip: VehicleOnTrip | None) -> VehicleOnTrip:
    assert on_trip is not None
    return on_trip


def drive(tracker: Tracker, trip_id: str, late_s: float = 0, every_s: int = 10) -> list[VehicleOnTrip]:
    told = [
        tracker.update("17", lat, lon, speed_mps, at_s)
        for lat, lon, speed_mps, at_s in positions(tracker.timetable, trip_id, late_s, every_s)
    ]
    return [on_trip for on_trip in told if on_trip is not None]


def test_a_vehicle_on_time_is_on_its_trip_without_delay() -> None:
    on_trip = must(seen(there_and_back(), 0.005, 3, "08:07:30"))
    assert (on_trip.trip_id, on_trip.service_date, on_trip.route, on_trip.headsign) == ("T1", DAY, "5", "Зупинка d")
    assert (round(on_trip.progress_m), on_trip.next_stop_id, on_trip.delay_s) == (3000, "c", 0)
    assert (round(on_trip.off_route_m), on_trip.waiting, on_trip.at_stop) == (5, False, False)


def test_delay_follows_a_vehicle_that_falls_behind() -> None:
    told = drive(there_and_back(), "T1", late_s=150)
    assert {on_trip.trip_id for on_trip in told[:-6]} == {"T1"}
    assert all(140 <= on_trip.delay_s <= 160 for on_trip in told[10:-6])


def test_a_vehicle_that_stands_in_a_jam_grows_late() -> None:
    tracker = there_and_back()
    drive_to = [must(seen(tracker, 0, 3, f"08:{minute:02}:30", 0.0)) for minute in range(7, 13)]
    assert [on_trip.trip_id for on_trip in drive_to] == ["T1"] * 6
    assert drive_to[-1].delay_s == pytest.approx(300, abs=60)


def test_the_opposite_direction_is_another_trip_on_the_same_street() -> None:
    assert must(seen(there_and_back(), 0, 3, "08:27:30")).trip_id == "T2"


def test_at_a_terminal_the_vehicle_waits_for_its_next_trip_and_then_starts_it() -> None:
    tracker = there_and_back()
    drive(tracker, "T1")
    waiting = must(seen(tracker, 0, 6, "08:18", 0.0))
    assert (waiting.trip_id, waiting.waiting, waiting.at_stop, waiting.next_stop_id) == ("T2", True, True, "d")
    assert waiting.delay_s == 0
    assert must(seen(tracker, 0, 6, "08:21", 0.0)).delay_s == 60
    started = must(seen(tracker, 0, 5.8, "08:21:30"))
    assert (started.trip_id, started.waiting, started.next_stop_id) == ("T2", False, "c")
    assert started.delay_s == pytest.approx(60, abs=10)


def test_a_late_arrival_leaves_the_next_trip_what_the_layover_does_not_swallow() -> None:
    tracker = there_and_back()
    drive(tracker, "T1", late_s=420)
    waiting = must(seen(tracker, 0, 6, "08:22:05", 0.0))
    assert (waiting.trip_id, waiting.waiting) == ("T2", True)
    assert waiting.delay_s == pytest.approx(125, abs=10)


def test_a_whole_round_is_followed_through_jitter_and_missing_positions() -> None:
    chance = random.Random(3)
    tracker = there_and_back()
    wrong = []
    for trip_id in ("T1", "T2", "T3"):
        before_m = -1.0
        for lat, lon, speed_mps, at_s in positions(tracker.timetable, trip_id, late_s=45):
            if chance.random() < 0.4:
                continue
            metre = 1e-3 * (place(1, 0)[0] - place(0, 0)[0])
            on_trip = tracker.update(
                "17", lat + chance.gauss(0, 15) * metre, lon + chance.gauss(0, 15) * metre, speed_mps, at_s
            )
            if on_trip is None or on_trip.waiting:
                continue
            if on_trip.trip_id != trip_id:
                wrong.append((trip_id, on_trip.trip_id, at_s))
                continue
            assert on_trip.progress_m >= before_m
            before_m = on_trip.progress_m
    assert wrong == []


def test_after_a_hole_of_twenty_minutes_the_vehicle_is_found_on_its_next_trip() -> None:
    tracker = there_and_back()
    assert must(seen(tracker, 0, 3, "08:07:30")).trip_id == "T1"
    assert must(seen(tracker, 0, 3, "08:27:40")).trip_id == "T2"


def test_a_position_that_falls_back_a_little_moves_nothing_back() -> None:
    tracker = there_and_back()
    assert round(must(seen(tracker, 0, 3, "08:07:30")).progress_m) == 3000
    assert round(must(seen(tracker, 0, 2.95, "08:07:40")).progress_m) == 3000


def test_a_first_sight_in_the_wrong_direction_is_corrected_by_the_way_it_moves() -> None:
    tracker = there_and_back()
    # On T1, but 13 minutes late: by the plan alone T2 is likelier.
    assert must(seen(tracker, 0, 4.4, "08:24")).trip_id == "T2"
    told = [must(seen(tracker, 0, 4.4 + 0.08 * step, f"08:24:{10 * step}")).trip_id for step in range(1, 6)]
    assert told[-1] == "T1"


LOOP_STOPS: Stops = {"a": (0, 0), "b": (0, 2), "c": (2, 2), "e": (2, 0)}
LOOP_SHAPE = {"s": [(0.0, 0.0), (0.0, 2.0), (2.0, 2.0), (2.0, 0.0), (0.0, 0.0)]}


def loop() -> Tracker:
    return tracker(
        {
            "L1": "A shape=s a@8:00 b@8:05 c@8:10 e@8:15 a@8:20",
            "L2": "A shape=s a@8:24 b@8:29 c@8:34 e@8:39 a@8:44",
        },
        LOOP_STOPS,
        LOOP_SHAPE,
    )


def test_a_loop_is_followed_round_and_round() -> None:
    tracker = loop()
    first = drive(tracker, "L1", late_s=20)
    assert [on_trip.next_stop_id for on_trip in first if not on_trip.waiting][:: 30 - 1] == ["b", "b", "c", "e", "a"]
    assert (first[-1].trip_id, first[-1].waiting) == ("L2", True)
    second = drive(tracker, "L2", late_s=20)
    assert {on_trip.trip_id for on_trip in second} == {"L2"}


def test_near_a_loops_terminal_a_vehicle_is_ending_or_starting_as_its_way_there_says() -> None:
    tracker = loop()
    seen(tracker, 0.3, 0, "08:18:30")
    ending = must(seen(tracker, 0.15, 0, "08:19:15"))
    assert (ending.trip_id, round(ending.progress_m)) == ("L1", 7850)
    seen(tracker, 0, 0, "08:20", 0.0)
    starting = must(seen(tracker, 0, 0.15, "08:24:25"))
    assert (starting.trip_id, round(starting.progress_m)) == ("L2", 150)


def test_a_street_that_one_trip_drives_twice_is_no_riddle() -> None:
    spur = {"s": [(0.0, 0.0), (0.0, 2.0), (2.0, 2.0), (0.0, 2.0), (0.0, 4.0)]}
    stops: Stops = {"a": (0, 0), "m": (2, 2), "z": (0, 4)}
    out_and_back = tracker({"T1": "A shape=s a@8:00 m@8:10 z@8:20"}, stops, spur)
    told = drive(out_and_back, "T1", late_s=30)
    assert [round(on_trip.progress_m, -2) for on_trip in told[::30]] == [0, 2000, 4000, 6000]
    assert [on_trip.next_stop_id for on_trip in told[10:110:30]] == ["m", "m", "z", "z"]


def test_a_detour_keeps_the_trip_and_tells_the_distance() -> None:
    tracker = there_and_back()
    seen(tracker, 0, 2.5, "08:06:15")
    astray = [must(seen(tracker, 0.6, 3.0, f"08:07:{second}")) for second in (30, 40, 50)]
    assert [(on_trip.trip_id, round(on_trip.off_route_m)) for on_trip in astray] == [("T1", 600)] * 3
    back = must(seen(tracker, 0, 4.5, "08:12:30"))
    assert (back.trip_id, round(back.off_route_m)) == ("T1", 0)


def test_one_wild_position_changes_nothing() -> None:
    tracker = there_and_back()
    seen(tracker, 0, 2.5, "08:06:15")
    assert must(seen(tracker, 30, 40, "08:06:25")).trip_id == "T1"
    on_trip = must(seen(tracker, 0, 2.6, "08:06:35"))
    assert (on_trip.trip_id, round(on_trip.progress_m)) == ("T1", 2600)


def test_a_vehicle_at_a_stop_is_told_from_one_that_passes() -> None:
    assert must(seen(there_and_back(), 0, 2.02, "08:05", 0.0)).at_stop
    passing = must(seen(there_and_back(), 0, 2.02, "08:05", 9.0))
    assert (passing.at_stop, passing.next_stop_id) == (False, "c")
    unknown_speed = there_and_back().update("17", *place(0, 1.98), None, at("08:05"))
    assert must(unknown_speed).at_stop


def test_a_vehicle_on_its_way_to_its_first_stop_waits_for_its_trip() -> None:
    on_trip = must(seen(there_and_back(), -3, 0, "07:50"))
    assert (on_trip.trip_id, on_trip.waiting, on_trip.at_stop, round(on_trip.off_route_m)) == ("T1", True, False, 3000)


def test_who_has_no_trip_has_none() -> None:
    tracker = there_and_back()
    assert tracker.update("99", *place(0, 3), 8.0, at("08:07:30")) is None
    assert seen(tracker, 0, 0, "06:00") is None
    assert seen(tracker, 0, 3, "12:00") is None
    assert tracker.following("17") is None


def test_after_its_last_trip_a_vehicle_has_none() -> None:
    tracker = there_and_back()
    drive(tracker, "T3")
    assert seen(tracker, 0, 6, "08:56", 0.0) is None
    assert seen(tracker, 0, 2, "09:10") is None
    following = tracker.following("17")
    assert following is not None
    assert following.done


def test_an_older_position_is_not_news() -> None:
    tracker = there_and_back()
    now = must(seen(tracker, 0, 3, "08:07:30"))
    assert seen(tracker, 0, 1, "08:02:30") == now


def test_a_vehicle_that_was_silent_for_long_is_looked_for_anew() -> None:
    trips = {"T1": f"A {THERE}", "T9": "A a@10:00 b@10:05 c@10:10 d@10:15"}
    tracker_ = tracker(trips)
    seen(tracker_, 0, 3, "08:07:30")
    assert at("10:07:30") - at("08:07:30") > FORGET_S
    assert must(seen(tracker_, 0, 3, "10:07:30")).trip_id == "T9"


def test_a_block_goes_on_after_midnight_and_the_next_days_takes_over() -> None:
    tracker_ = tracker({"E": "A a@0:40 b@0:45 c@0:50", "N": "A c@24:20 b@24:25 a@24:30"})
    night = must(seen(tracker_, 0, 3, "00:22:30"))
    assert (night.trip_id, night.service_date) == ("N", DAY - timedelta(days=1))
    for clock, east_km in (("00:25", 2.0), ("00:28", 0.8), ("00:30", 0.0)):
        seen(tracker_, 0, east_km, clock)
    waiting = must(seen(tracker_, 0, 0, "00:35", 0.0))
    assert (waiting.trip_id, waiting.service_date, waiting.waiting) == ("E", DAY, True)
    assert must(seen(tracker_, 0, 1, "00:42:30")).trip_id == "E"


def test_the_same_positions_give_the_same_answers() -> None:
    assert drive(there_and_back(), "T2", late_s=77) == drive(there_and_back(), "T2", late_s=77)


RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data" / "transit" / "avl" / "wmata-2016"


@pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded bus: {RECORDED} is not there")
def test_a_recorded_bus_is_followed_from_first_sight_to_its_last_stop() -> None:
    import csv

    from protocols.gtfs import from_zip_bytes

    day = date(2016, 4, 29)
    timetable = Timetable(from_zip_bytes((RECORDED / "gtfs-S2.zip").read_bytes()))
    tracker_ = Tracker(timetable, Roster([(day, "2113", "NS-26")]))
    told = []
    with (RECORDED / "avl-S2_2113.csv").open(encoding="utf-8") as rows:
        for row in sorted(csv.DictReader(rows), key=lambda row: row["time"]):
            at_s = datetime.fromisoformat(row["time"]).replace(tzinfo=timetable.zone).timestamp()
            told.append(tracker_.update("2113", float(row["latitude"]), float(row["longitude"]), None, at_s))
    driven = [on_trip for on_trip in told if on_trip is not None]
    assert {on_trip.trip_id for on_trip in driven} == {"877611130"}
    assert [on_trip.progress_m for on_trip in driven] == sorted(on_trip.progress_m for on_trip in driven)
    assert max(on_trip.off_route_m for on_trip in driven) < 20
    assert driven[-1].delay_s == pytest.approx(220, abs=60)
    assert told[len(driven) :] == [None] * (len(told) - len(driven))
    assert datetime.fromtimestamp(driven[0].time_s, UTC).astimezone(KYIV).date() == day

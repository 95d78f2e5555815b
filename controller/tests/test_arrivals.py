"""What passengers are told.

Never asks what time it is.
Specification: controller/services/arrivals.py; domain.md, "Stop display"
"""

import time
from datetime import timedelta

import pytest

from controller.services.arrivals import MAX_AGE_S, Arrival, Predictor
from controller.services.roster import Roster
from controller.services.timetable import Timetable
from controller.services.tracking import Tracker
from controller.tests.transit_town import DAY, Stops, at, feed, place, positions

STREET: Stops = {"a": (0, 0), "b": (0, 2), "c": (0, 4), "d": (0, 6)}
TRIPS = {
    "T1": "A low a@8:00 b@8:05 c@8:10 d@8:15",
    "T2": "A d@8:20 c@8:25 b@8:30 a@8:35",
    "U1": "B a@8:12 b@8:17 c@8:22 d@8:27",
}


class Town:
    """A tracker and a predictor; `see` puts vehicle 17, which makes block A, somewhere on the street."""

    def __init__(self, trips: dict[str, str] = TRIPS) -> None:
        self.timetable = Timetable(feed(STREET, trips))
        self.tracker = Tracker(self.timetable, Roster((DAY, "17", block) for block in "A"))
        self.predictor = Predictor(self.timetable, self.tracker)

    def see(self, east_km: float, clock: str, speed_mps: float = 8.0) -> None:
        self.tracker.update("17", *place(0, east_km), speed_mps, at(clock))

    def arrivals(self, stop_id: str, clock: str, limit: int = 9) -> list[Arrival]:
        return self.predictor.arrivals(stop_id, at(clock), limit)

    def board(self, stop_id: str, clock: str, limit: int = 9) -> list[str]:
        """'T1 8:05', with a ~ when it is only the timetable's word; seconds from now."""
        return [
            f"{arrival.trip_id} {'' if arrival.realtime else '~'}{arrival.shown_s - at(clock)}"
            for arrival in self.arrivals(stop_id, clock, limit)
        ]


def test_without_positions_the_timetable_is_shown_with_its_mark() -> None:
    assert Town().board("b", "08:00") == ["T1 ~300", "U1 ~1020", "T2 ~1800"]
    assert Town().arrivals("b", "08:00", 1) == [
        Arrival("5", "Зупинка d", "T1", "17", at("08:05"), None, False, low_floor=True)
    ]


def test_a_vehicle_on_time_is_expected_on_time() -> None:
    town = Town()
    town.see(1, "08:02:30")
    assert town.board("b", "08:02:30") == ["T1 150", "U1 ~870", "T2 1650"]
    assert town.arrivals("b", "08:02:30")[0].expected_s == at("08:05")


def test_a_late_vehicle_is_expected_late_and_a_little_less_so_farther_on() -> None:
    town = Town()
    town.see(1, "08:06:30")  # four minutes behind
    b, c = (town.arrivals(stop, "08:06:30")[0] for stop in "bc")
    assert b.expected_s == pytest.approx(at("08:09"), abs=15)
    assert c.expected_s is not None
    assert at("08:13") < c.expected_s < at("08:14")
    assert (c.scheduled_s, c.realtime, c.vehicle_id) == (at("08:10"), True, "17")


def test_nothing_is_expected_before_now() -> None:
    town = Town()
    town.see(1.9, "08:05")
    assert town.board("b", "08:05:50", 1) == ["T1 0"]


def test_a_vehicle_at_the_stop_is_there_now() -> None:
    town = Town()
    town.see(2, "08:03", 0.0)  # two minutes early
    assert town.board("b", "08:03", 1) == ["T1 0"]


def test_what_has_passed_is_gone_even_when_the_plan_has_it_still_to_come() -> None:
    town = Town()
    town.see(2.3, "08:04")
    assert town.board("b", "08:04") == ["U1 ~780", "T2 1560"]


def test_what_has_passed_stays_gone_when_the_position_grows_old() -> None:
    town = Town()
    town.see(2.3, "08:02")
    assert town.board("b", "08:04") == ["U1 ~780", "T2 ~1560"]


def test_a_position_older_than_90_seconds_is_no_realtime() -> None:
    town = Town()
    town.see(1, "08:06:30")
    assert MAX_AGE_S == 90
    assert [arrival.realtime for arrival in town.arrivals("c", "08:08:00", 1)] == [True]
    assert town.board("c", "08:08:01", 1) == ["T1 ~119"]


def test_the_next_trip_inherits_what_the_layover_does_not_swallow() -> None:
    town = Town()
    town.see(3, "08:16:30")  # nine minutes behind, five of layover
    on_time = Town()
    on_time.see(3, "08:07:30")
    assert on_time.arrivals("c", "08:07:30")[-1].expected_s == at("08:25")
    expected_s = town.arrivals("c", "08:16:30")[-1].expected_s
    assert expected_s is not None
    assert at("08:27") < expected_s < at("08:30")


def test_a_small_delay_is_swallowed_by_the_layover() -> None:
    town = Town()
    town.see(3, "08:09:30")
    assert [(a.trip_id, a.expected_s) for a in town.arrivals("b", "08:09:30")][-1] == ("T2", at("08:30"))


def test_at_the_first_stop_the_departure_is_told() -> None:
    town = Town()
    town.see(0, "07:57", 0.0)
    assert town.board("a", "07:57", 1) == ["T1 180"]
    town.see(0, "08:01", 0.0)
    assert town.board("a", "08:01", 1) == ["T1 0"]
    # It has not left: five minutes from now, less a little that it will make up.
    assert 290 <= town.arrivals("b", "08:01", 1)[0].shown_s - at("08:01") <= 300


def test_the_last_stop_of_a_trip_is_nobodys_departure() -> None:
    town = Town()
    assert [arrival.trip_id for arrival in town.arrivals("d", "08:00")] == ["T2"]


def test_a_vehicle_lost_off_its_route_is_left_to_the_timetable() -> None:
    town = Town()
    town.see(1, "08:02:30")
    for second in range(40, 60):
        town.tracker.update("17", *place(5, 1), 8.0, at(f"08:02:{second}"))
    assert town.board("c", "08:03", 1) == ["T1 ~420"]


def test_the_soonest_come_first_and_no_more_than_asked() -> None:
    town = Town()
    town.see(0.2, "08:19:30")  # T1 is nineteen minutes late: U1 of another vehicle comes before it
    board = town.board("c", "08:19:30")
    assert [row.split()[0] for row in board] == ["U1", "T1", "T2"]
    assert town.board("c", "08:19:30", 2) == board[:2]


def test_asking_twice_changes_nothing() -> None:
    town = Town()
    town.see(1, "08:06:30")
    assert town.arrivals("b", "08:06:40") == town.arrivals("b", "08:06:40")
    assert town.arrivals("nowhere", "08:06:40") == []


def test_a_stop_that_a_loop_visits_twice_is_told_of_both_visits() -> None:
    town = Town({"L": "A a@8:00 b@8:05 c@8:10 b@8:15 d@8:30"})
    town.see(1, "08:02:30")
    assert town.board("b", "08:02:30") == ["L 150", "L 750"]


@pytest.mark.alone
def test_a_city_of_500_vehicles_and_105_displays_costs_little() -> None:
    count, trips_each = 500, 12
    trips = {}
    for vehicle in range(count):
        for number in range(trips_each):
            stops = "abcd" if number % 2 == 0 else "dcba"
            minute = 360 + vehicle % 60 + number * 20
            words = (f"{stop}@{(minute + 5 * i) // 60}:{(minute + 5 * i) % 60:02}" for i, stop in enumerate(stops))
            trips[f"{vehicle}-{number}"] = f"B{vehicle} {' '.join(words)}"
    timetable = Timetable(feed(STREET, trips))
    tracker = Tracker(
        timetable, Roster((DAY + timedelta(days=n), f"v{i}", f"B{i}") for n in (-1, 0, 1) for i in range(count))
    )
    predictor = Predictor(timetable, tracker)
    now_s = at("08:07:30")
    fleet = []
    for vehicle in range(count):
        run = next(run for run in timetable.blocks(DAY)[f"B{vehicle}"] if run.end_s > now_s)
        fleet.append((f"v{vehicle}", list(positions(timetable, run.trip.trip_id, late_s=60))))
    began = time.process_time()
    for vehicle_id, way in fleet:
        for lat, lon, speed_mps, at_s in way[:10]:
            tracker.update(vehicle_id, lat, lon, speed_mps, at_s)
    update_s = (time.process_time() - began) / (10 * count)
    predictor.arrivals("b", now_s, 4)
    began = time.process_time()
    for _ in range(105):
        assert len(predictor.arrivals("b", now_s, 4)) == 4
    ask_s = (time.process_time() - began) / 105
    # Positions every 10 s and boards every 20 s: together less than a tenth of a core, with room for a slow machine.
    assert count / 10 * update_s + 105 / 20 * ask_s < 0.1

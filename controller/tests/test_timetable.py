"""The plan in absolute time.

Never asks what time it is.
Specification: GTFS; controller/services/timetable.py
"""

from datetime import UTC, date, datetime, timedelta

import pytest

from controller.services.timetable import Timetable
from controller.tests.transit_town import DAY, KYIV, at, feed

STREET = {"a": (0.0, 0.0), "b": (0.0, 1.0), "c": (0.0, 2.0)}


def departures(timetable: Timetable, stop_id: str, from_s: float, to_s: float) -> list[str]:
    return [
        f"{call.run.trip.trip_id} {datetime.fromtimestamp(call.departure_s, UTC).astimezone(KYIV):%d %H:%M}"
        for call in timetable.departures(stop_id, from_s, to_s)
    ]


def test_departures_come_in_order_and_both_ends_belong_to_the_window() -> None:
    timetable = Timetable(
        feed(STREET, {"T2": "B a@9:00 c@9:30", "T1": "A a@8:00 b@8:10/8:12 c@8:30", "T3": "C b@8:05 c@8:15"})
    )
    assert departures(timetable, "a", at("08:00"), at("09:00")) == ["T1 10 08:00", "T2 10 09:00"]
    assert departures(timetable, "a", at("08:01"), at("08:59")) == []
    assert departures(timetable, "b", at("08:00"), at("09:00")) == ["T3 10 08:05", "T1 10 08:12"]
    assert departures(timetable, "nowhere", at("08:00"), at("09:00")) == []


def test_a_call_knows_its_arrival_and_whether_it_is_the_first_or_the_last() -> None:
    timetable = Timetable(feed(STREET, {"T1": "A a@8:00 b@8:10/8:12 c@8:30"}))
    calls = [timetable.departures(stop, at("08:00"), at("09:00"))[0] for stop in "abc"]
    assert [(call.is_first, call.is_last) for call in calls] == [(True, False), (False, False), (False, True)]
    assert (calls[1].arrival_s, calls[1].departure_s) == (at("08:10"), at("08:12"))


def test_a_loop_calls_at_its_terminal_twice() -> None:
    timetable = Timetable(feed(STREET, {"T1": "A a@8:00 b@8:10 c@8:20 a@8:30"}))
    assert departures(timetable, "a", at("07:00"), at("09:00")) == ["T1 10 08:00", "T1 10 08:30"]


def test_a_trip_past_24_is_seen_the_next_morning_as_yesterdays() -> None:
    timetable = Timetable(feed(STREET, {"N": "A a@24:50 b@25:10 c@25:30", "E": "B a@0:55 b@1:05"}))
    calls = timetable.departures("a", at("00:00"), at("02:00"))
    assert [(call.run.trip.trip_id, call.run.service_date) for call in calls] == [
        ("N", DAY - timedelta(days=1)),
        ("E", DAY),
    ]
    assert calls[0].departure_s == at("00:50")


@pytest.mark.parametrize(
    ("day", "clock", "planned"),
    [
        (date(2026, 3, 29), "8:00", "29 08:00"),  # the hour from three to four is left out
        (date(2026, 3, 29), "1:30", "29 00:30"),  # so noon minus 12 h is eleven the evening before
        (date(2026, 3, 29), "0:30", "28 23:30"),
        (date(2026, 10, 25), "8:00", "25 08:00"),  # the hour from three to four comes twice
        (date(2026, 10, 25), "1:30", "25 02:30"),
        (date(2026, 10, 25), "2:30", "25 03:30"),
        (date(2026, 10, 24), "27:30", "25 03:30"),  # the day before goes on through both
        (date(2026, 10, 24), "28:30", "25 03:30"),
        (date(2026, 10, 24), "29:21", "25 04:21"),
    ],
)
def test_times_count_from_noon_minus_12_hours_on_days_with_a_clock_change(day: date, clock: str, planned: str) -> None:
    hour, minute = clock.split(":")
    timetable = Timetable(feed(STREET, {"T": f"A a@{clock} b@{int(hour) + 1}:{minute}"}))
    run = timetable.run(day, "T")
    assert run is not None
    assert f"{datetime.fromtimestamp(run.start_s, UTC).astimezone(KYIV):%d %H:%M}" == planned
    assert run in [call.run for call in timetable.departures("a", run.start_s, run.start_s)]


def test_a_block_is_its_trips_in_the_order_of_the_day() -> None:
    timetable = Timetable(feed(STREET, {"T2": "A c@9:00 a@9:30", "T1": "A a@8:00 c@8:30", "T3": "B a@8:15 b@8:20"}))
    assert {block: [run.trip.trip_id for run in runs] for block, runs in timetable.blocks(DAY).items()} == {
        "A": ["T1", "T2"],
        "B": ["T3"],
    }


def test_outside_the_calendar_nothing_runs() -> None:
    timetable = Timetable(feed(STREET, {"T": "A a@8:00 b@8:10"}))
    assert list(timetable.runs(date(2027, 1, 1))) == []
    assert timetable.departures("a", at("00:00", date(2027, 1, 1)), at("23:00", date(2027, 1, 1))) == []


def test_a_day_that_was_forgotten_comes_back_the_same() -> None:
    timetable = Timetable(feed(STREET, {"T": "A a@8:00 b@8:10"}))
    before = timetable.run(DAY, "T")
    for number in range(1, 10):
        timetable.run(DAY + timedelta(days=number), "T")
    after = timetable.run(DAY, "T")
    assert after is not before
    assert after == before


def test_the_plan_between_two_stops_is_in_proportion_to_the_way() -> None:
    timetable = Timetable(feed(STREET, {"T": "A a@8:00 b@8:10/8:12 c@8:14"}))
    run = timetable.run(DAY, "T")
    assert run is not None
    moments = [timetable.planned_s(run, metres) - run.start_s for metres in (-50, 0, 500, 999.999, 1500, 2000, 9999)]
    assert moments == pytest.approx([0, 0, 300, 600, 780, 840, 840], abs=0.01)


def test_two_stops_on_one_spot_do_not_stop_the_plan() -> None:
    timetable = Timetable(feed({**STREET, "b2": (0.0, 1.0)}, {"T": "A a@8:00 b@8:10 b2@8:10 c@8:20"}))
    run = timetable.run(DAY, "T")
    assert run is not None
    assert timetable.planned_s(run, 1000) == at("08:10")

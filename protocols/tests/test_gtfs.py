"""What the GTFS reader takes, and what it says of what it does not.

Never reads a file: feeds are written here, line by line.
Specification: https://gtfs.org/documentation/schedule/reference/, protocols/gtfs/README.md
"""

from datetime import date

import pytest

from protocols.gtfs import Feed, FeedErrors, fields, frequencies, read_feed, write_feed
from protocols.gtfs.errors import MAX_LISTED
from protocols.tests.gtfs_town import TOWN, files, with_lines


def times(feed: Feed, trip_id: str) -> list[str]:
    trip = feed.trips[trip_id]
    return [fields.time_text(feed.calls.arrival_s[row] + trip.shift_s) for row in trip.rows]


def stop_ids(feed: Feed, trip_id: str) -> list[str]:
    return [feed.stop_of(row).stop_id for row in feed.trips[trip_id].rows]


def complaints(texts: dict[str, bytes]) -> list[str]:
    with pytest.raises(FeedErrors) as caught:
        read_feed(texts)
    return [str(error) for error in caught.value.errors]


def test_a_plain_feed_is_read_whole() -> None:
    feed = read_feed(files())
    trip = feed.trips["T1"]
    assert (feed.name, feed.timezone) == ("Депо", "Europe/Kyiv")
    assert (feed.routes["R"].name, feed.routes["R"].colour) == ("5", "C62828")
    assert feed.stops["b"].name == "Кам’яний Брід"
    assert (trip.headsign, trip.direction_id, trip.block_id, trip.wheelchair_accessible) == ("Ринок", 0, "B", True)
    assert stop_ids(feed, "T1") == ["a", "b", "c", "d"]
    assert feed.calls.departure_s[trip.first_row + 1] == 8 * 3600 + 5 * 60
    assert feed.headsign(feed.trips["T2"]) == "Вокзал"


@pytest.mark.parametrize(
    "dress",
    [
        pytest.param(lambda text: b"\xef\xbb\xbf" + text.encode(), id="byte order mark"),
        pytest.param(lambda text: text.replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param(lambda text: text.replace("\n", "\r").encode(), id="bare CR"),
        pytest.param(lambda text: text.replace(",", " , ").encode(), id="spaces round names and values"),
        pytest.param(lambda text: text.replace("\n", ",\n").encode(), id="a trailing comma"),
        pytest.param(lambda text: text.replace("\n", "\n\n").encode(), id="blank lines"),
        pytest.param(lambda text: text.replace("\n", "\n , ,\n").encode(), id="lines of nothing but commas"),
        pytest.param(lambda text: text.rstrip("\n").encode(), id="no newline at the end"),
        pytest.param(
            lambda text: "\n".join(
                ", ".join(f'"{field}"' for field in line.split(",")) for line in text.splitlines()
            ).encode(),
            id="quotes",
        ),
    ],
)
def test_dress_does_not_matter(dress) -> None:  # type: ignore[no-untyped-def]
    assert read_feed({name: dress(text) for name, text in TOWN.items()}) == read_feed(files())


def test_stop_times_may_stand_in_any_order() -> None:
    head, *rows = TOWN["stop_times.txt"].splitlines()
    assert read_feed(files(stop_times="\n".join([head, *reversed(rows)]))) == read_feed(files())


def test_times_run_past_midnight_and_hours_may_have_one_digit() -> None:
    late = TOWN["stop_times.txt"].replace("8:32:00,8:32:00", "29:21:00,29:21:00").replace("8:20:00", "5:52:00")
    assert times(read_feed(files(stop_times=late)), "T2") == ["05:52:00", "29:21:00"]


def test_times_that_are_left_out_are_shared_out_by_distance() -> None:
    gaps = TOWN["stop_times.txt"].replace("8:04:00,8:05:00", ",").replace("8:08:00,8:08:00", ",")
    assert times(read_feed(files(stop_times=gaps)), "T1") == ["08:00:00", "08:03:00", "08:06:00", "08:12:00"]


def test_one_time_of_a_stop_stands_for_both() -> None:
    half = TOWN["stop_times.txt"].replace("8:04:00,8:05:00", ",8:05:00")
    assert times(read_feed(files(stop_times=half)), "T1")[1] == "08:05:00"


def test_optional_columns_may_be_missing() -> None:
    feed = read_feed(
        files(
            agency="agency_name,agency_timezone\nДепо,Europe/Kyiv\n",
            routes="route_id,route_long_name,route_type\nR,Довга,3\n",
            trips="route_id,service_id,trip_id\nR,all,T1\nR,all,T2\n",
        )
    )
    assert feed.routes["R"].name == "Довга"
    assert (feed.trips["T1"].block_id, feed.trips["T1"].block) == ("", "T1")


def test_a_shape_that_is_not_there_is_done_without() -> None:
    trips = "route_id,service_id,trip_id,shape_id\nR,all,T1,lost\nR,all,T2,\n"
    shapes = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\nother,47.9,33.3,1\n"
    assert read_feed(files(trips=trips)).trips["T1"].shape_id == ""
    assert read_feed(files(trips=trips, shapes=shapes)).trips["T1"].shape_id == ""
    assert read_feed(files(trips=trips, shapes="")).trips["T1"].shape_id == ""


def test_a_trip_with_one_stop_is_left_out_and_counted() -> None:
    feed = read_feed(files(trips=with_lines("trips", ["R,all,T3,,,,", "R,all,T4,,,,"]),
                           stop_times=with_lines("stop_times", ["T3,9:00:00,9:00:00,a,1"])))  # fmt: skip
    assert (list(feed.trips), feed.unused_trips) == (["T1", "T2"], 2)


def test_calendar_dates_add_and_remove_service() -> None:
    feed = read_feed(
        files(
            calendar=TOWN["calendar.txt"].replace("all,1,1,1,1,1,1,1", "all,1,1,1,1,1,0,0"),
            calendar_dates="service_id,date,exception_type\nall,20260328,1\nall,20260330,2\n",
        )
    )
    days = {day: bool(feed.service_ids(date(2026, 3, day))) for day in (27, 28, 29, 30)}
    assert days == {27: True, 28: True, 29: False, 30: False}
    assert not feed.service_ids(date(2025, 12, 31))
    assert [trip.trip_id for trip in feed.trips_on(date(2026, 3, 27))] == ["T1", "T2"]


def test_calendar_dates_alone_are_a_calendar() -> None:
    feed = read_feed(files("calendar.txt", calendar_dates="service_id,date,exception_type\nall,20260328,1\n"))
    assert feed.service_ids(date(2026, 3, 28)) == {"all"}


def test_frequencies_become_trips() -> None:
    feed = read_feed(
        files(frequencies="trip_id,start_time,end_time,headway_secs, exact_times\nT1,07:00:00,07:30:00,600,0\n")
    )
    assert list(feed.trips) == ["T1@07:00:00", "T1@07:10:00", "T1@07:20:00", "T2"]
    assert times(feed, "T1@07:10:00") == ["07:10:00", "07:14:00", "07:18:00", "07:22:00"]
    assert feed.trips["T1@07:10:00"].rows == feed.trips["T1@07:20:00"].rows


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"agency": ""}, "agency.txt:1: column missing: agency_timezone"),
        ({"agency": "agency_timezone\n"}, "agency.txt: holds no agency"),
        (
            {"agency": "agency_timezone\nMars/Olympus\n"},
            "agency.txt:2: agency_timezone: 'Mars/Olympus' is not a time zone",
        ),
        ({"agency": "agency_timezone\nEurope\n"}, "agency.txt:2: agency_timezone: 'Europe' is not a time zone"),
        (
            {"agency": "agency_timezone\n../../etc/passwd\n"},
            "agency.txt:2: agency_timezone: '../../etc/passwd' is not a",
        ),
        ({"agency": "agency_id,agency_timezone\n1,Europe/Kyiv\n2,Europe/Warsaw\n"}, "agency.txt:3: agency_timezone: "),
        (
            {"agency": "agency_id,agency_timezone\n1,Europe/Kyiv\n1,Europe/Kyiv\n"},
            "agency.txt:3: agency_id '1' stands on",
        ),
        ({"routes": "route_id,route_type\nR,tram\n"}, "routes.txt:2: route_type: 'tram' is not a non-negative integer"),
        ({"routes": "route_id,agency_id,route_type\nR,9,0\n"}, "routes.txt:2: agency_id '9' is unknown"),
        ({"routes": with_lines("routes", ["R,1,5,,0,"])}, "routes.txt:3: route_id 'R' stands on line 2 already"),
        ({"routes": "route_id,route_id,route_type\nR,R,0\n"}, "routes.txt:1: column route_id twice"),
        (
            {"stops": with_lines("stops", ["e,Депо,91.5,33"])},
            "stops.txt:6: stop_lat: '91.5' is not a number of degrees",
        ),
        ({"stops": with_lines("stops", ["e,Депо,nan,33"])}, "stops.txt:6: stop_lat: 'nan' is not a number of degrees"),
        ({"stops": with_lines("stops", ["e,Депо,,33"])}, "stops.txt:6: stop_lat is empty"),
        ({"stops": with_lines("stops", [",Депо,47,33"])}, "stops.txt:6: stop_id is empty"),
        ({"stops": with_lines("stops", ["a,Депо,47,33"])}, "stops.txt:6: stop_id 'a' stands on line 2 already"),
        ({"stops": with_lines("stops", ["e,Депо, 2,47,33"])}, "stops.txt:6: 5 fields, but the header has 4"),
        ({"stops": with_lines("stops", ['e,"Депо,47,33'])}, "stops.txt:6: not CSV: unexpected end of data"),
        (
            {
                "stops": "stop_id,stop_lat,stop_lon,parent_station\n"
                + "".join(f"{s},47,33,\n" for s in "abc")
                + "d,47,33,x\n"
            },
            "stops.txt:5: parent_station 'x' is unknown",
        ),
        ({"trips": with_lines("trips", ["X,all,T3,,,,"])}, "trips.txt:4: route_id 'X' is unknown"),
        ({"trips": with_lines("trips", ["R,never,T3,,,,"])}, "trips.txt:4: service_id 'never' is unknown"),
        ({"trips": with_lines("trips", ["R,all,T3,,2,,"])}, "trips.txt:4: direction_id: 2 is not one of 0, 1"),
        ({"trips": with_lines("trips", ["R,all,T1,,,,"])}, "trips.txt:4: trip_id 'T1' stands on line 2 already"),
        ({"trips": "route_id,service_id\n"}, "trips.txt:1: column missing: trip_id"),
        (
            {"trips": "route_id,service_id,trip_id\n", "stop_times": TOWN["stop_times.txt"].splitlines()[0]},
            "trips.txt: holds",
        ),
        (
            {"stop_times": with_lines("stop_times", ["T9,9:00:00,9:00:00,a,9"])},
            "stop_times.txt:8: trip_id 'T9' is unknown",
        ),
        (
            {"stop_times": with_lines("stop_times", ["T1,9:00:00,9:00:00,z,9"])},
            "stop_times.txt:8: stop_id 'z' is unknown",
        ),
        ({"stop_times": with_lines("stop_times", ["T1,9:00:00,9:00:00,,9"])}, "stop_times.txt:8: stop_id is empty"),
        (
            {"stop_times": with_lines("stop_times", ["T1,9:00,9:00:00,a,9"])},
            "stop_times.txt:8: '9:00' is not a time H:MM:SS",
        ),
        (
            {"stop_times": with_lines("stop_times", ["T1,9:60:00,,a,9"])},
            "stop_times.txt:8: '9:60:00' is not a time H:MM:SS",
        ),
        (
            {"stop_times": with_lines("stop_times", ["T1,9:00:00,,a,1_0"])},
            "stop_times.txt:8: stop_sequence: '1_0' is not",
        ),
        (
            {"stop_times": with_lines("stop_times", ["T1,9:00:00,,a,4"])},
            "stop_times.txt:8: stop_sequence 4 of this trip",
        ),
        ({"stop_times": with_lines("stop_times", ["T1,7:00:00,,a,9"])}, "stop_times.txt:8: time goes back, 08:12:00"),
        ({"stop_times": with_lines("stop_times", ["T1,9:01:00,9:00:00,a,9"])}, "stop_times.txt:8: time goes back"),
        (
            {"stop_times": with_lines("stop_times", ["T1,,,a,9"])},
            "stop_times.txt:8: the first and the last stop of a trip",
        ),
        (
            {"calendar": TOWN["calendar.txt"].replace("20260101", "20260230")},
            "calendar.txt:2: start_date: '20260230' is not a",
        ),
        (
            {"calendar": TOWN["calendar.txt"].replace("20260101", "20270101")},
            "calendar.txt:2: end_date is before start_date",
        ),
        (
            {"calendar": TOWN["calendar.txt"].replace("all,1", "all,x")},
            "calendar.txt:2: monday: 'x' is not a non-negative",
        ),
        ({"calendar_dates": "service_id,date\n"}, "calendar_dates.txt:1: column missing: exception_type"),
        (
            {"calendar_dates": "service_id,date,exception_type\nall,20260101,3\n"},
            "calendar_dates.txt:2: exception_type: 3 is",
        ),
        (
            {"calendar_dates": "service_id,date,exception_type\nall,20260101,1\nall,20260101,2\n"},
            "calendar_dates.txt:3: service_id 'all' has another line for this date already",
        ),
        (
            {"shapes": "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\ns,1,1,1\ns,2,2,1\n"},
            "shapes.txt:3: shape_pt_sequence 1 of shape_id 's' stands twice",
        ),
        (
            {"frequencies": "trip_id,start_time,end_time,headway_secs\nT9,7:00:00,8:00:00,60\n"},
            "frequencies.txt:2: trip_id 'T9' is unknown",
        ),
        (
            {"frequencies": "trip_id,start_time,end_time,headway_secs\nT1,7:00:00,8:00:00,0\n"},
            "frequencies.txt:2: headway_secs is 0",
        ),
        (
            {"frequencies": "trip_id,start_time,end_time,headway_secs\nT1,8:00:00,8:00:00,60\n"},
            "frequencies.txt:2: end_time is not after start_time",
        ),
        (
            {"frequencies": "trip_id,start_time,end_time,headway_secs\nT1,7:00:00,8:00:00,60\nT1,7:30:00,9:00:00,60\n"},
            "frequencies.txt:3: trip_id 'T1' starts at 07:30:00 by an earlier line already",
        ),
        (
            {"frequencies": "trip_id,start_time,end_time,headway_secs\nT1,0:00:00,100:00:00,1\n"},
            f"frequencies.txt:2: the feed's frequencies make more than {frequencies.MAX_TRIPS} trips",
        ),
    ],
)
def test_a_mistake_is_named_by_file_and_line(changed: dict[str, str], complaint: str) -> None:
    found = complaints(files(**changed))
    assert any(line.startswith(complaint) for line in found), found


@pytest.mark.parametrize("file", [name for name in TOWN if name != "calendar.txt"])
def test_a_required_file_that_is_missing_is_named(file: str) -> None:
    assert f"{file}: required file is missing" in complaints(files(file))


def test_one_of_two_calendars_is_required() -> None:
    assert complaints(files("calendar.txt")) == ["calendar.txt: required file is missing, and so is calendar_dates.txt"]


def test_bytes_that_are_not_utf_8_are_named() -> None:
    cyrillic = TOWN["stops.txt"].encode().replace("Ринок".encode(), "Ринок".encode("cp1251"))
    assert complaints(files(stops=cyrillic)) == ["stops.txt:5: not UTF-8"]


def test_all_mistakes_are_told_at_once_and_none_twice() -> None:
    found = complaints(
        files(
            stops=TOWN["stops.txt"].replace("47.92", "north"),
            trips=with_lines("trips", ["X,all,T3,,,,"]),
            stop_times=with_lines("stop_times", ["T3,9:00:00,9:00:00,a,1", "T1,9:00:00,9:00:00,c,9", "T1,x,,a,10"]),
        )
    )
    assert found == [
        "stops.txt:4: stop_lat: 'north' is not a number of degrees from -90 to 90",
        "trips.txt:4: route_id 'X' is unknown",
        "stop_times.txt:10: 'x' is not a time H:MM:SS",
    ]


def test_a_thousand_mistakes_are_counted_and_a_hundred_listed() -> None:
    rows = [f"T1,9:00:00,9:00:00,z,{number}" for number in range(100, 1100)]
    with pytest.raises(FeedErrors) as caught:
        read_feed(files(stop_times=with_lines("stop_times", rows)))
    assert (len(caught.value.errors), caught.value.total) == (MAX_LISTED, 1000)
    assert str(caught.value).endswith("and 900 more")


def test_what_is_written_is_read_back_the_same() -> None:
    feed = read_feed(
        files(
            frequencies="trip_id,start_time,end_time,headway_secs\nT1,07:00:00,07:30:00,600\n",
            shapes="shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\ns,47.1,33.1,1\ns,47.2,33.2,5\n",
            calendar_dates="service_id,date,exception_type\nall,20260328,1\nall,20260330,2\n",
            stops=TOWN["stops.txt"].replace("Ґанок", '"Ґанок, ""перший"""'),
        )
    )
    once = write_feed(feed)
    again = read_feed(once)
    assert write_feed(again) == once
    assert again.trips.keys() == feed.trips.keys()
    assert all(times(again, trip_id) == times(feed, trip_id) for trip_id in feed.trips)
    assert (again.stops, again.shapes, again.weekly, again.added, again.removed) == (
        feed.stops, feed.shapes, feed.weekly, feed.added, feed.removed,
    )  # fmt: skip

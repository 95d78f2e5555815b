"""Small timetables for tests: stops by kilometre, trips as one line of text, and a vehicle that drives along them.

Must never know: what a test does with them.
Specification: the coordinates lie on the equator east of Greenwich, so that a kilometre is a kilometre both ways.
"""

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from controller.services.timetable import Timetable
from protocols.gtfs import Feed, read_feed
from protocols.gtfs.path import METRES_PER_DEGREE

KYIV = ZoneInfo("Europe/Kyiv")
DAY = date(2026, 6, 10)
KM = 1000 / METRES_PER_DEGREE

Stops = dict[str, tuple[float, float]]  # kilometres north and east


def place(north_km: float, east_km: float) -> tuple[float, float]:
    return north_km * KM, 30 + east_km * KM


def at(clock: str, day: date = DAY) -> int:
    """Unix time of a moment on the clock on the wall."""
    return int(datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=KYIV).timestamp())


def feed(stops: Stops, trips: dict[str, str], shapes: dict[str, list[tuple[float, float]]] | None = None) -> Feed:
    """`trips`: id -> 'block [shape=s] [low] stop@H:MM[:SS][/H:MM] …'; service every day of 2026."""
    rows = ["route_id,service_id,trip_id,block_id,shape_id,wheelchair_accessible"]
    calls = ["trip_id,arrival_time,departure_time,stop_id,stop_sequence"]
    for trip_id, text in trips.items():
        block, *words = text.split()
        shape = next((word[6:] for word in words if word.startswith("shape=")), "")
        rows.append(f"5,all,{trip_id},{block},{shape},{int('low' in words)}")
        for number, word in enumerate(word for word in words if "@" in word):
            stop, times = word.split("@")
            arrival, _, departure = times.partition("/")
            calls.append(f"{trip_id},{_clock(arrival)},{_clock(departure or arrival)},{stop},{number}")
    points = ["shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence"]
    for shape, ways in (shapes or {}).items():
        points += [f"{shape},{lat},{lon},{i}" for i, (lat, lon) in enumerate(place(*way) for way in ways)]
    texts = {
        "agency.txt": ["agency_name,agency_timezone", "Депо,Europe/Kyiv"],
        "routes.txt": ["route_id,route_short_name,route_type", "5,5,0"],
        "stops.txt": ["stop_id,stop_name,stop_lat,stop_lon"]
        + [f"{stop},Зупинка {stop},{lat},{lon}" for stop, (lat, lon) in ((s, place(*p)) for s, p in stops.items())],
        "trips.txt": rows,
        "stop_times.txt": calls,
        "shapes.txt": points,
        "calendar.txt": [
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date",
            "all,1,1,1,1,1,1,1,20260101,20261231",
        ],
    }
    return read_feed({name: "\n".join(lines).encode() for name, lines in texts.items()})


def positions(
    timetable: Timetable, trip_id: str, late_s: float = 0, every_s: int = 10, day: date = DAY
) -> Iterator[tuple[float, float, float, int]]:
    """(lat, lon, speed, time) of a vehicle that keeps to the plan, `late_s` behind it, from first to last stop."""
    run = timetable.run(day, trip_id)
    assert run is not None
    path = timetable.path(run.trip)
    along_m = path.stop_m[0]
    for at_s in range(run.start_s, run.end_s + 1, every_s):
        while along_m < path.stop_m[-1] and timetable.planned_s(run, along_m + 1) <= at_s:
            along_m += 1
        lat, lon, _ = path.place(along_m)
        yield lat, lon, 5.0, round(at_s + late_s)


def _clock(text: str) -> str:
    return text if text.count(":") == 2 else f"{text}:00"

"""A feed of one line for tests: small enough to be read at a glance, with a place for every mistake.

Must never know: what a test does with it.
Specification: https://gtfs.org/documentation/schedule/reference/
"""

from collections.abc import Iterable
from pathlib import Path

REAL_FEEDS = Path(__file__).resolve().parents[3] / "shared" / "data" / "transit" / "gtfs"

TOWN = {
    "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\n1,Депо,https://example.org,Europe/Kyiv\n",
    "routes.txt": "route_id,agency_id,route_short_name,route_long_name,route_type,route_color\n"
    "R,1,5,Вокзал – Ринок,0,c62828\n",
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\n"
    "a,Вокзал,47.90,33.39\nb,Кам’яний Брід,47.91,33.39\nc,Ґанок,47.92,33.39\nd,Ринок,47.94,33.39\n",
    "trips.txt": "route_id,service_id,trip_id,trip_headsign,direction_id,block_id,wheelchair_accessible\n"
    "R,all,T1,Ринок,0,B,1\nR,all,T2,,1,B,2\n",
    "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    "T1,8:00:00,8:00:00,a,1\nT1,8:04:00,8:05:00,b,2\nT1,8:08:00,8:08:00,c,3\nT1,8:12:00,8:12:00,d,4\n"
    "T2,8:20:00,8:20:00,d,1\nT2,8:32:00,8:32:00,a,2\n",
    "calendar.txt": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "all,1,1,1,1,1,1,1,20260101,20261231\n",
}


def files(*without: str, **changed: str | bytes) -> dict[str, bytes]:
    """The town's files; `stops="…"` replaces stops.txt."""
    texts: dict[str, str | bytes] = {**TOWN, **{f"{name}.txt": text for name, text in changed.items()}}
    return {
        name: text if isinstance(text, bytes) else text.encode() for name, text in texts.items() if name not in without
    }


def with_lines(file: str, lines: Iterable[str]) -> str:
    """The town's file with lines added."""
    return TOWN[f"{file}.txt"] + "".join(f"{line}\n" for line in lines)

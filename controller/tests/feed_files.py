"""A feed of one street: route 5 runs east past four stops a kilometre apart, every ten minutes, on every day.

Never changes: tests count on its times. START_MS is the start of trip t1100.
Specification: GTFS.
"""

import zipfile
from io import BytesIO

FIRST_HOUR, LAST_HOUR = 5, 22
LAT, LON, STEP = 47.91, 33.39, 0.0134  # a kilometre of longitude at this latitude
STOPS = ("s1", "s2", "s3", "s4")
MINUTES = (0, 3, 6, 9)  # after the trip's start


def street_feed(name: str = "Street") -> dict[str, bytes]:
    """The feed's files."""
    starts = [(hour, minute) for hour in range(FIRST_HOUR, LAST_HOUR) for minute in range(0, 60, 10)]
    trips = ["route_id,service_id,trip_id,trip_headsign,block_id,shape_id"]
    times = ["trip_id,arrival_time,departure_time,stop_id,stop_sequence"]
    for hour, minute in starts:
        trip = f"t{hour:02}{minute:02}"
        trips.append(f"R5,daily,{trip},Вокзал,b{hour:02}{minute:02},line")
        for number, (stop, later) in enumerate(zip(STOPS, MINUTES, strict=True), 1):
            at = f"{hour:02}:{minute + later:02}:00"
            times.append(f"{trip},{at},{at},{stop},{number}")
    stops = [f"{stop},Зупинка {i},{LAT},{LON + i * STEP}" for i, stop in enumerate(STOPS)]
    shape = [f"line,{LAT},{LON + i * STEP},{i}" for i in range(len(STOPS))]
    files = {
        "agency.txt": ["agency_id,agency_name,agency_url,agency_timezone", f"A,{name},https://x.ua,Europe/Kyiv"],
        "routes.txt": [
            "route_id,agency_id,route_short_name,route_long_name,route_type,route_color",
            "R5,A,5,,3,0A7D3C",
        ],
        "stops.txt": ["stop_id,stop_name,stop_lat,stop_lon", *stops],
        "trips.txt": trips,
        "stop_times.txt": times,
        "shapes.txt": ["shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence", *shape],
        "calendar.txt": [
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date",
            "daily,1,1,1,1,1,1,1,20260101,20271231",
        ],
        "feed_info.txt": [
            "feed_publisher_name,feed_publisher_url,feed_lang,feed_version",
            f"{name},https://x.ua,uk,1",
        ],
    }
    return {file: ("\n".join(lines) + "\n").encode() for file, lines in files.items()}


def zipped(files: dict[str, bytes]) -> bytes:
    """The files as one zip."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def place(kilometres: float) -> tuple[float, float]:
    """Latitude and longitude this far along the street."""
    return LAT, LON + kilometres * STEP

"""A Feed -> the text files of a feed, which read_feed reads back as the same feed.

Must never know: zip files, folders, why somebody wants the text.
Specification: https://gtfs.org/documentation/schedule/reference/ (only what the reader reads is written)
"""

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from io import StringIO

from protocols.gtfs.feed import Feed
from protocols.gtfs.fields import time_text
from protocols.gtfs.reader import WEEKDAYS


def write_feed(feed: Feed) -> dict[str, bytes]:
    """Files by name. Trips that frequencies.txt repeated come out one by one."""
    calls = feed.calls
    return {
        "agency.txt": _csv(
            ("agency_id", "agency_name", "agency_url", "agency_timezone", "agency_lang"),
            ((a.agency_id, a.name, a.url, a.timezone, a.lang) for a in feed.agencies),
        ),
        "routes.txt": _csv(
            ("route_id", "agency_id", "route_short_name", "route_long_name", "route_type", "route_color",
             "route_text_color"),
            ((r.route_id, r.agency_id, r.short_name, r.long_name, r.route_type, r.colour, r.text_colour)
             for r in feed.routes.values()),
        ),
        "stops.txt": _csv(
            ("stop_id", "stop_code", "stop_name", "stop_lat", "stop_lon", "location_type", "parent_station"),
            ((s.stop_id, s.code, s.name, s.lat, s.lon, s.location_type, s.parent_station) for s in feed.stops.values()),
        ),
        "trips.txt": _csv(
            ("route_id", "service_id", "trip_id", "trip_headsign", "direction_id", "block_id", "shape_id",
             "wheelchair_accessible"),
            ((t.route_id, t.service_id, t.trip_id, t.headsign, t.direction_id, t.block_id, t.shape_id,
              int(t.wheelchair_accessible)) for t in feed.trips.values()),
        ),
        "stop_times.txt": _csv(
            ("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"),
            ((trip.trip_id, time_text(calls.arrival_s[row] + trip.shift_s),
              time_text(calls.departure_s[row] + trip.shift_s), calls.stop_ids[calls.stop[row]], calls.sequence[row])
             for trip in feed.trips.values() for row in trip.rows),
        ),
        "calendar.txt": _csv(
            ("service_id", *WEEKDAYS, "start_date", "end_date"),
            ((service_id, *map(int, weekly.weekdays), _day(weekly.first), _day(weekly.last))
             for service_id, weekly in feed.weekly.items()),
        ),
        "calendar_dates.txt": _csv(
            ("service_id", "date", "exception_type"),
            ((service_id, _day(day), kind)
             for kind, exceptions in ((1, feed.added), (2, feed.removed))
             for day, services in exceptions.items()
             for service_id in sorted(services)),
        ),
        "shapes.txt": _csv(
            ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"),
            ((shape_id, lat, lon, i) for shape_id, shape in feed.shapes.items()
             for i, (lat, lon) in enumerate(shape.points())),
        ),
        "feed_info.txt": _csv(
            ("feed_publisher_name", "feed_version"), [(feed.name, feed.version)],
        ),
    }  # fmt: skip


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def _day(day: date) -> str:
    return f"{day:%Y%m%d}"

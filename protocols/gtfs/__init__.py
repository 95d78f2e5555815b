"""GTFS: the text files of a public transport feed <-> a Feed.

Must never know: who asks, where the bytes come from, what time it is now.
Specification: https://gtfs.org/documentation/schedule/reference/ (README.md here lists what is read).
"""

from protocols.gtfs.errors import FeedError, FeedErrors
from protocols.gtfs.feed import Agency, Feed, Route, Shape, Stop, StopTimes, Trip, WeeklyService
from protocols.gtfs.path import Paths, TripPath
from protocols.gtfs.reader import from_zip_bytes, read_feed
from protocols.gtfs.writer import write_feed

__all__ = [
    "Agency",
    "Feed",
    "FeedError",
    "FeedErrors",
    "Paths",
    "Route",
    "Shape",
    "Stop",
    "StopTimes",
    "Trip",
    "TripPath",
    "WeeklyService",
    "from_zip_bytes",
    "read_feed",
    "write_feed",
]

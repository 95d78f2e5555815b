"""The timetable side as one piece: feed, timetable, tracker, predictor, exchanged together when a feed is imported.

Never reads a file: bytes come in.
Specification: timetable.py, tracking.py and arrivals.py beside this file; protocols/gtfs for the feed.
"""

from dataclasses import dataclass

from controller.services.arrivals import Predictor
from controller.services.live import Shape
from controller.services.roster import Roster
from controller.services.timetable import Timetable
from controller.services.tracking import Tracker
from protocols.gtfs import Feed, from_zip_bytes


@dataclass(frozen=True, slots=True)
class Transit:
    """Everything that hangs on one feed."""

    feed: Feed
    timetable: Timetable
    tracker: Tracker
    predictor: Predictor
    shapes: tuple[Shape, ...]

    @classmethod
    def of(cls, data: bytes, roster: Roster) -> "Transit":
        """From a zipped feed. Raises FeedErrors."""
        feed = from_zip_bytes(data)
        timetable = Timetable(feed)
        tracker = Tracker(timetable, roster)
        return cls(feed, timetable, tracker, Predictor(timetable, tracker), _shapes(feed))


def _shapes(feed: Feed) -> tuple[Shape, ...]:
    """A line for each route and shape, for the map."""
    lines = sorted({(trip.route_id, trip.shape_id) for trip in feed.trips.values() if trip.shape_id in feed.shapes})
    return tuple(
        (feed.routes[route].name, feed.routes[route].colour, tuple(feed.shapes[shape].points()))
        for route, shape in lines
    )

"""What stands still on the map: the routes' lines and the stops, as one document that browsers keep.

Never knows NiceGUI or Leaflet. Named by its content, so a new timetable is a new document and an old one never stale.
Specification: controller/services/live.py, Snapshot.shapes and StopView; static/town_map.js reads it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from controller.services.live import Snapshot

PLAN_PATH = "/web/plan"
PLACES = 5  # a metre

_COLOUR = re.compile(r"#?([0-9A-Fa-f]{6})")
# For routes whose feed names no colour: hues that stay apart from each other on both themes.
_FALLBACK_COLOURS = ("#2f6fb5", "#b5472f", "#3d8a4f", "#8a4fa8", "#a8752a", "#1f8a8a", "#b03a6e", "#5d6b2f")


@dataclass(frozen=True, slots=True)
class TownPlan:
    """The document, its name, and the colour of each route."""

    name: str
    body: bytes
    colours: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"{PLAN_PATH}/{self.name}.json"


def route_colour(colour: str, number: int) -> str:
    """`#rrggbb` from a feed's route_color; one of ours for a feed that leaves it out or writes nonsense."""
    match = _COLOUR.fullmatch(colour.strip())
    return f"#{match[1].lower()}" if match else _FALLBACK_COLOURS[number % len(_FALLBACK_COLOURS)]


def draw_plan(snapshot: Snapshot) -> TownPlan:
    """The plan of the snapshot's timetable."""
    colours: dict[str, str] = {}
    lines = []
    for route, colour, points in snapshot.shapes:
        colours.setdefault(route, route_colour(colour, len(colours)))
        line = [[round(lat, PLACES), round(lon, PLACES)] for lat, lon in points]
        lines.append({"route": route, "colour": colours[route], "points": line})
    stops = [
        {"name": stop.name, "at": [round(stop.lat, PLACES), round(stop.lon, PLACES)], "displays": len(stop.displays)}
        for stop in snapshot.stops
    ]
    body = orjson.dumps({"lines": lines, "stops": stops})
    return TownPlan(hashlib.sha256(body).hexdigest()[:16], body, colours)

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

UNNAMED = "ffffff"  # GTFS: the colour of a route whose feed names none
# Relative luminance (WCAG 2.2) at which a line still stands out from the map, be its ground light or dark.
LUMINANCE = (0.06, 0.42)

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
    """`#rrggbb` from a feed's route_color, readable on both themes; one of ours if the feed leaves it out."""
    match = _COLOUR.fullmatch(colour.strip())
    if match is None or match[1].lower() == UNNAMED:
        return _FALLBACK_COLOURS[number % len(_FALLBACK_COLOURS)]
    return _readable(match[1])


def _readable(colour: str) -> str:
    """The colour itself, or with the same hue as much darker or paler as it takes."""
    channels = [_linear(int(colour[at : at + 2], 16) / 255) for at in (0, 2, 4)]
    luminance = 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]
    low, high = LUMINANCE
    if luminance > high:
        channels = [channel * high / luminance for channel in channels]
    elif luminance < low:
        white = (low - luminance) / (1 - luminance)
        channels = [channel + (1 - channel) * white for channel in channels]
    return "#" + "".join(f"{round(_encoded(channel) * 255):02x}" for channel in channels)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _encoded(channel: float) -> float:
    return channel * 12.92 if channel <= 0.0031308 else float(1.055 * channel ** (1 / 2.4) - 0.055)


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

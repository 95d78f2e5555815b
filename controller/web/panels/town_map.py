"""The map: Leaflet, drawn from the timetable's own lines; tiles lie below them only where the configuration names some.

Never sends what the browser already has: the standing plan is a document, and each moment only changed marks go out.
Specification: static/town_map.js, the other half; Leaflet 1.9 comes from NiceGUI's wheel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nicegui.elements.leaflet as leaflet_package
from nicegui import ui
from nicegui.events import GenericEventArguments

from controller.web.dom import box, icon, on, put, text
from controller.web.marks import Mark, details
from controller.web.pulse import Moment
from controller.web.scene import Scene
from controller.web.visit import Visit

# Importing the package registers the browser's module "nicegui-leaflet"; its folder also holds leaflet.css.
_LEAFLET_FOLDER = Path(leaflet_package.__file__).parent / "dist"
_LEGEND = ("on_time", "late", "early", "display")


class _Leaflet(ui.element, component="../static/town_map.js"):
    """The browser's half."""

    def __init__(self, plan_url: str, visit: Visit) -> None:
        super().__init__()
        self.add_resource(_LEAFLET_FOLDER)
        self.props["plan-url"] = plan_url
        self.props["tiles"] = {"url": visit.desk.tiles, "credit": visit.desk.tiles_credit}
        self.props["words"] = {key: visit.words.say(f"map.{key}") for key in ("fit", "zoom_in", "zoom_out", "help")}


def changes(before: dict[str, Mark], now: tuple[Mark, ...]) -> tuple[list[list[Any]], list[str]]:
    """Marks that are new or different as the browser's half reads them, and the ids of those that went.

    Of one that only moved no more than its place is told.
    """
    changed = []
    for mark in now:
        known = before.get(mark.id)
        if known == mark:
            continue
        place = [mark.id, mark.lat, mark.lon]
        look = mark.look
        if known is None or known.look != look:
            place += [look.badge, look.label, look.state, look.spoken, look.colour]
        changed.append(place)
    return changed, list(before.keys() - {mark.id for mark in now})


class TownMap:
    """Built once a page, then shown each moment."""

    def __init__(self, visit: Visit, moment: Moment) -> None:
        words = self._words = visit.words
        self._visit = visit
        self._vehicles: dict[str, Mark] = {}
        self._displays: dict[str, Mark] = {}
        with box("section", "panel town", aria_labelledby="map-title"):
            with box("div", "panel-head"):
                text("h2", words.say("section.map"), id="map-title")
                self._count = text("p", look="panel-note")
                self._feed = text("p", look="panel-note")
                with box("ul", "legend"):
                    for key in _LEGEND:
                        with box("li", data_state=key):
                            icon(f"legend-{key.replace('_', '-')}")
                            text("span", words.say(f"map.legend.{key}"))
            with box("div", "map-frame"):
                self._leaflet = _Leaflet(moment.plan.url, visit).classes("town-map")
                self._empty = text("p", words.say("map.empty"), "map-empty")
        self._moment = moment
        self._pointed = ""  # the mark whose details the browser shows
        self._told: tuple[str, ...] = ()
        on(self._leaflet, "point", self._point)
        self._count_vehicles(visit.scene(moment))

    def _count_vehicles(self, scene: Scene) -> None:
        self._count.text = self._words.count("map.vehicles", len(scene.vehicles))
        put(self._empty, data_hidden="yes" if scene.vehicles else "no")

    def show(self, moment: Moment) -> None:
        """Bring up to date; the first time, everything is a change."""
        self._moment = moment
        scene = self._visit.scene(moment)
        feed = moment.snapshot.feed_name
        self._feed.text = self._words.say("map.feed", feed=feed) if feed else self._words.say("map.no_feed")
        self._count_vehicles(scene)
        if self._leaflet.props["plan-url"] != moment.plan.url:
            self._leaflet.props["plan-url"] = moment.plan.url
        self._tell()
        moved, left = changes(self._vehicles, scene.vehicles)
        altered, removed = changes(self._displays, scene.displays)
        if not (moved or left or altered or removed):
            return
        self._vehicles = {mark.id: mark for mark in scene.vehicles}
        self._displays = {mark.id: mark for mark in scene.displays}
        patch = {"vehicles": moved, "left": left}
        if altered or removed:
            patch |= {"displays": altered, "removed": removed}
        self._leaflet.run_method("apply", patch)

    def _point(self, event: GenericEventArguments) -> None:
        self._pointed, self._told = str(event.args), ()
        self._tell()

    def _tell(self) -> None:
        """Details are worked out for the one mark that is pointed at, and sent while they change."""
        if not self._pointed:
            return
        scene = self._visit.scene(self._moment)
        told = details(self._moment.snapshot, scene.glasses, self._pointed, self._words)
        if told != self._told:
            self._told = told
            self._leaflet.run_method("tell", self._pointed, told)

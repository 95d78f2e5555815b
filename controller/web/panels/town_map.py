"""The map: Leaflet without tiles, drawn from the timetable's own lines.

Never sends what the browser already has: the standing plan is a document, and each moment only changed marks go out.
Specification: static/town_map.js, the other half; Leaflet 1.9 comes from NiceGUI's wheel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nicegui.elements.leaflet as leaflet_package
from nicegui import ui

from controller.web.dom import box, icon, put, text
from controller.web.marks import Mark
from controller.web.pulse import Moment
from controller.web.scene import Scene
from controller.web.wording import Words

# Importing the package registers the browser's module "nicegui-leaflet"; its folder also holds leaflet.css.
_LEAFLET_FOLDER = Path(leaflet_package.__file__).parent / "dist"
_LEGEND = ("on_time", "late", "early", "display")


class _Leaflet(ui.element, component="../static/town_map.js"):
    """The browser's half."""

    def __init__(self, plan_url: str, words: Words) -> None:
        super().__init__()
        self.add_resource(_LEAFLET_FOLDER)
        self.props["plan-url"] = plan_url
        self.props["words"] = {key: words.say(f"map.{key}") for key in ("fit", "zoom_in", "zoom_out", "help")}


def changes(before: dict[str, Mark], now: tuple[Mark, ...]) -> tuple[list[Mark], list[str]]:
    """Marks that are new or different, and the ids of those that went."""
    changed = [mark for mark in now if before.get(mark.id) != mark]
    gone = list(before.keys() - {mark.id for mark in now})
    return changed, gone


def wire(mark: Mark) -> list[Any]:
    """A mark as the browser's half reads it."""
    return [mark.id, mark.lat, mark.lon, mark.badge, mark.label, mark.state, mark.spoken, mark.details, mark.colour]


class TownMap:
    """Built once a page, then shown each moment."""

    def __init__(self, words: Words, moment: Moment, scene: Scene) -> None:
        self._words = words
        self._vehicles: dict[str, Mark] = {}
        self._displays: dict[str, Mark] = {}
        with box("section", "panel town", aria_labelledby="map-title"):
            with box("div", "panel-head"):
                text("h2", words.say("section.map"), id="map-title")
                self._count = text("p", look="panel-note")
                with box("ul", "legend"):
                    for key in _LEGEND:
                        with box("li", data_state=key):
                            icon(f"legend-{key.replace('_', '-')}")
                            text("span", words.say(f"map.legend.{key}"))
            with box("div", "map-frame"):
                self._leaflet = _Leaflet(moment.plan.url, words).classes("town-map")
                self._empty = text("p", words.say("map.empty"), "map-empty")
        self._count_vehicles(scene)

    def _count_vehicles(self, scene: Scene) -> None:
        self._count.text = self._words.count("map.vehicles", len(scene.vehicles))
        put(self._empty, data_hidden="yes" if scene.vehicles else "no")

    def show(self, moment: Moment, scene: Scene) -> None:
        """Bring up to date; the first time, everything is a change."""
        self._count_vehicles(scene)
        if self._leaflet.props["plan-url"] != moment.plan.url:
            self._leaflet.props["plan-url"] = moment.plan.url
        moved, left = changes(self._vehicles, scene.vehicles)
        altered, removed = changes(self._displays, scene.displays)
        if not (moved or left or altered or removed):
            return
        self._vehicles = {mark.id: mark for mark in scene.vehicles}
        self._displays = {mark.id: mark for mark in scene.displays}
        patch = {"vehicles": [wire(mark) for mark in moved], "left": left}
        if altered or removed:
            patch |= {"displays": [wire(mark) for mark in altered], "removed": removed}
        self._leaflet.run_method("apply", patch)

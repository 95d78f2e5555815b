"""The last day of one value as a chart: a reader chooses a meter or a post, then one of its values.

Never loads anything before somebody chose; the colours are those of page.css, which knows them by their light values.
Specification: controller/web/README.md, "Charts"; ECharts 5, `option`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

from nicegui import ui
from nicegui.events import GenericEventArguments

from controller.web.dom import box, put, text
from controller.web.wording import Words

if TYPE_CHECKING:
    from controller.services.history import Choice, Point

GAP = 2.5  # times the usual distance: the line is interrupted, nothing is known in between
MINUTE_MS = 60_000
INK, LINE, FRAME, MARK = "#0a5a91", "#e6eae8", "#d3d9d7", "#774900"


class Past(Protocol):
    """What the chart needs of controller.services.history.History."""

    def places(self) -> tuple[Choice, ...]:
        """Posts and meters."""

    def values(self, place: str) -> tuple[Choice, ...]:
        """What one of them tells."""

    def last_day(self, place: str, value: str) -> tuple[Point, ...]:
        """The stored points, oldest first; slow."""


class _Select:
    """A list of which one is chosen; the browser's own, so that the keyboard and the telephone know it."""

    def __init__(self, label: str, act: Callable[[str], Any]) -> None:
        with box("label", "chart-choice", data_hidden="yes") as self._root:
            text("span", label, "unseen")
            self._field = box("select", title=label)
        self._field.on("change", lambda event: act(_text(event)), js_handler="(event) => emit(event.target.value)")

    def offer(self, choices: Sequence[tuple[str, str]], chosen: str) -> None:
        """Put other choices in."""
        put(self._root, data_hidden="no" if choices else "yes")
        self._field.clear()
        with self._field:
            for value, label in choices:
                option = text("option", label, value=value)
                if value == chosen:
                    put(option, selected="selected")


class ChartPanel:
    """Built once a page; hidden while there is nothing to choose."""

    def __init__(self, words: Words, past: Past) -> None:
        self._words = words
        self._past = past
        self._places: tuple[Choice, ...] = ()
        self._values: tuple[Choice, ...] = ()
        self._place = self._value = ""
        with box("section", "panel chart", aria_labelledby="chart-title") as self._root:
            with box("div", "panel-head"):
                text("h2", words.say("section.chart"), id="chart-title")
                self._place_field = _Select(words.say("chart.place"), self._choose_place)
                self._value_field = _Select(words.say("chart.value"), self._choose_value)
                self._told = text("p", look="panel-note", aria_live="polite")
            self._room = box("div", "chart-room", role="img", aria_labelledby="chart-title", data_hidden="yes")
        self.show()

    def show(self) -> None:
        """Bring the choices up to date."""
        places = self._past.places()
        put(self._root, data_hidden="no" if places else "yes")
        if places != self._places:
            self._places = places
            nothing = () if self._place else (("", self._words.say("chart.choose")),)
            self._place_field.offer([*nothing, *((one.id, one.name) for one in places)], self._place)

    async def _choose_place(self, place: str) -> None:
        self._place = place
        self._values = self._past.values(place)
        if self._value not in {one.id for one in self._values}:
            self._value = self._values[0].id if self._values else ""
        self._value_field.offer([(one.id, self._label(one)) for one in self._values], self._value)
        await self._draw()

    async def _choose_value(self, value: str) -> None:
        self._value = value
        await self._draw()

    async def _draw(self) -> None:
        asked = self._place, self._value
        value = next((one for one in self._values if one.id == self._value), None)
        points = await asyncio.to_thread(self._past.last_day, *asked) if value else ()
        if asked != (self._place, self._value):
            return  # something else was chosen meanwhile
        self._told.text = self._summary(points)
        put(self._room, data_hidden="no" if points else "yes")
        self._room.clear()
        if value and points:
            with self._room:
                ui.echart(_option(points, self._label(value), self._words), renderer="svg").classes("chart-picture")

    def _label(self, value: Choice) -> str:
        name = value.name and self._words.name_of("channel", value.name)
        return ", ".join(filter(None, (name, value.unit)))

    def _summary(self, points: Sequence[Point]) -> str:
        say = self._words.say
        if not points:
            return say("chart.nothing")
        figures = [one.value for one in points]
        told = say(
            "chart.summary",
            values=self._words.number(len(points)),
            lowest=f"{min(figures):.6g}",
            highest=f"{max(figures):.6g}",
        )
        marks = sorted({flag for one in points for flag in one.flags})
        if not marks:
            return told
        return f"{told} {say('chart.marked', marks=', '.join(self._words.name_of('flag', mark) for mark in marks))}"


def _text(event: GenericEventArguments) -> str:
    return str(event.args)


def _option(points: Sequence[Point], label: str, words: Words) -> dict[str, Any]:
    """ECharts' words. It knows UTC and the browser's time; it is given the town's as if it were UTC."""
    data: list[list[float | None]] = [[words.wall_ms(one.at_s), one.value] for one in points]
    line = [data[0]]
    usual_s = median([after.at_s - before.at_s for before, after in pairwise(points)] or [0.0])
    for (before, after), drawn in zip(pairwise(points), data[1:], strict=True):
        if after.at_s - before.at_s > GAP * usual_s:
            line.append([drawn[0], None])
        line.append(drawn)
    marked = [drawn for one, drawn in zip(points, data, strict=True) if one.flags]
    frame = {"lineStyle": {"color": FRAME}}
    return {
        "useUTC": True,
        "animation": False,
        "grid": {"left": 12, "right": 20, "top": 16, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "axis", "className": "chart-tip", "confine": True},
        "xAxis": {
            "type": "time",
            "minInterval": MINUTE_MS,
            "axisLine": frame,
            "axisTick": frame,
            "axisLabel": {"formatter": "{HH}:{mm}", "hideOverlap": True},
        },
        "yAxis": {"type": "value", "scale": True, "splitLine": {"lineStyle": {"color": LINE}}},
        "series": [
            {
                "type": "line",
                "name": label,
                "data": line,
                "showSymbol": len(points) == 1,
                "lineStyle": {"color": INK, "width": 1.75},
                "itemStyle": {"color": INK},
                "emphasis": {"disabled": True},
            },
            {
                "type": "scatter",
                "name": words.say("chart.mark"),
                "data": marked,
                "symbolSize": 5,
                "itemStyle": {"color": MARK},
                "emphasis": {"disabled": True},
                "tooltip": {"show": False},
            },
        ],
    }

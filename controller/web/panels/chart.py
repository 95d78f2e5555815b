"""The last day of one value as a chart: a reader chooses a meter or a post, then one of its values.

Never loads anything before somebody chose; the colours are those of page.css, which knows them by their light values.
Specification: controller/web/README.md, "Charts and buildings"; ECharts 5, `option`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

from nicegui import ui

from controller.services.units import for_people
from controller.web.dom import box, put, text
from controller.web.panels.choices import Select
from controller.web.pulse import Moment
from controller.web.visit import Visit
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


class ChartPanel:
    """Built once a page. On the page of one node it is about that node, and hidden while there is nothing to choose."""

    def __init__(self, visit: Visit, _moment: Moment) -> None:
        words = self._words = visit.words
        self._past = visit.desk.past
        self._address = visit.address
        self._places: tuple[Choice, ...] = ()
        self._values: tuple[Choice, ...] = ()
        with box("section", "panel chart", aria_labelledby="chart-title") as self._root:
            with box("div", "panel-head"):
                text("h2", words.say("section.chart"), id="chart-title")
                self._place_field = Select(visit, "place", words.say("chart.place"), self._choose_place)
                self._value_field = Select(visit, "value", words.say("chart.value"), lambda _: self._draw())
                self._told = text("p", look="panel-note", aria_live="polite")
            self._none = text("p", words.say("chart.none"), "footnote")
            self._room = box("div", "chart-room", role="img", aria_labelledby="chart-title", data_hidden="yes")
        self.show(_moment)
        if self._place:
            self._offer_values()
            ui.timer(0, self._draw, once=True)

    def show(self, _moment: Moment) -> None:
        """Bring the choices up to date."""
        node = self._address.subject
        places = tuple(one for one in self._past.places() if one.id.startswith(node)) if self._past else ()
        put(self._root, data_hidden="yes" if node and not places else "no")
        put(self._none, data_hidden="yes" if places else "no")
        if places != self._places:
            self._places = places
            nothing = () if self._place else (("", self._words.say("chart.choose")),)
            self._place_field.offer([*nothing, *((one.id, one.name) for one in places)])

    @property
    def _place(self) -> str:
        first = self._places[0].id if self._address.subject and self._places else ""
        return self._address.get("place") or first

    async def _choose_place(self, _place: str) -> None:
        self._offer_values()
        await self._draw()

    def _offer_values(self) -> None:
        self._values = self._past.values(self._place) if self._past else ()
        self._value_field.offer([(one.id, self._label(one)) for one in self._values])

    def _chosen(self) -> tuple[str, str]:
        """Place and value; a place that has other values than the one before begins with its first."""
        value = self._address.get("value")
        if value not in {one.id for one in self._values}:
            value = self._values[0].id if self._values else ""
        return self._place, value

    async def _draw(self) -> None:
        asked = self._chosen()
        value = next((one for one in self._values if one.id == asked[1]), None)
        points = await asyncio.to_thread(self._past.last_day, *asked) if value and self._past else ()
        scale = for_people(value.unit)[0] if value else 1.0
        points = tuple(one._replace(value=one.value * scale) for one in points)
        if asked != self._chosen():
            return  # something else was chosen meanwhile
        self._told.text = self._summary(points)
        put(self._room, data_hidden="no" if points else "yes")
        self._room.clear()
        if value and points:
            with self._room:
                ui.echart(_option(points, self._label(value), self._words), renderer="svg").classes("chart-picture")

    def _label(self, value: Choice) -> str:
        name = value.name and self._words.name_of("channel", value.name)
        return ", ".join(filter(None, (f"{name} {value.register}".strip(), for_people(value.unit)[1])))

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

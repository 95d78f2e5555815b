"""Buildings and their meter points: the meter, its last reading, yesterday, this month and the one before.

Never reads more than the rows that are shown: what is not worked out yet is waited for, row by row.
Specification: controller/services/usage.py; controller/web/README.md, "Charts and buildings".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nicegui import ui

from controller.web import usage_list
from controller.web.dom import box, text
from controller.web.panels.choices import Search
from controller.web.panels.paged_table import ROWS_A_PAGE, Column, PagedTable
from controller.web.panels.pager import Pager
from controller.web.pulse import Moment
from controller.web.usage_list import ORDERS, SHARES
from controller.web.visit import Visit

if TYPE_CHECKING:
    from controller.services.usage import Account, Figures

LOOK_S = 1.0
AT_ONCE = 5  # accounts worked out in one piece
LIST_AGAIN = 30  # looks after which new points are looked for
_STATES = {"gap": "", "unsure": "warn", "known": ""}


class BuildingsPanel:
    """Built once a page; what it shows is read while somebody looks."""

    def __init__(self, visit: Visit, _moment: Moment) -> None:
        assert visit.desk.usage is not None
        self._usage = visit.desk.usage
        words = self._words = visit.words
        self._accounts: list[Account] = []
        self._wanted: dict[str, Account] = {}  # shown, and not worked out or not fresh
        self._looks = 0
        columns: list[Column[Account]] = [
            Column("building", ORDERS["building"]),
            Column("point", ORDERS["point"], head=True),
            Column("meter", None),
            Column("reading", None, figure=True),
            *(Column(name, None, figure=True) for name in SHARES),
        ]
        with box("section", "panel labelled buildings", aria_labelledby="buildings-title"):
            with box("div", "panel-head"):
                text("h2", words.say("section.buildings"), id="buildings-title")
                self._search = Search(visit, words.say("usage.search"), self._show)
                text("a", words.say("table.export"), "export", href="/buildings.csv", data_with_choices="", download="")
                pager = Pager(visit, ROWS_A_PAGE, self._turned)
            self._table = PagedTable(
                visit,
                columns,
                pager,
                self._row,
                sort_by="building",
                label=words.say("section.buildings"),
                nothing=words.say("usage.nothing"),
            )
            self._table.show(())
            text("p", words.say("usage.note"), "footnote")
        ui.timer(LOOK_S, self._look)

    def show(self, moment: Moment) -> None:
        """Nothing of the town's moment stands here."""

    async def _look(self) -> None:
        if self._looks % LIST_AGAIN == 0:
            self._accounts = await asyncio.to_thread(self._usage.accounts)
            self._show()
        self._looks += 1
        while some := list(self._wanted.values())[:AT_ONCE]:
            await asyncio.to_thread(list, map(self._usage.figures, some))
            self._show()

    def _show(self) -> None:
        self._wanted = {}
        self._table.show(usage_list.wanted(self._accounts, self._search.terms, self._words))

    def _turned(self) -> None:
        self._wanted = {}
        self._table.turned()

    def _row(self, one: Account) -> dict[str, str]:
        words = self._words
        figures, is_fresh = self._usage.kept(one)
        if not is_fresh:
            self._wanted[one.id] = one
        row = {
            "id": one.id,
            "look": "sum" if one.is_sum else "",
            "building": one.building,
            "building_note": one.address,
            "point": usage_list.name(one, words),
            "point_note": "" if one.is_sum else usage_list.medium(one, words),
            "point_href": f"/buildings/{one.id}",
            "meter": words.say("none") if one.is_sum or not one.meters else one.meters[-1].serial or words.say("none"),
            "meter_note": self._replaced(one),
        }
        return row | (self._figures(one, figures) if figures else dict.fromkeys(("reading", *SHARES), "…"))

    def _replaced(self, one: Account) -> str:
        if len(one.meters) < 2:
            return ""
        day = self._words.minute(one.meters[-1].from_ms / 1000)
        return self._words.say("usage.replaced", moment=day, before=one.meters[-2].serial or self._words.say("none"))

    def _figures(self, one: Account, figures: Figures) -> dict[str, str]:
        words = self._words
        row = {"reading": words.say("none")}
        if figures.last:
            unit, stood = usage_list.reading(figures.last, words)
            row["reading"] = f"{words.figure(stood)}\N{NO-BREAK SPACE}{unit}"
            marks = (usage_list.mark_words(mark, words) for mark in figures.last.quality)
            row["reading_note"] = ", ".join((words.minute(figures.last.at_ms / 1000), *marks))
        elif not one.is_sum:
            row["reading_note"] = words.say("usage.no_reading")
        for name, share in zip(SHARES, figures.shares, strict=True):
            row[name] = usage_list.amount(share, one.unit, words)
            ragged = usage_list.is_ragged(share, self._usage.now_s()) and "several" not in share.marks
            told = (usage_list.between(share, words) if ragged else "", usage_list.remark(share, words))
            row[f"{name}_note"] = "\n".join(filter(None, told))
            row[f"{name}_state"] = _STATES[usage_list.state(share)]
        return row

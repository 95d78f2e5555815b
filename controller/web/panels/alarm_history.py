"""Alarms that are over: what it was, how long, who had it, what was written, how it ended and what shows it.

Never judges what proves an end: services/alarms_proof.py did. Specification: controller/web/README.md, "Pages".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nicegui import ui

from controller.services.period import NoPeriod
from controller.web.alarm_history import ENDS, Past, found, orders, subject
from controller.web.alarm_lines import proof_words
from controller.web.dom import box, text
from controller.web.panels.choices import Day, Search, Select
from controller.web.panels.paged_table import ROWS_A_PAGE, Column, PagedTable
from controller.web.panels.pager import Pager
from controller.web.pulse import Moment
from controller.web.visit import Visit

if TYPE_CHECKING:
    from controller.services.alarms_life import Alarm

MOST = 5_000  # a reader narrows it down; the file holds all
LOOK_S = 2.0
CHOICES = ("kind", "node", "end", "q", "from", "to")


class AlarmHistoryPanel:
    """Read when somebody opens it or chooses, and when another alarm has ended."""

    def __init__(self, visit: Visit, moment: Moment) -> None:
        assert visit.desk.alarms is not None
        self._alarms = visit.desk.alarms
        self._visit = visit
        words = self._words = visit.words
        self._nodes = frozenset(node.node for node in moment.snapshot.nodes)
        self._seen: object = None  # what had ended when the rows were read
        columns = [
            Column(name, order, head=name == "subject", figure=name == "lasted")
            for name, order in orders(words).items()
        ]
        with box("section", "panel labelled past-alarms", aria_labelledby="past-title"):
            with box("div", "panel-head"):
                text("h2", words.say("section.past"), id="past-title")
                kind = Select(visit, "kind", words.say("past.kind"), lambda _: self._read())
                end = Select(visit, "end", words.say("past.end"), lambda _: self._read())
                Day(visit, "from", words.say("ledger.from"), self._read)
                Day(visit, "to", words.say("ledger.to"), self._read)
                Search(visit, words.say("past.search"), self._read)
                text("a", words.say("table.export"), "export", href="/alarms.csv", data_with_choices="", download="")
                pager = Pager(visit, ROWS_A_PAGE, lambda: self._table.turned())
            self._told = text("p", look="footnote", role="status", data_hidden="yes")
            self._table = PagedTable(
                visit,
                columns,
                pager,
                self._row,
                sort_by="began",
                label=words.say("section.past"),
                nothing=words.say("past.nothing"),
            )
            self._table.show(())
        names = sorted((words.name_of("alarm_name", one), one) for one in self._alarms.kinds)
        kind.offer([("", words.say("past.every_kind")), *((one, name) for name, one in names)])
        end.offer([("", words.say("past.every_end")), *((one, words.say(f"past.ends.{one}")) for one in ENDS)])
        ui.timer(0, self._read, once=True)
        ui.timer(LOOK_S, self._read_if_more)

    def show(self, moment: Moment) -> None:
        """The town's moment changes nothing of what is over."""

    async def _read_if_more(self) -> None:
        if self._alarms.ended() != self._seen:
            await self._read()

    async def _read(self) -> None:
        asked = self._asked()
        self._seen = self._alarms.ended()
        told = ""
        rows: list[Past] = []
        try:
            rows = await asyncio.to_thread(found, self._alarms, asked, self._words, MOST)
        except NoPeriod:
            told = self._words.say("ledger.no_period")
        if asked != self._asked():
            return  # something else was chosen meanwhile
        if len(rows) == MOST:
            told = self._words.say("past.more", most=self._words.number(MOST))
        self._told.text = told
        self._told.props["data-hidden"] = "no" if told else "yes"
        self._table.show(rows)

    def _asked(self) -> dict[str, str]:
        return {name: self._visit.address.get(name) for name in CHOICES}

    def _row(self, one: Past) -> dict[str, str]:
        words, alarm = self._words, one.alarm
        ended_s = alarm.ended_s or alarm.since_s
        return {
            "id": str(alarm.id),
            "look": "",
            "alarm": words.name_of("alarm_name", alarm.kind),
            "alarm_note": words.say("past.number", n=alarm.id),
            "subject": subject(alarm, words) or words.say("none"),
            "subject_href": f"/fleet/{alarm.node}" if alarm.node in self._nodes else "",
            "subject_note": _place(alarm, words.place(alarm.node_kind, alarm.place)),
            "began": words.stamp(alarm.since_s),
            "ended": words.stamp(ended_s),
            "lasted": words.lasting(one.lasted_s),
            "in_hand": ", ".join(one.who) or words.say("none"),
            "in_hand_note": "\n".join(one.comments),
            "end": words.say(f"past.ended.{one.end}", who=alarm.ended_by),
            "end_note": proof_words(alarm.proof, words, ended_s) if alarm.proof else words.say("past.no_proof"),
            "end_state": {"closed": "good", "unproven": "warn"}.get(one.end, ""),
        }


def _place(alarm: Alarm, place: str) -> str:
    return "" if alarm.kind == "place" or place == alarm.name else place

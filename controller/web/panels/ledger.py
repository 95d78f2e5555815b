"""The ledger: what each node numbered, what of it is stored, owed and declared lost; the verdict in plain words on top.

Never judges: reconciliation.py did. Of a period the rows are counted in the database, once, when a reader asks.
Specification: controller/services/live.py, LedgerRow; controller/services/period.py; protocols/README.md, "Receipt".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nicegui import ui

from controller.services.period import NoPeriod
from controller.web.dom import box, icon, put, text
from controller.web.ledger_list import FIGURES, ORDERS, wanted
from controller.web.panels.choices import Day, Search
from controller.web.panels.paged_table import ROWS_A_PAGE, Column, PagedTable
from controller.web.panels.pager import Pager
from controller.web.pulse import Moment
from controller.web.reconciliation import Totals, judge, row_state
from controller.web.scene import ledger_words
from controller.web.visit import Visit

if TYPE_CHECKING:
    from controller.services.live import LedgerRow

_ROW_LOOK = {"unbalanced": "bad", "owing": "warn", "conflicting": "bad", "sound": "good"}


class LedgerPanel:
    """Built once a page, then shown each moment."""

    def __init__(self, visit: Visit, moment: Moment) -> None:
        words = self._words = visit.words
        self._visit = visit
        self._moment = moment
        self._counted: tuple[LedgerRow, ...] | None = None  # of the period that was asked for
        columns: list[Column[LedgerRow]] = [
            Column(name, order, head=name == "name", figure=name in FIGURES) for name, order in ORDERS.items()
        ]
        with box("section", "panel ledger", aria_labelledby="ledger-title"):
            with box("div", "panel-head"):
                text("h2", words.say("section.ledger"), id="ledger-title")
                if visit.desk.accounts:
                    Day(visit, "from", words.say("ledger.from"), self._count)
                    Day(visit, "to", words.say("ledger.to"), self._count)
                self._search = Search(visit, words.say("table.search"), lambda: self.show(self._moment))
                text("a", words.say("table.export"), "export", href="/ledger.csv", data_with_choices="", download="")
                pager = Pager(visit, ROWS_A_PAGE, lambda: self._table.turned())
            with box("div", "verdict", role="status") as self._verdict:
                icon("verdict")
                with box("div", "verdict-words"):
                    self._word = text("b", look="verdict-word")
                    self._detail = text("span", look="verdict-detail")
            self._period = text("p", look="footnote", role="status")
            self._table = PagedTable(
                visit,
                columns,
                pager,
                self._row,
                sort_by="state",
                label=words.say("section.ledger"),
                nothing=words.say("table.nothing" if moment.snapshot.ledger else "ledger.empty"),
            )
            text("p", words.say("ledger.note"), "footnote")
        self.show(moment)
        if self._asked:
            ui.timer(0, self._count, once=True)

    @property
    def _asked(self) -> tuple[str, str] | None:
        first, last = self._visit.address.get("from"), self._visit.address.get("to")
        return (first, last) if first or last else None

    async def _count(self) -> None:
        asked, accounts = self._asked, self._visit.desk.accounts
        self._counted = None
        self._period.text = ""
        if asked and accounts:
            self._period.text = self._words.say("ledger.counting")
            try:
                rows = await asyncio.to_thread(accounts, *asked)
            except NoPeriod:
                self._period.text = self._words.say("ledger.no_period")
                return
            if asked != self._asked:
                return  # another period was chosen meanwhile
            self._counted = rows
            self._period.text = self._words.say("ledger.counted", clock=self._words.clock(self._moment.snapshot.time_s))
        self.show(self._moment)

    def show(self, moment: Moment) -> None:
        """Bring up to date."""
        self._moment = moment
        if self._counted is None:
            rows, verdict = moment.snapshot.ledger, moment.verdict
            state, word, detail = self._visit.scene(moment).ledger
        else:
            rows, verdict = self._counted, judge(self._counted)
            state, word, detail = ledger_words(verdict, self._words)
        put(self._verdict, data_state=state)
        self._word.text, self._detail.text = word, detail
        found = wanted(rows, self._search.terms)
        totals = verdict.totals if len(found) == len(rows) else judge(found).totals
        self._table.show(found, self._totals(totals))

    def _row(self, row: LedgerRow) -> dict[str, str]:
        state = row_state(row)
        cells = {
            "id": row.node,
            "look": _ROW_LOOK[state],
            "state": self._words.say(f"ledger.state.{state}"),
            "state_state": _ROW_LOOK[state],
            "name": row.name,
            "name_href": f"/fleet/{row.node}",
            "declared_gaps_note": self._reasons(row),
            "stored_note": self._words.count("ledger.imported", row.imported) if row.imported else "",
        }
        return cells | {name: self._words.number(getattr(row, name)) for name in FIGURES}

    def _reasons(self, row: LedgerRow) -> str:
        reasons = row.gap_reasons.items()
        return ", ".join(f"{self._words.name_of('gap', name)} {self._words.number(count)}" for name, count in reasons)

    def _totals(self, totals: Totals) -> dict[str, str]:
        cells = {"id": "totals", "look": "totals", "name": self._words.say("table.totals"), "state": ""}
        return cells | {name: self._words.number(getattr(totals, name)) for name in FIGURES}

"""The ledger: what each node numbered, what of it is stored, owed and declared lost; the verdict in plain words on top.

Never judges: reconciliation.py did.
Specification: controller/services/live.py, LedgerRow; shared design "protocol", proof 1 (Ledger).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.web.dom import box, icon, put, text
from controller.web.panels.node_table import natural
from controller.web.panels.paged_table import ROWS_A_PAGE, Column, PagedTable
from controller.web.panels.pager import Pager
from controller.web.pulse import Moment
from controller.web.reconciliation import Totals, row_state
from controller.web.scene import Scene
from controller.web.wording import Words

if TYPE_CHECKING:
    from controller.services.live import LedgerRow

_WORST_FIRST = {"unbalanced": 0, "owing": 1, "conflicting": 2, "sound": 3}
_ROW_LOOK = {"unbalanced": "bad", "owing": "warn", "conflicting": "bad", "sound": "good"}
_FIGURES = ("journalled", "receipted", "stored", "missing", "declared_gaps", "refused_duplicates")


class LedgerPanel:
    """Built once a page, then shown each moment."""

    def __init__(self, words: Words, moment: Moment, scene: Scene) -> None:
        self._words = words
        columns: tuple[Column[LedgerRow], ...] = (
            Column("state", lambda row: (_WORST_FIRST[row_state(row)], natural(row.name))),
            Column("name", lambda row: natural(row.name), head=True),
            Column("journalled", lambda row: row.journalled, figure=True),
            Column("receipted", lambda row: row.receipted, figure=True),
            Column("stored", lambda row: row.stored, figure=True),
            Column("missing", lambda row: row.missing, figure=True),
            Column("declared_gaps", lambda row: row.declared_gaps, figure=True),
            Column("refused_duplicates", lambda row: row.refused_duplicates, figure=True),
        )
        with box("section", "panel ledger", aria_labelledby="ledger-title"):
            with box("div", "panel-head"):
                text("h2", words.say("section.ledger"), id="ledger-title")
                pager = Pager(words, ROWS_A_PAGE, lambda: self._table.turned())
            with box("div", "verdict", role="status") as self._verdict:
                icon("verdict")
                with box("div", "verdict-words"):
                    self._word = text("b", look="verdict-word")
                    self._detail = text("span", look="verdict-detail")
            self._table = PagedTable(
                words,
                columns,
                pager,
                self._row,
                sort_by="state",
                label=words.say("section.ledger"),
                nothing=words.say("ledger.empty"),
            )
            text("p", words.say("ledger.note"), "footnote")
        self.show(moment, scene)

    def show(self, moment: Moment, scene: Scene) -> None:
        """Bring up to date."""
        put(self._verdict, data_state=scene.ledger_state)
        self._word.text, self._detail.text = scene.ledger_word, scene.ledger_detail
        self._table.show(moment.snapshot.ledger, self._totals(moment.verdict.totals))

    def _row(self, row: LedgerRow) -> dict[str, str]:
        state = row_state(row)
        cells = {
            "id": row.node,
            "look": _ROW_LOOK[state],
            "state": self._words.say(f"ledger.state.{state}"),
            "state_state": _ROW_LOOK[state],
            "name": row.name,
            "declared_gaps_note": self._reasons(row),
            "stored_note": self._words.count("ledger.imported", row.imported) if row.imported else "",
        }
        return cells | {name: self._words.number(getattr(row, name)) for name in _FIGURES}

    def _reasons(self, row: LedgerRow) -> str:
        reasons = row.gap_reasons.items()
        return ", ".join(f"{self._words.name_of('gap', name)} {self._words.number(count)}" for name, count in reasons)

    def _totals(self, totals: Totals) -> dict[str, str]:
        cells = {"id": "totals", "look": "totals", "name": self._words.say("table.totals"), "state": ""}
        return cells | {name: self._words.number(getattr(totals, name)) for name in _FIGURES}

"""The audit as people read it: who did what to what, with what outcome; sought through, exported, its chain proven.

Never changes anything. Specification: controller/access/README.md, "Audit".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from nicegui import ui

from controller.access.audit_log import AuditRow
from controller.web.dom import box, on, put, text
from controller.web.panels.choices import Search, sought
from controller.web.panels.paged_table import ROWS_A_PAGE, Column, PagedTable
from controller.web.panels.pager import Pager
from controller.web.pulse import Moment
from controller.web.visit import Visit

READ = 2_000  # newest rows; the rest is `vuzol audit`'s
READ_AGAIN_S = 2.0
_LOOK = {"done": "", "refused": "warn", "failed": "bad"}
CSV_FIELDS = ("id", "noted_ms", "actor", "via", "action", "object", "before", "after", "result", "seal")


class AuditPanel:
    """Built once a page; read anew while it is open."""

    def __init__(self, visit: Visit, _moment: Moment) -> None:
        assert visit.desk.audit is not None
        self._audit = visit.desk.audit
        self._address = visit.address
        words = self._words = visit.words
        self._rows: Sequence[AuditRow] = ()
        columns: tuple[Column[AuditRow], ...] = (
            Column("when", lambda row: -row.id, head=True),
            Column("actor", lambda row: (row.note.actor, -row.id)),
            Column("action", lambda row: (row.note.action, -row.id)),
            Column("object", lambda row: (row.note.object, -row.id)),
            Column("outcome", lambda row: (row.note.result, -row.id)),
        )
        with box("section", "panel audit", aria_labelledby="audit-title"):
            with box("div", "panel-head"):
                text("h2", words.say("section.audit"), id="audit-title")
                self._search = Search(visit, words.say("audit.search"), self._fill)
                text("a", words.say("table.export"), "export", href="/audit.csv", data_with_choices="", download="")
                on(
                    text("button", words.say("audit.verify"), "button", type="button"),
                    "click",
                    self._verify,
                    "audit.see",
                )
                pager = Pager(visit, ROWS_A_PAGE, lambda: self._table.turned())
            self._verdict = text("p", look="footnote", role="status", data_hidden="yes")
            self._table = PagedTable(
                visit,
                columns,
                pager,
                self._row,
                sort_by="when",
                label=words.say("section.audit"),
                nothing=words.say("table.nothing"),
            )
            self._table.show(())
        ui.timer(READ_AGAIN_S, self._read)

    def show(self, moment: Moment) -> None:
        """Nothing of the town stands here."""

    async def _read(self) -> None:
        rows = await asyncio.to_thread(self._audit.rows, limit=READ)
        if rows != self._rows:
            self._rows = rows
            self._fill()

    def _fill(self) -> None:
        self._table.show(found(self._rows, self._address.get("q")))

    async def _verify(self) -> None:
        verdict = await asyncio.to_thread(self._audit.verify)
        key = "audit.broken" if verdict.broken else "audit.sound"
        number = self._words.number
        put(self._verdict, data_hidden="no", data_state="bad" if verdict.broken else "good")
        self._verdict.text = self._words.say(key, rows=number(verdict.rows), row=number(verdict.broken))

    def _row(self, row: AuditRow) -> dict[str, str]:
        note = row.note
        return {
            "id": str(row.id),
            "look": _LOOK[note.result],
            "when": self._words.stamp(row.noted_ms / 1000),
            "when_note": str(row.id),
            "actor": note.actor,
            "actor_note": self._words.say(f"audit.via.{note.via}"),
            "action": self._words.name_of("action", note.action),
            "object": note.object,
            "object_note": difference(note.before, note.after),
            "outcome": self._words.say(f"audit.result.{note.result}"),
            "outcome_state": _LOOK[note.result] or "good",
        }


def found(rows: Sequence[AuditRow], words: str) -> list[AuditRow]:
    """The rows in which every term is found."""
    terms = sought(words)
    return [row for row in rows if all(term in " ".join(map(str, row.note)).casefold() for term in terms)]


def difference(before: Any, after: Any) -> str:
    """What of an object became other, as `name: before → after`."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        return ", ".join(f"{name}: {_told(before.get(name))} → {_told(after.get(name))}" for name in names)
    if after is None and before is not None:
        return f"{_told(before)} → —"
    return " → ".join(_told(one) for one in (before, after) if one is not None)


def _told(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

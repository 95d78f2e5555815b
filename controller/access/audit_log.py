"""The audit's rows in the database: added one by one in the chain, read in pages, verified from the first.

Never changes or removes a row; nor can SQL, while the table's triggers stand, and the chain tells when they did not.
Specification: README.md beside this file, "Audit"; store/migrations/0008_audit.sql.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog

from controller.access.audit import FIRST_SEAL, Note, canonical, seal
from controller.access.database import AccessDatabase

PAGE = 1000

log = structlog.get_logger("audit")


class AuditRow(NamedTuple):
    """One row as it is kept."""

    id: int
    noted_ms: int
    note: Note
    seal: bytes

    def public(self) -> dict[str, Any]:
        """For answers and files."""
        return {"id": self.id, "noted_ms": self.noted_ms} | self.note._asdict() | {"seal": self.seal.hex()}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`broken` is the first row that does not follow from the rows before it, 0: none. `head` is the last seal."""

    rows: int
    head: str
    broken: int


class Audit:
    """`told(row)` hears of every row that was added here, once it is durable."""

    def __init__(
        self,
        database: AccessDatabase,
        now_ms: Callable[[], int],
        told: Callable[[AuditRow], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._now_ms = now_ms
        self._told = told

    def add(self, note: Note) -> AuditRow:
        """Keep a note; the writer thread's. Raises sqlite3.Error."""
        with self._database.writing() as db:
            last = db.execute("SELECT id, seal FROM audit ORDER BY id DESC LIMIT 1").fetchone()
            number, before = (last[0] + 1, bytes(last[1])) if last else (1, FIRST_SEAL)
            noted_ms = self._now_ms()
            row = AuditRow(number, noted_ms, note, seal(before, number, noted_ms, note))
            texts = (*note[:4], canonical(note.before), canonical(note.after), note.result)
            db.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (number, noted_ms, *texts, row.seal))
        self._told(row)
        return row

    def rows(self, before: int = 0, limit: int = PAGE, actor: str = "", action: str = "") -> list[AuditRow]:
        """The latest first: with a number below `before` (0: of all), of one actor, of one action; empty: of all."""
        found = self._database.read(
            "SELECT * FROM audit WHERE (? = 0 OR id < ?) AND (? = '' OR actor = ?)"
            " AND (? = '' OR action = ?) ORDER BY id DESC LIMIT ?",
            *(before, before, actor, actor, action, action, limit),
        )
        return [_row(one) for one in found]

    def since(self, after: int) -> list[AuditRow]:
        """The next rows in order, at most a page."""
        return [
            _row(one)
            for one in self._database.read("SELECT * FROM audit WHERE id > ? ORDER BY id LIMIT ?", after, PAGE)
        ]

    def verify(self) -> Verdict:
        """Work every seal out anew; slow."""
        number, before = 0, FIRST_SEAL
        while page := self.since(number):
            for row in page:
                if row.id != number + 1 or row.seal != seal(before, row.id, row.noted_ms, row.note):
                    return Verdict(number, before.hex(), number + 1)
                number, before = row.id, row.seal
        return Verdict(number, before.hex(), 0)


def _row(columns: tuple[Any, ...]) -> AuditRow:
    number, noted_ms, actor, via, action, thing, before, after, result, kept = columns
    note = Note(actor, via, action, thing, json.loads(before), json.loads(after), result)
    return AuditRow(number, noted_ms, note, bytes(kept))

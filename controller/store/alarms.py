"""Alarms in the controller's SQLite file: each as it is now, and one line a step of its life.

Never decides what is an alarm. Specification: migrations/0009_alarms.sql.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Any, NamedTuple


class AlarmRow(NamedTuple):
    """One alarm; `end` is empty while it is open, `body` its JSON."""

    id: int
    kind: str
    subject: str
    node: str
    opened_s: float
    end: str
    body: str


class NoteRow(NamedTuple):
    """One line of an alarm's history."""

    alarm: int
    at_s: float
    what: str
    who: str
    text: str


class ProvingRecord(NamedTuple):
    """A stored record, as far as a proof names it."""

    seq: int
    kind: int
    stored_s: int
    raw: bytes


class AlarmTable:
    """A part of SqliteStore: `save` belongs to the one writer thread; its reader is its own."""

    def __init__(self, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._reading = Lock()

    def close(self) -> None:
        """Let go of the database."""
        self._reader.close()

    def save(self, alarms: Iterable[AlarmRow], notes: Iterable[NoteRow]) -> None:
        """Make them durable, all or none. Raises sqlite3.Error."""
        with self._writer as db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT OR REPLACE INTO alarm VALUES (?, ?, ?, ?, ?, ?, ?)", alarms)
            db.executemany("INSERT INTO alarm_note VALUES (?, ?, ?, ?, ?)", notes)

    def open(self) -> list[str]:
        """The bodies of the open ones."""
        return [body for (body,) in self._read("SELECT body FROM alarm WHERE end = '' ORDER BY id")]

    def closed_last(self) -> list[str]:
        """Of every kind and subject the last one, if a person closed it."""
        return [
            body
            for (body,) in self._read(
                "SELECT body FROM alarm"
                " WHERE id IN (SELECT MAX(id) FROM alarm GROUP BY kind, subject) AND end = 'closed'"
            )
        ]

    def last_id(self) -> int:
        """The highest number that was given; 0 for none."""
        return int(self._read("SELECT COALESCE(MAX(id), 0) FROM alarm")[0][0])

    def one(self, alarm: int) -> str | None:
        """A body."""
        return next((body for (body,) in self._read("SELECT body FROM alarm WHERE id = ?", (alarm,))), None)

    def notes(self, alarm: int) -> list[NoteRow]:
        """What was done about it, in order."""
        rows = self._read("SELECT * FROM alarm_note WHERE alarm = ? ORDER BY rowid", (alarm,))
        return [NoteRow(*row) for row in rows]

    def notes_of(self, alarms: Sequence[int]) -> list[NoteRow]:
        """The same of several alarms."""
        marks = ",".join("?" * len(alarms))
        rows = self._read(f"SELECT * FROM alarm_note WHERE alarm IN ({marks}) ORDER BY alarm, rowid", alarms)
        return [NoteRow(*row) for row in rows]

    def history(
        self,
        *,
        kind: str = "",
        node: str = "",
        end: str = "",
        but: str = "",
        who: str = "",
        from_s: float = 0.0,
        to_s: float = float("inf"),
        before: int = 1 << 62,
        limit: int = 100,
    ) -> list[str]:
        """Bodies of the ended ones, the newest first; what is empty does not restrict.

        `end` is how it ended, `but` how not; `who` did something about it.
        """
        return [
            body
            for (body,) in self._read(
                "SELECT body FROM alarm WHERE end NOT IN ('', ?)"
                " AND ? IN ('', kind) AND ? IN ('', node) AND ? IN ('', end)"
                " AND (? = '' OR EXISTS (SELECT 1 FROM alarm_note WHERE alarm = id AND who = ?))"
                " AND opened_s >= ? AND opened_s < ? AND id < ? ORDER BY id DESC LIMIT ?",
                (but, kind, node, end, who, who, from_s, to_s, before, limit),
            )
        ]

    def records(self, node: int, kinds: Sequence[int], after_seq: int) -> list[ProvingRecord]:
        """The newest record of a node of each of these kinds, in their order; kind 0 is any."""
        found: list[ProvingRecord] = []
        for kind in kinds:
            found += (
                ProvingRecord(*row)
                for row in self._read(
                    "SELECT seq, kind, stored_s, raw FROM record WHERE node = ? AND seq > ? AND ? IN (0, kind)"
                    " ORDER BY seq DESC LIMIT 1",
                    (node, after_seq, kind),
                )
            )
        return found

    def _read(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._reading:
            return self._reader.execute(sql, values).fetchall()

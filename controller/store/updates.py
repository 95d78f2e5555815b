"""Rollouts in the controller's SQLite file: each with its plan, and how far each node came.

Never decides who is next. Specification: migrations/0011_updates.sql.
"""

import sqlite3
from collections.abc import Iterable
from threading import Lock
from typing import Any, NamedTuple


class RolloutRow(NamedTuple):
    """One rollout; `version` is its release's counter, `plan` JSON, `kinds` joined by commas."""

    version: int
    plan: str
    kinds: str
    wave: int
    state: str
    reason: str
    started_s: int
    started_by: str


class RolloutNodeRow(NamedTuple):
    """How far a node came with a release."""

    version: int
    node: int
    state: str
    reason: str
    at_s: int


class UpdateTable:
    """A part of SqliteStore: `save` belongs to the one writer thread; its reader is its own."""

    def __init__(self, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._reading = Lock()

    def close(self) -> None:
        """Let go of the database."""
        self._reader.close()

    def save(self, rollouts: Iterable[RolloutRow], nodes: Iterable[RolloutNodeRow]) -> None:
        """Make them durable, all or none. Raises sqlite3.Error."""
        with self._writer as db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT OR REPLACE INTO rollout VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rollouts)
            db.executemany("INSERT OR REPLACE INTO rollout_node VALUES (?, ?, ?, ?, ?)", nodes)

    def rollouts(self) -> list[RolloutRow]:
        """All, by version."""
        return [RolloutRow(*row) for row in self._read("SELECT * FROM rollout ORDER BY version")]

    def nodes(self) -> list[RolloutNodeRow]:
        """Every node's way."""
        return [RolloutNodeRow(*row) for row in self._read("SELECT * FROM rollout_node")]

    def _read(self, sql: str) -> list[Any]:
        with self._reading:
            return self._reader.execute(sql).fetchall()

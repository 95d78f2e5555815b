"""The controller's SQLite file as access needs it: one connection that writes, one that reads, whole transactions.

Never knows what the tables hold: people.py, logins.py, tokens.py, proposals.py and audit_log.py do.
Specification: store/migrations/0007_people.sql, 0008_audit.sql; sqlite.org/wal.html: other processes may be at it too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from controller.store import StoreError
from controller.store.migrate import migrate
from controller.store.sqlite import connect


class AccessDatabase:
    """`writing` belongs to one thread at a time; `read` to any."""

    def __init__(self, path: Path) -> None:
        self._writer = connect(path)
        self._reader = connect(path)
        self._writer.execute("PRAGMA secure_delete = ON")  # what lay open and was sealed is overwritten
        self._reading = Lock()

    @classmethod
    def open(cls, path: Path) -> AccessDatabase:
        """The database beside a controller that may run or not; made when it does not exist. Raises StoreError."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)
            opened = cls(path)
            migrate(opened._writer)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"Cannot use the database {path} ({error}): correct store.path.") from None
        return opened

    def close(self) -> None:
        """Let go of it."""
        self._reader.close()
        self._writer.close()

    def read(self, sql: str, *values: Any) -> list[Any]:
        """All rows. Raises sqlite3.Error."""
        with self._reading:
            return self._reader.execute(sql, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """What is done inside is done whole, after whatever another process does now. Raises sqlite3.Error."""
        self._writer.execute("BEGIN IMMEDIATE")
        with self._writer:  # commits, or rolls back
            yield self._writer

"""Commissioning records in the controller's SQLite file: as they were signed, each once.

Never judges a signature. Specification: migrations/0012_commissioning.sql.
"""

from pathlib import Path
from threading import Lock
from typing import NamedTuple

from controller.store.sqlite import connect


class CommissioningRow(NamedTuple):
    """One record; `body` is its JSON."""

    digest: bytes
    node: str
    done_s: int
    received_s: int
    technician: str
    body: str


class CommissioningTable:
    """`save` belongs to the one writer thread; the reader is its own."""

    def __init__(self, path: Path) -> None:
        self._writer = connect(path)
        self._reader = connect(path)
        self._reading = Lock()

    def close(self) -> None:
        """Let go of the database."""
        self._writer.close()
        self._reader.close()

    def save(self, row: CommissioningRow) -> bool:
        """Make it durable; False when it is there already. Raises sqlite3.Error."""
        with self._writer as db:
            return db.execute("INSERT OR IGNORE INTO commissioning VALUES (?, ?, ?, ?, ?, ?)", row).rowcount == 1

    def of_node(self, node: str, limit: int) -> list[CommissioningRow]:
        """The newest first; of every node when `node` is empty. Raises sqlite3.Error."""
        where, values = ("WHERE node = ?", (node,)) if node else ("", ())
        with self._reading:
            found = self._reader.execute(
                f"SELECT * FROM commissioning {where} ORDER BY done_s DESC LIMIT ?", (*values, limit)
            ).fetchall()
        return [CommissioningRow(*row) for row in found]

"""Documents for nodes in the controller's SQLite file, and what nodes told of theirs.

Never decides which node gets what. Specification: migrations/0005_documents.sql.
"""

import sqlite3
from threading import Lock
from typing import Any, NamedTuple

from protocols.wire.messages import boot, document, event

_RARE = "kind IN (1, 3, 6)"  # as the index says it, or SQLite does not use it


class DocumentRow(NamedTuple):
    """A document without its bytes; `scope` is "" (the fleet), a node kind or a node's name."""

    type: int
    scope: str
    version: int
    size: int
    sha256: bytes
    signature: bytes
    added_s: int


class DocumentTable:
    """A part of SqliteStore: `add` belongs to the one writer thread. Its reader is its own: nobody waits for audits."""

    def __init__(self, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._reading = Lock()

    def close(self) -> None:
        """Let go of the database."""
        self._reader.close()

    def add(self, row: DocumentRow, data: bytes) -> None:
        """Put a document in the place of the one that this type and scope had. Raises sqlite3.Error."""
        values = (row.type, row.scope, row.version, row.sha256, row.signature, row.added_s, data)
        with self._writer as db:
            db.execute("INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def rows(self) -> list[DocumentRow]:
        """All documents, by type and version."""
        return [
            DocumentRow(*row)
            for row in self._read(
                "SELECT type, scope, version, length(data), sha256, signature, added_s FROM document"
                " ORDER BY type, version"
            )
        ]

    def piece(self, type_id: int, version: int, offset: int, size: int) -> bytes:
        """Bytes of a document from `offset` on; fewer at its end, none when there is no such document."""
        found = self._read(
            "SELECT substr(data, ?, ?) FROM document WHERE type = ? AND version = ?",
            (offset + 1, size, type_id, version),
        )
        return bytes(found[0][0]) if found else b""

    def reports(self) -> list[tuple[int, bytes]]:
        """(node, record in wire form) of every document record, each node's in order."""
        return [
            (node, bytes(raw))
            for node, raw in self._read(
                f"SELECT node, raw FROM record INDEXED BY record_rare WHERE {_RARE} AND kind = ? ORDER BY node, seq",
                (document.KIND,),
            )
        ]

    def boots_and_events(self, node: int, from_seq: int, limit: int) -> list[bytes]:
        """Boot and event records of a node with seq >= from_seq, in order, in wire form."""
        return [
            bytes(raw)
            for (raw,) in self._read(
                f"SELECT raw FROM record WHERE {_RARE} AND node = ? AND kind IN (?, ?) AND seq >= ?"
                " ORDER BY seq LIMIT ?",
                (node, boot.KIND, event.KIND, from_seq, limit),
            )
        ]

    def _read(self, sql: str, values: tuple[int, ...] = ()) -> list[Any]:
        with self._reading:
            return self._reader.execute(sql, values).fetchall()

"""What is old enough to go, taken out of the SQLite file a few rows at a time.

Never takes a row out of the ledger: a record that goes keeps its number, kind and time and loses its body, so that
what was stored stays counted. Never decides what is old: services/retention.py does.
Specification: migrations/0001_ledger.sql, 0004_samples.sql; protocols/wire/record.py for the header.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from protocols.wire.record import HEADER_SIZE

_LENGTH_AT = 2  # of the body, in the header


def without_body(raw: bytes) -> bytes:
    """What stays of a record."""
    return raw[:_LENGTH_AT] + b"\0" + raw[_LENGTH_AT + 1 : HEADER_SIZE]


def is_same(kept: bytes, raw: bytes) -> bool:
    """True when `raw` is the record that is kept, whole or without its body."""
    return kept in (raw, without_body(raw))


class RetentionTable:
    """A part of SqliteStore: `forget_…` belong to the one writer thread, all else to one thread at a time."""

    def __init__(self, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self._writer = writer
        self._reader = reader

    def close(self) -> None:
        """Let go of the database."""
        self._reader.close()

    def nodes(self) -> list[int]:
        """Whoever has records."""
        return [node for (node,) in self._reader.execute("SELECT node FROM node_state ORDER BY node")]

    def records(self, node: int, kind: int, before_s: int, after_seq: int, limit: int) -> list[tuple[int, bytes]]:
        """(seq, raw) of whole records that were stored before that, in order."""
        return self._reader.execute(
            "SELECT seq, raw FROM record WHERE node = ? AND seq > ? AND kind = ? AND stored_s < ? AND length(raw) > ?"
            " ORDER BY seq LIMIT ?",
            (node, after_seq, kind, before_s, HEADER_SIZE, limit),
        ).fetchall()

    def forget_bodies(self, node: int, rows: Sequence[tuple[int, bytes]]) -> None:
        """Of these records only what `without_body` says stays."""
        with self._writer as db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(
                "UPDATE record SET raw = ? WHERE node = ? AND seq = ?",
                ((without_body(raw), node, seq) for seq, raw in rows),
            )

    def samples(self, before_ms: int, limit: int) -> list[int]:
        """Ids of samples of devices that are older."""
        return [
            row
            for (row,) in self._reader.execute(
                "SELECT sample.id FROM series CROSS JOIN sample ON sample.series = series.id WHERE time_ms < ? LIMIT ?",
                (before_ms, limit),
            )
        ]

    def forget_samples(self, ids: Sequence[int]) -> None:
        """Samples are no part of the ledger: they go whole."""
        with self._writer as db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("DELETE FROM sample WHERE id = ?", ((one,) for one in ids))


def count_due(path: Path, kinds: dict[str, tuple[int, int]], samples_before_ms: int) -> dict[str, int]:
    """How much would go: of records by name (`kinds`: name -> kind, before), and of samples. Raises sqlite3.Error."""
    opened: Any = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        found = {
            name: opened.execute(
                "SELECT COUNT(*) FROM record WHERE kind = ? AND stored_s < ? AND length(raw) > ?",
                (kind, before_s, HEADER_SIZE),
            ).fetchone()[0]
            for name, (kind, before_s) in kinds.items()
        }
        (samples,) = opened.execute("SELECT COUNT(*) FROM sample WHERE time_ms < ?", (samples_before_ms,)).fetchone()
    finally:
        opened.close()
    return found | {"samples": samples}

"""Journals that people read out of dead nodes, taken into the same ledger: each record once, marked as imported.

Never overwrites a record and never believes a node it does not know: flash holds no MAC, so who imports vouches.
Specification: protocols/drain_file.py; README.md here, "Dead nodes".
"""

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controller.ingest import Ingest
from controller.sessions import Batch, Sessions
from controller.store import MAX_SEQ, ImportRow, Store, node_number
from controller.store.retention import is_same
from protocols import drain_file
from protocols.drain_file import DrainError
from protocols.wire.errors import MalformedFrame
from protocols.wire.record import Record
from protocols.wire.topics import node_name

LISTED = 16  # conflicting numbers that a report names
ROWS_A_READ = 1000

Records = list[tuple[Record, bytes]]


class ImportRefused(Exception):
    """Nothing was stored; the text is one sentence that says what to do, `reason` a word for programs."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ImportReport:
    """`records` = `new` + `already_stored` + `conflicting`; `stored` of the new ones are in the database now.

    `damaged` counts places of the flash where something stood that cannot be read; `conflicts` names the first few.
    """

    node: str
    source: str
    records: int
    new: int
    already_stored: int
    conflicting: int
    conflicts: tuple[int, ...]
    damaged: int
    stored: int
    refused: bool


class Imports:
    """The way in for drain files."""

    def __init__(self, sessions: Sessions, store: Store, ingest: Ingest, now_s: Callable[[], float]) -> None:
        self._sessions = sessions
        self._store = store
        self._ingest = ingest
        self._now_s = now_s

    async def take(self, data: bytes, *, dry_run: bool, despite_conflicts: bool) -> ImportReport:
        """Compare, then store what is new, all in one commit. Raises ImportRefused.

        A file in which records conflict is refused unless the caller insists: it may be another node's.
        """
        drain = _whole(data)
        session = self._sessions.by_node.get(drain.node)
        if session is None:
            raise ImportRefused("unknown_node", f"node {node_name(drain.node)} is not in the registry: add it first")
        held, new, conflicts = await asyncio.to_thread(self._compare, drain)
        refused = bool(conflicts) and not despite_conflicts
        stored = 0
        if new and not dry_run and not refused:
            origin = ImportRow(session.number, int(self._now_s()), drain.source, hashlib.sha256(data).hexdigest())
            try:
                stored = await self._ingest.take(
                    Batch(session, session.boot_id, lambda: new, int(self._now_s() * 1000), origin)
                )
            except MalformedFrame as refusal:
                raise ImportRefused(refusal.reason, f"the journal has too many holes ({refusal.reason})") from None
            except sqlite3.Error as error:
                raise ImportRefused("database", f"the database cannot be written ({error}): see its disk") from None
        return ImportReport(
            node=node_name(drain.node),
            source=drain.source,
            records=len(held.records),
            new=len(new),
            already_stored=len(held.records) - len(new) - len(conflicts),
            conflicting=len(conflicts),
            conflicts=tuple(conflicts[:LISTED]),
            damaged=held.damaged,
            stored=stored,
            refused=refused,
        )

    def _compare(self, drain: drain_file.Drain) -> tuple[drain_file.Contents, Records, Sequence[int]]:
        held = drain_file.contents(drain.image)
        by_seq = {one.seq: (one, raw) for one, raw in held.records}
        number, from_seq, conflicts = node_number(drain.node), min(by_seq, default=MAX_SEQ), []
        while rows := self._store.records(number, from_seq, ROWS_A_READ):
            for row in rows:
                mine = by_seq.pop(row.seq, None)
                if mine is not None and not is_same(row.raw, mine[1]):
                    conflicts.append(row.seq)
            from_seq = rows[-1].seq + 1
        return held, list(by_seq.values()), conflicts


def _whole(data: bytes) -> drain_file.Drain:
    try:
        drain = drain_file.parse(data)
    except DrainError as error:
        raise ImportRefused("malformed", str(error)) from None
    if not drain.whole:
        raise ImportRefused(
            "unfinished", f"{len(drain.image)} of {drain.size} bytes were read: type vuzol drain again to go on"
        )
    return drain

"""The file of one node: its last status record, what happened to it lately, and the documents it holds.

Never judges and keeps nothing: it is read from the database when somebody asks.
Specification: protocols/schema/common.py; README.md here, "Live".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from controller.services.documents import NAMES, CopyView, Documents
from controller.services.taken import Taken, taken
from controller.store import Store, StoredRecord, node_number
from protocols.wire import record, text, topics
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import boot, document, event, gap, result, status

NEWEST = 2_000  # records of a node that are looked at
RARE_BEFORE = 100_000  # numbers before those, of whose records the boots and events are looked at
SHOWN = 200

_MESSAGES: Mapping[int, ModuleType] = {one.KIND: one for one in (boot, status, event, result, gap, document)}


@dataclass(frozen=True, slots=True)
class Happening:
    """What a node told: the kind of its record, when it was taken, and the record's fields, numbers by their names."""

    seq: int
    kind: str
    at_s: float
    clock: str  # as in taken.py
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NodeFile:
    """`happenings` newest first, without status records; `status`: the newest of those."""

    status: Happening | None = None
    happenings: tuple[Happening, ...] = ()
    documents: tuple[CopyView, ...] = ()


class NodeFiles:
    """`highest(node)` is the highest number that the node has given out."""

    def __init__(self, store: Store, documents: Documents, highest: Callable[[str], int]) -> None:
        self._store = store
        self._documents = documents
        self._highest = highest

    async def of(self, node: str) -> NodeFile:
        """The file of a node of the registry."""
        copies = tuple(self._documents.views(topics.node_id(node)))
        told = await asyncio.to_thread(self._read, node, self._highest(node))
        last = next((one for one in told if one.kind == "status"), None)
        return NodeFile(last, tuple(one for one in told if one.kind != "status")[:SHOWN], copies)

    def _read(self, node: str, highest: int) -> list[Happening]:
        """Newest first."""
        number = node_number(topics.node_id(node))
        since = max(0, highest - NEWEST + 1)
        rows = [row for row in self._store.records(number, since, NEWEST) if row.kind in _MESSAGES]
        rare = self._store.documents.boots_and_events(number, max(0, since - RARE_BEFORE), RARE_BEFORE)
        before = [StoredRecord(one.seq, one.kind, 0, raw) for raw in rare if (one := record.parse(raw)[0]).seq < since]
        rows = [*before[-SHOWN:], *rows]
        return list(_happenings(reversed(list(zip(rows, taken(self._store, number, rows), strict=True)))))


def _happenings(rows: Iterable[tuple[StoredRecord, Taken]]) -> Iterator[Happening]:
    for row, (at_ms, clock) in rows:
        message = _MESSAGES[row.kind]
        told = record.parse(row.raw)[0]
        try:
            body = message.parse(told.body, told.version > message.VERSION)
        except MalformedFrame:
            continue
        yield Happening(row.seq, message.NAME, at_ms / 1000, clock, _fields(message, body))


def _fields(message: ModuleType, body: Any) -> dict[str, Any]:
    fields = {name: _word(message, name, value) for name, value in body._asdict().items()}
    if message is boot:
        fields["firmware"] = ".".join(map(str, body.firmware))
    elif message is event:
        fields["text"] = text.unpad(body.text)
    elif message is document:
        fields["type"] = NAMES.get(body.type, str(body.type))
    return fields


def _word(message: ModuleType, field: str, value: Any) -> Any:
    """The name that the generated module gives to this value of this field; the value where it has none."""
    prefix = f"{field.upper()}_"
    names = (name for name in vars(message) if name.startswith(prefix) and getattr(message, name) == value)
    found = next(names, None)
    return value if found is None else found.removeprefix(prefix).lower()

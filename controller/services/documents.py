"""Documents for the fleet: who is to have which version, who has it, what is offered and which chunk goes out next.

Never pushes: a node pulls what it was offered, and chunks leave at a measured pace, so live traffic never waits.
Specification: protocols/WIRE.md, "Documents"; README.md here, "Documents".
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from controller.events import DocumentReported, DocumentRequested, NodeBooted, StateChanged
from controller.nodes.every_node import document_reported
from controller.sessions import Session, Sessions
from controller.store import Store, node_bytes
from controller.store.documents import DocumentRow
from controller.store.writing import WriterThread
from protocols.wire import document as wire
from protocols.wire import record
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import document
from protocols.wire.node_kinds import NODE_KINDS
from protocols.wire.topics import node_name

CHECK_S = 1.0
OFFER_AGAIN_S = 300.0
SILENT_S = 60.0  # a node that has asked for nothing for so long is not pulling any more
MAX_PULLING = 32  # nodes at a time
CHUNKS_PER_S = 200

NAMES = {number: name for number, name, _ in wire.TYPES}
NUMBERS = {name: number for number, name, _ in wire.TYPES}
REASONS = {getattr(document, name): name[7:].lower() for name in vars(document) if name.startswith("REASON_")}


class DocumentRefused(Exception):
    """The document cannot be taken; the text says why, `status` is HTTP's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(slots=True)
class _Copy:
    """One node's copy of one type. Times are Unix seconds."""

    held: int = 0
    ended: tuple[int, int, int] = (0, 0, 0)  # the last offer that came to nothing: version, outcome, reason
    offered_s: float = 0.0
    busy_until_s: float = 0.0  # it was offered or has asked lately
    offset: int = 0


@dataclass(frozen=True, slots=True)
class CopyView:
    """A node's copy for people; `state` is held, waiting, pulling, refused or failed."""

    node: str
    type: str
    wanted: int
    held: int
    state: str
    offset: int
    reason: str


class Documents:
    """`send(session, kind, envelope)` is the way out; False when the link is down."""

    def __init__(
        self,
        sessions: Sessions,
        store: Store,
        writer: WriterThread,
        now_s: Callable[[], float],
        is_online: Callable[[bytes, float], bool],
        send: Callable[[Session, str, bytes], bool],
    ) -> None:
        self._sessions = sessions
        self._table = store.documents
        self._writer = writer
        self._now_s = now_s
        self._is_online = is_online
        self._send = send
        self._rows = self._table.rows()
        self._copies: dict[tuple[bytes, int], _Copy] = {}
        self._asked: dict[bytes, wire.Request] = {}  # the newest request of each node, in the order they came
        self._wake = asyncio.Event()
        self._there_are_some = asyncio.Event()
        self._turn_of: Callable[[bytes], int] = lambda _: 0
        self._bytes_per_s: Callable[[int], float] = lambda _: float("inf")
        self._link_of: Callable[[bytes], str] = node_name
        self._free_at: dict[str, float] = {}  # link -> when it may carry the next chunk of a release, loop time
        self._restore()

    def _restore(self) -> None:
        for number, raw in self._table.reports():
            told, _ = record.parse(raw)
            try:
                body = document.parse(told.body, told.version > document.VERSION)
            except MalformedFrame:
                continue
            self.reported(document_reported(node_bytes(number), told, body))

    def governed_by(
        self, turn_of: Callable[[bytes], int], bytes_per_s: Callable[[int], float], link_of: Callable[[bytes], str]
    ) -> None:
        """Releases go out by rollouts: which one a node may pull now (0: none), and how fast on one link."""
        self._turn_of, self._bytes_per_s, self._link_of = turn_of, bytes_per_s, link_of

    def jobs(self) -> Iterable[Coroutine[Any, Any, None]]:
        """What has to run, each to be owned by the caller's task group."""
        return self._offer_for_ever(), self._answer_for_ever()

    # --- what people ask

    async def put(self, type_name: str, scope: str, version: int | None, data: bytes, signature: bytes) -> DocumentRow:
        """Take a document over for everybody in `scope`. Raises DocumentRefused."""
        row = self.examine(type_name, scope, version, data, signature)
        await self._writer.run(self._table.add, row, data)
        self._rows = self._table.rows()
        self._there_are_some.set()
        return row

    def examine(self, type_name: str, scope: str, version: int | None, data: bytes, signature: bytes) -> DocumentRow:
        """What taking it over would put out. Raises DocumentRefused."""
        if type_name not in NUMBERS:
            raise DocumentRefused(404, f"no such type of document; there are {', '.join(NUMBERS)}")
        number = NUMBERS[type_name]
        if (
            number != wire.FIRMWARE
            and scope
            and scope not in {name for _, name, _, _ in NODE_KINDS} | set(map(node_name, self._sessions.by_node))
        ):
            raise DocumentRefused(404, "no such kind or node in the registry")
        if not data:
            raise DocumentRefused(422, "an empty document")
        if len(signature) not in (0, wire.SIGNATURE_SIZE):
            raise DocumentRefused(422, "a signature is 64 bytes, 128 hexadecimal digits")
        if wire.must_be_signed(number) and not signature:
            raise DocumentRefused(422, f"a {type_name} has to carry its publisher's signature")
        newest = max((row.version for row in self._rows if row.type == number), default=0)
        version = newest + 1 if version is None else version
        if version <= newest:
            raise DocumentRefused(409, f"version {newest} of this type is known already: versions only grow")
        sha256 = wire.identity(number, data)
        return DocumentRow(number, scope, version, len(data), sha256, signature, int(self._now_s()))

    def rows(self) -> list[DocumentRow]:
        """The documents that are to be out there."""
        return self._rows

    def views(self, only: bytes | None = None) -> list[CopyView]:
        """Every copy that a node, or this node only, has or is to have, by node and type."""
        now_s = self._now_s()
        found = []
        for node in self._sessions.by_node if only is None else (only,):
            for number, name in NAMES.items():
                row, copy = self._wanted(node, number), self._copies.get((node, number), _Copy())
                if row is None and not copy.held:
                    continue
                state, reason = self._state(row, copy, now_s)
                version = row.version if row else 0
                found.append(CopyView(node_name(node), name, version, copy.held, state, copy.offset, reason))
        return found

    def _state(self, row: DocumentRow | None, copy: _Copy, now_s: float) -> tuple[str, str]:
        if row is None or copy.held >= row.version:
            return "held", ""
        version, outcome, reason = copy.ended
        if version == row.version:
            state = "refused" if outcome == document.OUTCOME_REFUSED else "failed"
            return state, REASONS.get(reason, str(reason))
        return ("pulling" if now_s < copy.busy_until_s else "waiting"), ""

    # --- what nodes tell

    def reported(self, event: DocumentReported) -> None:
        """A node told what it holds, or how an offer ended."""
        copy = self._copy(event.node, event.type)
        copy.held = event.held_version
        copy.busy_until_s = 0.0
        if event.outcome not in (document.OUTCOME_HELD, document.OUTCOME_CONFIRMED):
            copy.ended = (event.version, event.outcome, event.reason)

    def requested(self, event: DocumentRequested) -> None:
        """A node asks for a chunk; of what is not to be out there any more it gets nothing, but the next offer soon."""
        request = event.request
        copy = self._copy(event.node, request.type)
        if not any((row.type, row.version) == (request.type, request.version) for row in self._rows):
            copy.offered_s = copy.busy_until_s = 0.0
            return
        if request.type == wire.FIRMWARE and request.version != self._turn_of(event.node):
            return  # its rollout pauses: it asks again, ever more rarely, and is offered it again in its turn
        copy.busy_until_s, copy.offset = self._now_s() + SILENT_S, request.offset
        self._asked[event.node] = request
        self._wake.set()

    def booted(self, event: NodeBooted) -> None:
        """What it refused before it may take now: there may be another firmware."""
        for number in NAMES:
            copy = self._copies.get((event.node, number))
            if copy:
                copy.ended, copy.offered_s, copy.busy_until_s = (0, 0, 0), 0.0, 0.0

    def state_changed(self, event: StateChanged) -> None:
        """Who comes online may have missed an offer."""
        for number in NAMES:
            copy = self._copies.get((event.node, number))
            if copy:
                copy.offered_s = copy.busy_until_s = 0.0

    # --- what goes out

    async def _offer_for_ever(self) -> None:
        if not self._rows:
            await self._there_are_some.wait()
        while True:
            self.offer_due()
            await asyncio.sleep(CHECK_S)

    def offer_due(self) -> None:
        """Offer what nodes lack, one document a node, to so many nodes that the links stay free."""
        now_s = self._now_s()
        lacking = [(node, row) for node in self._sessions.by_node if (row := self._lacks(node, now_s))]
        busy = sum(self._is_busy(node, now_s) for node in self._sessions.by_node)
        for node, row in lacking[: max(0, MAX_PULLING - busy)]:
            session = self._sessions.by_node[node]
            offer = wire.Offer(row.type, row.version, row.size, row.sha256, row.signature)
            if self._send(session, "offer", wire.build_offer(session.entry.key, node, offer)):
                copy = self._copy(node, row.type)
                copy.offered_s, copy.busy_until_s, copy.offset = now_s, now_s + SILENT_S, 0

    def _lacks(self, node: bytes, now_s: float) -> DocumentRow | None:
        """What this node is to be offered now."""
        if not self._rows or not self._is_online(node, now_s) or self._is_busy(node, now_s):
            return None
        for number in NAMES:
            row, copy = self._wanted(node, number), self._copy(node, number)
            if row is None or copy.held >= row.version or now_s - copy.offered_s < OFFER_AGAIN_S:
                continue
            if copy.ended[0] != row.version or copy.ended[1] == document.OUTCOME_FAILED:
                return row
        return None

    def _is_busy(self, node: bytes, now_s: float) -> bool:
        return any((copy := self._copies.get((node, number))) and now_s < copy.busy_until_s for number in NAMES)

    async def _answer_for_ever(self) -> None:
        while True:
            if not self._asked:
                self._wake.clear()
                await self._wake.wait()
            now = asyncio.get_running_loop().time()
            due = {node: self._free_at.get(self._link_of(node), now) for node in self._asked}
            node = min(due, key=lambda one: max(due[one], now))  # of those that are free the one that asked first
            if due[node] <= now:
                self._answer(node, self._asked.pop(node), now)
            await asyncio.sleep(1 / CHUNKS_PER_S)

    def _answer(self, node: bytes, asked: wire.Request, now: float) -> None:
        data = self._table.piece(asked.type, asked.version, asked.offset, asked.size)
        session = self._sessions.by_node.get(node)
        if not data or session is None:
            return
        chunk = wire.Chunk(asked.type, asked.version, asked.offset, data)
        self._send(session, "chunk", wire.build_chunk(session.entry.key, node, session.boot_id, chunk))
        if asked.type == wire.FIRMWARE:
            self._free_at[self._link_of(node)] = now + len(data) / self._bytes_per_s(asked.version)

    def _wanted(self, node: bytes, number: int) -> DocumentRow | None:
        if number == wire.FIRMWARE:
            version = self._turn_of(node)
            return next((row for row in self._rows if (row.type, row.version) == (number, version)), None)
        scopes = ("", self._sessions.by_node[node].entry.kind, node_name(node))
        fitting = [row for row in self._rows if row.type == number and row.scope in scopes]
        return max(fitting, key=lambda row: row.version, default=None)

    def _copy(self, node: bytes, number: int) -> _Copy:
        return self._copies.setdefault((node, number), _Copy())

"""One protocol session a node: what is believed, what is new, what a receipt may say.

Never opens a socket or a database and reads no clock: bytes and time come in, groups and envelopes go out.
Specification: protocols/README.md; protocol.md, guarantees G2 to G5, G8 and G9.
"""

from asyncio import Future
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from controller import nodes
from controller.events import BatchStored, DocumentRequested, Event, PictureTaken, RecordsImported, StateChanged
from controller.registry import Registry
from controller.store import MAX_SEQ, GapRow, Group, ImportRow, RangeRow, RecordRow, SavedSession, node_number
from protocols.provisioning import NodeEntry
from protocols.wire import batch, command, document, envelope, picture, receipt, state, topics
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import gap
from protocols.wire.ranges import RangeSet
from protocols.wire.record import HEADER_SIZE, Record

Opened = StateChanged | DocumentRequested | PictureTaken

# A node fills holes from its journal; one that opens ever more of them would cost memory without bound (G9).
MAX_HOLES = 4096


@dataclass(slots=True)
class Batch:
    """An authentic batch that waits for its commit; `records()` are (record, its wire form), read when it is its turn.

    It came at `at_ms`. With an `origin` it is a journal that a person imported, and `ended` learns what became of it.
    """

    session: "Session"
    boot_id: int
    records: Callable[[], list[tuple[Record, bytes]]]
    at_ms: int
    origin: ImportRow | None = None
    ended: Future[int] | None = None  # its new records; or why it was refused


@dataclass(slots=True)
class Admitted:
    """What one batch adds to a group: events of its new records, to be told after the commit."""

    stored: BatchStored | RecordsImported
    kinds: list[int]
    events: list[Event]
    malformed_bodies: int


class Session:
    """What the controller holds of one node. `covered` is what is stored or declared lost."""

    def __init__(self, entry: NodeEntry) -> None:
        self.entry = entry
        self.number = node_number(entry.node)
        self.boot_id = 0
        self.stored = RangeSet()
        self.covered = RangeSet()
        self.gaps: dict[tuple[int, int], int] = {}  # (first, last) as declared -> reason
        self._saved: dict[int, int] = {}

    def clear(self) -> None:
        """Forget everything but the boot id."""
        self.stored = RangeSet()
        self.covered = RangeSet()
        self.gaps = {}
        self._saved = {}

    def restore(self, saved: SavedSession) -> None:
        """Go back to what the database holds."""
        self.boot_id = max(self.boot_id, saved.boot_id)  # a state may have told of a newer one
        self.stored = RangeSet(saved.stored)
        self.gaps = {(first, last): reason for first, last, reason in saved.gaps}
        self.covered = RangeSet([*saved.stored, *self.gaps])
        self._saved = dict(saved.stored)

    def believe_boot(self, boot_id: int) -> None:
        """A boot id only grows (G2). Raises MalformedFrame."""
        if boot_id < self.boot_id:
            raise MalformedFrame("stale_boot_id", f"{boot_id} after {self.boot_id}")
        self.boot_id = boot_id

    def admit(self, arrived: Batch, now_ms: int, group: Group) -> Admitted:
        """Put a batch into `group`, whole. Raises MalformedFrame, and then nothing of it is in the group."""
        records = arrived.records()
        self._refuse_more_holes(records)
        if arrived.origin is None:
            self.believe_boot(arrived.boot_id)
        now_s = now_ms // 1000
        new: list[Record] = []
        duplicates = 0
        for record, raw in records:
            if record.seq in self.stored:
                group.duplicates.append((self.number, record.seq, raw))
                duplicates += 1
                continue
            self.stored.add(record.seq, record.seq)
            self.covered.add(record.seq, record.seq)
            group.records.append(RecordRow(self.number, record.seq, record.kind, now_s, raw))
            new.append(record)
        events, malformed_bodies = self._read(new, group)
        stored: BatchStored | RecordsImported
        if arrived.origin is None:
            seen_s = now_s
            stored = BatchStored(self.entry.node, arrived.at_ms, arrived.boot_id, len(new), duplicates)
        else:  # nobody heard the node
            _, seen_s = group.nodes.get(self.number, (0, 0))
            stored = RecordsImported(self.entry.node, now_ms, len(new), duplicates)
            group.imports.append((arrived.origin, [record.seq for record in new]))
        group.nodes[self.number] = (self.boot_id, seen_s)
        name = type(stored).__name__
        group.tallies[name] = group.tallies.get(name, 0) + 1
        return Admitted(stored, [record.kind for record in new], events, malformed_bodies)

    def _refuse_more_holes(self, records: Iterable[tuple[Record, bytes]]) -> None:
        highest = self.covered.highest()
        if len(self._saved) > MAX_HOLES and any(record.seq > highest + 1 for record, _ in records):
            raise MalformedFrame("too_many_holes", f"more than {MAX_HOLES}")

    def _read(self, new: list[Record], group: Group) -> tuple[list[Event], int]:
        """Events of the new records; a body that cannot be read stays stored raw, so nothing is lost."""
        events: list[Event] = []
        malformed_bodies = 0
        readers = nodes.READERS[self.entry.kind]
        for record in new:
            try:
                if record.kind == gap.KIND:
                    self._declare(record, group)
                event = nodes.event_of(readers, self.entry.node, record)
            except MalformedFrame:
                malformed_bodies += 1
                continue
            if event is not None:
                name = type(event).__name__
                group.tallies[name] = group.tallies.get(name, 0) + 1
                events.append(event)
        return events, malformed_bodies

    def _declare(self, record: Record, group: Group) -> None:
        """Take over a declared gap (G4). Only numbers given out before the declaration can be lost."""
        m = gap.parse(record.body, record.version > gap.VERSION)
        if not 1 <= m.first_seq <= m.last_seq < record.seq:
            raise MalformedFrame("malformed", "gap")
        self.covered.add(m.first_seq, m.last_seq)
        self.gaps[m.first_seq, m.last_seq] = m.reason
        group.gaps.append(GapRow(self.number, record.seq, m.first_seq, m.last_seq, m.reason))

    def put_ranges(self, group: Group) -> None:
        """Add to the group what changed in the stored ranges since the last commit."""
        now = dict(self.stored.pairs())
        group.ranges += [RangeRow(self.number, f, last) for f, last in now.items() if self._saved.get(f) != last]
        group.ranges_gone += [(self.number, first) for first in self._saved if first not in now]
        self._saved = now

    def receipt(self, now_ms: int) -> bytes:
        """Everything that is durable. Only to be sent when the commit has happened (G3)."""
        up_to = self.covered.highest()
        missing = self.covered.missing(up_to)
        if len(missing) > receipt.MAX_RANGES:
            up_to = missing[receipt.MAX_RANGES][0] - 1
            missing = missing[: receipt.MAX_RANGES]
        return receipt.build(self.entry.key, self.entry.node, self.boot_id, up_to, now_ms, missing)

    def command(self, one: command.Command) -> bytes:
        """Seal a command for this node."""
        return command.build(self.entry.key, self.entry.node, one)


class Sessions:
    """All sessions of the registry, and the door that bytes come in by."""

    def __init__(self, registry: Registry, saved: Iterable[SavedSession] = ()) -> None:
        self._registry = registry
        self._by_number: dict[int, Session] = {}  # of nodes that are in the registry no more, too: a batch may wait
        self.learn(saved)

    def learn(self, saved: Iterable[SavedSession]) -> None:
        """Follow the registry; `saved` is of the nodes that are new in it."""
        self.by_node: dict[bytes, Session] = {}
        for node, entry in self._registry.by_node.items():
            session = self._by_number.setdefault(node_number(node), Session(entry))
            session.entry = entry
            self.by_node[node] = session
        self.restore(saved)

    def knows(self, node: bytes) -> bool:
        """True when it has been in the registry since the start."""
        return node_number(node) in self._by_number

    def restore(self, saved: Iterable[SavedSession]) -> None:
        """Take over what the database holds; nodes that are no longer in the registry stay in the ledger only."""
        for one in saved:
            if one.node in self._by_number:
                self._by_number[one.node].restore(one)

    def open(self, topic: str, data: bytes, now_ms: int) -> Batch | Opened | None:
        """Believe an envelope or refuse it: raises MalformedFrame with the reason to count. None: nothing to do."""
        site, named, leaf = topics.parse_topic(topic)
        if not data and leaf == "state":  # somebody cleared the retained state
            return None
        envelope_type, node, _ = envelope.peek(data)
        session = self.by_node.get(node)
        if session is None:
            raise MalformedFrame("unknown_node", topics.node_name(node))
        if session.entry.replaced_by:  # its key is worth nothing any more; what it still holds, vuzol import brings
            raise MalformedFrame("replaced_node", topics.node_name(node))
        _, _, boot_id, payload = envelope.unseal(session.entry.key, data)
        if named != node or site != session.entry.site:
            raise MalformedFrame("wrong_site", topic)
        if (leaf, envelope_type) == ("up", envelope.BATCH):
            return _open_batch(session, boot_id, payload, now_ms)
        if (leaf, envelope_type) == ("up", envelope.PICTURE):
            session.believe_boot(boot_id)
            taken = picture.parse(payload)
            return PictureTaken(node, now_ms, taken.width, taken.height, taken.bits)
        if (leaf, envelope_type) == ("up", envelope.DOCUMENT_REQUEST):
            session.believe_boot(boot_id)
            return DocumentRequested(node, document.parse_request(payload))
        if (leaf, envelope_type) == ("state", envelope.STATE):
            return _open_state(session, boot_id, payload, now_ms)
        raise MalformedFrame("malformed", f"type {envelope_type} on {leaf}")


def _open_batch(session: Session, boot_id: int, payload: bytes, now_ms: int) -> Batch:
    if boot_id < session.boot_id:  # asked again at the commit: batches of a new boot may be waiting before this one
        raise MalformedFrame("stale_boot_id", f"{boot_id} after {session.boot_id}")
    return Batch(session, boot_id, partial(_records, payload), now_ms)


def _records(payload: bytes) -> list[tuple[Record, bytes]]:
    records: list[tuple[Record, bytes]] = []
    end = 2  # batch.py: count u16
    for one in batch.parse(payload):
        start, end = end, end + HEADER_SIZE + len(one.body)
        if one.seq > MAX_SEQ:
            raise MalformedFrame("malformed", "sequence number beyond 2**63 - 1")
        records.append((one, payload[start:end]))
    return records


def _open_state(session: Session, boot_id: int, payload: bytes, now_ms: int) -> StateChanged | None:
    told = state.parse(payload)
    if boot_id < session.boot_id and told.state == state.OFFLINE:
        return None  # the last will of an earlier boot, published when the next one took over: true then, not now
    session.believe_boot(boot_id)
    firmware = ".".join(map(str, told.firmware))
    return StateChanged(session.entry.node, now_ms, boot_id, told.state == state.ONLINE, firmware)

"""What a store must do, whatever database stands behind it: groups in, sessions and ledger out.

Never knows a frame or a transport; a node is its 8-byte id read as one signed 64-bit number.
Specification: protocol.md, guarantees G1 to G4; sqlite.py is the default.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from controller.store.alarms import AlarmTable
from controller.store.buildings import BuildingTable
from controller.store.documents import DocumentTable
from controller.store.retention import RetentionTable
from controller.store.samples import SampleStore
from controller.store.updates import UpdateTable

MAX_SEQ = (1 << 63) - 1  # what a database's integer holds; a counter never gets there


class StoreError(Exception):
    """The database cannot be used; the text is one sentence that says what to do."""


class RecordRow(NamedTuple):
    """One record as it came: `raw` is its wire form."""

    node: int
    seq: int
    kind: int
    stored_s: int
    raw: bytes


class GapRow(NamedTuple):
    """Numbers that a node declared lost; `seq` is the record that said so."""

    node: int
    seq: int
    first_seq: int
    last_seq: int
    reason: int


class RangeRow(NamedTuple):
    """Stored numbers first..last, inclusive."""

    node: int
    first_seq: int
    last_seq: int


class ImportRow(NamedTuple):
    """A journal that was read out of a node and imported; `source` is the port or file, `sha256` the drain file's."""

    node: int
    imported_s: int
    source: str
    sha256: str


@dataclass(slots=True)
class Group:
    """Everything that one commit writes: all of it, or nothing."""

    records: list[RecordRow] = field(default_factory=list)
    duplicates: list[tuple[int, int, bytes]] = field(default_factory=list)  # node, seq, raw
    imports: list[tuple[ImportRow, list[int]]] = field(default_factory=list)  # with the seqs in `records` it brought
    gaps: list[GapRow] = field(default_factory=list)
    ranges: list[RangeRow] = field(default_factory=list)  # new, or with a new end
    ranges_gone: list[tuple[int, int]] = field(default_factory=list)  # node, first_seq
    nodes: dict[int, tuple[int, int]] = field(default_factory=dict)  # node -> boot id, last seen (Unix s)
    tallies: dict[str, int] = field(default_factory=dict)  # event name -> how many more


@dataclass(slots=True)
class SavedSession:
    """What the store knows of one node."""

    node: int
    boot_id: int = 0
    last_seen_s: int = 0
    rows: int = 0  # counted at each insert; the ranges say the same, or something is wrong
    stored: list[tuple[int, int]] = field(default_factory=list)
    gaps: list[tuple[int, int, int]] = field(default_factory=list)  # first, last, reason
    refused_duplicates: int = 0
    conflicting: int = 0
    conflicts: list[int] = field(default_factory=list)  # numbers
    imported: int = 0  # rows that an import brought


class FeedRow(NamedTuple):
    """An imported feed; the one imported last is in force."""

    sha256: str
    name: str
    imported_ms: int


class StoredRecord(NamedTuple):
    """One record on its way out."""

    seq: int
    kind: int
    stored_s: int
    raw: bytes
    imported: int = 0  # 1: an import brought it


class Store(Protocol):
    """Writing calls belong to the one writer thread; reading calls may come from any."""

    @property
    def documents(self) -> DocumentTable:
        """The documents for nodes."""

    @property
    def samples(self) -> SampleStore:
        """What devices of others told."""

    @property
    def buildings(self) -> BuildingTable:
        """Meter points, and what was entered of them."""

    @property
    def alarms(self) -> AlarmTable:
        """The alarms and what was done about them."""

    @property
    def retention(self) -> RetentionTable:
        """What is old enough to go."""

    @property
    def updates(self) -> UpdateTable:
        """Releases on their way over the fleet."""

    def commit(self, group: Group) -> list[tuple[int, int]]:
        """Make the group durable; (node, seq) of the duplicates that differ from what is stored."""

    def trip_ref(self, service_date: str, trip_id: str) -> int:
        """The number of this run of this trip; durable, given once, never 0."""

    def reserved_ids(self) -> int:
        """Up to where ids may have been given to commands."""

    def reserve_ids(self, up_to: int) -> None:
        """Ids up to there may be given to commands."""

    def add_feed(self, row: FeedRow) -> None:
        """Put a feed in force."""

    def sessions(self, nodes: Sequence[int] | None = None) -> list[SavedSession]:
        """What is known of these nodes, or of all."""

    def tallies(self) -> dict[str, int]:
        """Events so far, by name."""

    def records(self, node: int, from_seq: int, limit: int) -> list[StoredRecord]:
        """Records of a node with seq >= from_seq, in order, at most `limit`."""

    def records_of(self, node: int, kind: int, seqs: tuple[int, int], period: tuple[int, int]) -> list[StoredRecord]:
        """A node's records of one kind, in order: seqs[0] <= seq <= seqs[1], period[0] <= Unix seconds < period[1].

        Those without a time of their own are among them.
        """

    def audit(self) -> tuple[list[SavedSession], dict[int, int]]:
        """All sessions, and their rows counted one by one, at one moment: slow, for proof."""

    def audit_period(self, from_s: int, to_s: int) -> tuple[list[SavedSession], dict[int, tuple[int, int, int]]]:
        """All sessions, and node -> (first, last, rows): the numbers of the period by record time, slow as well.

        A number without a time of its own (missing, lost, recorded before the clock was set) belongs to the period of
        the next record that has one; behind the last such record, to that record's.
        """

    def trip_runs(self, refs: Sequence[int]) -> dict[int, tuple[str, str]]:
        """ref -> (service date, trip id)."""

    def feeds(self) -> list[FeedRow]:
        """Imported feeds, the one in force first."""

    def close(self) -> None:
        """Let go of the database."""


def node_number(node: bytes) -> int:
    """A node id as the number the store knows it by."""
    return int.from_bytes(node, "big", signed=True)


def node_bytes(number: int) -> bytes:
    """The node id behind a store's number."""
    return number.to_bytes(8, "big", signed=True)

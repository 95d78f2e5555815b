"""The ledger: what the nodes' own journals hold against what the controller stored, record by record.

Never asks the controller what a node journalled: the flash images tell.
Specification: journalled = receipted = stored, each exactly once, gaps only where the node declared them.
"""

from binascii import crc32
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from protocols.wire import journal_format, record
from protocols.wire.messages import gap
from protocols.wire.ranges import RangeSet

MAX_DIFFERENCES = 20


@dataclass(frozen=True, slots=True)
class NodeJournal:
    """What one flash image says: every number the node gave out is 1..head, less the gaps that it declared."""

    head: int
    receipted: int
    gaps: RangeSet
    crc_by_seq: dict[int, int]

    @property
    def settled(self) -> bool:
        """Nothing waits for a receipt."""
        return self.head == self.receipted


def read_journal(image: bytes, before: NodeJournal | None = None) -> NodeJournal:
    """Read one node's flash image. What was read `before` goes on to count: a journal comes round, and then its oldest
    sector, with records and declarations that the controller has receipted, is erased."""
    found = journal_format.read_image(image)
    gaps = RangeSet(before.gaps.pairs() if before else ())
    crc_by_seq = dict(before.crc_by_seq) if before else {}
    for data in found.records:
        one, _ = record.parse(data)
        crc_by_seq.setdefault(one.seq, crc32(data))  # a number that is given out again is not what it was
        if one.kind == gap.KIND:
            declared = gap.parse(one.body)
            gaps.add(declared.first_seq, declared.last_seq)
    return NodeJournal(max(crc_by_seq, default=found.receipted), found.receipted, gaps, crc_by_seq)


@dataclass(slots=True)
class Ledger:
    """Sums over all nodes; the field names are those of the demo's JSON."""

    journalled: int = 0
    receipted: int = 0
    stored: int = 0
    lost: int = 0
    duplicated: int = 0
    refused_duplicates: int = 0
    declared_gaps: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def reconciles(self) -> bool:
        """Every record of every journal is stored once and receipted, and nothing else is."""
        return not self.differences and not self.lost and not self.duplicated

    def add(self, name: str, journal: NodeJournal, stored_rows: Iterable[tuple[int, int]], row: dict[str, Any]) -> None:
        """Enter one node: its journal, the controller's (seq, crc32) rows and its line of the controller's ledger."""
        rows = list(stored_rows)
        copies = Counter(seq for seq, _ in rows)
        declared = journal.gaps.count()
        journalled = journal.head - declared
        missing = [seq for seq in range(1, journal.head + 1) if seq not in copies and seq not in journal.gaps]
        self.journalled += journalled
        self.receipted += journal.receipted - sum(
            min(last, journal.receipted) - first + 1
            for first, last in journal.gaps.pairs()
            if first <= journal.receipted
        )
        self.stored += len(copies)
        self.lost += sum(1 for seq in missing if seq <= journal.receipted)
        self.duplicated += sum(count - 1 for count in copies.values())
        self.refused_duplicates += row["refused_duplicates"]
        self.declared_gaps += declared
        for seq in missing:
            self._differ(f"{name}: record {seq} is not stored" + ("" if seq <= journal.receipted else " yet"))
        for seq, crc in rows:
            if seq > journal.head:
                self._differ(f"{name}: record {seq} is stored but was never journalled")
            elif journal.crc_by_seq.get(seq, crc) != crc:
                self._differ(f"{name}: record {seq} is stored with other bytes than the journal's")
        if not journal.settled:
            self._differ(f"{name}: receipted up to {journal.receipted} of {journal.head}")

    def _differ(self, text: str) -> None:
        if len(self.differences) < MAX_DIFFERENCES:
            self.differences.append(text)

    def records(self) -> dict[str, int]:
        """The demo's `records`."""
        names: Sequence[str] = (
            "journalled", "receipted", "stored", "lost", "duplicated", "refused_duplicates", "declared_gaps",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

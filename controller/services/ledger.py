"""The ledger: for each node what is stored, receipted, owed, declared lost, imported, and came twice.

Never believes one count alone: rows counted at insert stand against the ranges of sequence numbers.
Specification: protocol.md, "Proofs that must exist", 1; README.md here, "Ledger".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from controller.events import BatchStored, RecordsImported
from controller.registry import Registry
from controller.services.live import LedgerRow
from controller.sessions import Session
from controller.store import SavedSession, node_bytes, node_number
from protocols.wire.messages import gap
from protocols.wire.ranges import RangeSet
from protocols.wire.topics import node_name

UNKNOWN_KIND = "unknown"  # a node with records that is no longer in the registry
LISTED = 16  # numbers and ranges a row names; the counts are whole

REASONS = {getattr(gap, name): name.removeprefix("REASON_").lower() for name in dir(gap) if name.startswith("REASON_")}

Ranges = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What the ranges say of the numbers first..highest."""

    first: int = 1
    highest: int = 0
    missing: int = 0
    missing_ranges: Ranges = ()
    declared_gaps: int = 0
    gap_reasons: Mapping[str, int] = field(default_factory=dict)
    receipted: int = 0


@dataclass(slots=True)
class _Account:
    """One node's counts."""

    rows: int = 0
    refused_duplicates: int = 0
    conflicting: int = 0
    imported: int = 0
    conflicts: list[int] = field(default_factory=list)
    numbers: _Numbers = field(default_factory=_Numbers)


class Ledger:
    """Follows the commits; `rows` is what is durable."""

    def __init__(self, registry: Registry, saved: Iterable[SavedSession]) -> None:
        self._registry = registry
        self._accounts: dict[int, _Account] = {}
        self.learn(saved)

    def learn(self, saved: Iterable[SavedSession]) -> None:
        """Follow the registry: every node has an account, and who is in it no more keeps his. `saved`: of new ones."""
        self._accounts |= {one.node: _account(one, one.rows, _numbers(one.stored, one.gaps)) for one in saved}
        for node in self._registry.by_node:
            self._accounts.setdefault(node_number(node), _Account())

    def batch_stored(self, event: BatchStored | RecordsImported) -> None:
        """A batch was committed."""
        account = self._accounts[node_number(event.node)]
        account.rows += event.new
        account.refused_duplicates += event.refused_duplicates

    def records_imported(self, event: RecordsImported) -> None:
        """An import was committed."""
        self.batch_stored(event)
        self._accounts[node_number(event.node)].imported += event.new

    def conflict_found(self, number: int, seq: int) -> None:
        """A record came again with other bytes than are stored."""
        account = self._accounts[number]
        account.conflicting += 1
        if seq not in account.conflicts and len(account.conflicts) < LISTED:
            account.conflicts.append(seq)

    def settle(self, sessions: Iterable[Session]) -> None:
        """A commit is done: these sessions now hold what is durable."""
        for session in sessions:
            gaps = [(first, last, reason) for (first, last), reason in session.gaps.items()]
            self._accounts[session.number].numbers = _numbers(session.stored.pairs(), gaps)

    def records_of(self, node: bytes) -> int:
        """Rows stored of a node."""
        return self._accounts[node_number(node)].rows

    def highest_of(self, node: bytes) -> int:
        """The highest number of a node that is stored or declared lost."""
        return self._accounts[node_number(node)].numbers.highest

    def row_of(self, node: bytes) -> LedgerRow:
        """The row of one node."""
        return self._row(node_number(node), self._accounts[node_number(node)])

    def unsound(self) -> Iterator[LedgerRow]:
        """The rows that do not reconcile."""
        for number, account in self._accounts.items():
            n = account.numbers
            if n.missing or account.conflicting or n.highest - n.first + 1 != account.rows + n.declared_gaps:
                yield self._row(number, account)

    def rows(self) -> tuple[LedgerRow, ...]:
        """A row a node."""
        return self._rows(self._accounts)

    def audited(self, saved: Iterable[SavedSession], counted: Mapping[int, int]) -> tuple[LedgerRow, ...]:
        """The rows made anew from what the database says, `counted` being its records by node."""
        accounts = {}
        for node in self._registry.by_node:
            accounts[node_number(node)] = _Account(counted.get(node_number(node), 0))
        for one in saved:
            accounts[one.node] = _account(one, counted.get(one.node, 0), _numbers(one.stored, one.gaps))
        return self._rows(accounts)

    def of_period(
        self, saved: Iterable[SavedSession], found: Mapping[int, tuple[int, int, int]]
    ) -> tuple[LedgerRow, ...]:
        """The same for some of the numbers; `found` is node -> (first, last, rows). Repeats and imports stay whole."""
        accounts = {}
        for one in saved:
            if one.node in found:
                first, last, rows = found[one.node]
                account = _account(one, rows, _numbers(one.stored, one.gaps, first, last))
                account.conflicts = [seq for seq in account.conflicts if first <= seq <= last]
                account.conflicting = len(account.conflicts)
                accounts[one.node] = account
        return self._rows(accounts)

    def _rows(self, accounts: Mapping[int, _Account]) -> tuple[LedgerRow, ...]:
        return tuple(self._row(number, account) for number, account in sorted(accounts.items()))

    def _row(self, number: int, account: _Account) -> LedgerRow:
        node = node_name(node_bytes(number))
        entry = self._registry.by_node.get(node_bytes(number))
        numbers = account.numbers
        return LedgerRow(
            node=node,
            kind=entry.kind if entry else UNKNOWN_KIND,
            name=entry.name if entry else node,
            stored=account.rows,
            highest_seq=numbers.highest,
            missing=numbers.missing,
            declared_gaps=numbers.declared_gaps,
            refused_duplicates=account.refused_duplicates,
            conflicting=account.conflicting,
            first_seq=numbers.first,
            receipted=numbers.receipted,
            imported=account.imported,
            gap_reasons=numbers.gap_reasons,
            missing_ranges=tuple(numbers.missing_ranges[:LISTED]),
            conflicts=tuple(account.conflicts[:LISTED]),
        )


def _account(saved: SavedSession, rows: int, numbers: _Numbers) -> _Account:
    return _Account(rows, saved.refused_duplicates, saved.conflicting, saved.imported, list(saved.conflicts), numbers)


def _numbers(stored: Ranges, gaps: Sequence[tuple[int, int, int]], first: int = 1, last: int | None = None) -> _Numbers:
    """What stands in first..last; `gaps` are (first, last, reason), and a number that is stored is not lost."""
    covered = RangeSet([*stored, *((a, b) for a, b, _ in gaps)])
    highest = covered.highest() if last is None else min(last, covered.highest())
    covered = RangeSet(_within(covered.pairs(), first, highest))
    missing = _within(covered.missing(highest), first, highest)
    receipted = missing[0][0] - 1 if missing else highest
    reasons: dict[str, int] = {}
    lost = RangeSet(_within(stored, first, highest))
    in_ranges = seen = lost.count()
    for a, b, reason in gaps:
        for part in _within([(a, b)], first, highest):
            lost.add(*part)
        name = REASONS.get(reason, str(reason))
        reasons[name] = reasons.get(name, 0) + lost.count() - seen
        seen = lost.count()
    return _Numbers(
        first=first,
        highest=highest,
        missing=_count(missing),
        missing_ranges=missing,
        declared_gaps=covered.count() - in_ranges,
        gap_reasons={name: count for name, count in reasons.items() if count},
        receipted=_count(_within(stored, first, receipted)),
    )


def _within(ranges: Ranges, first: int, last: int) -> list[tuple[int, int]]:
    return [(max(a, first), min(b, last)) for a, b in ranges if a <= last and b >= first]


def _count(ranges: Ranges) -> int:
    return sum(last - first + 1 for first, last in ranges)

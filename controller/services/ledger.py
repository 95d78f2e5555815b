"""The ledger: for each node what is stored, owed, declared lost, and came twice.

Never believes one count alone: rows counted at insert stand against the ranges of sequence numbers.
Specification: protocol.md, "Proofs that must exist", 1.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from controller.events import BatchStored
from controller.services.live import LedgerRow
from controller.sessions import Session, Sessions
from controller.store import SavedSession, node_bytes
from protocols.wire.ranges import RangeSet
from protocols.wire.topics import node_name

UNKNOWN_KIND = "unknown"  # a node with records that is no longer in the registry


@dataclass(slots=True)
class _Account:
    """One node's counts; covered = stored or declared lost."""

    rows: int = 0
    in_ranges: int = 0
    covered: int = 0
    highest: int = 0
    refused_duplicates: int = 0
    conflicting: int = 0


class Ledger:
    """Follows the commits; `rows` is what is durable."""

    def __init__(self, sessions: Sessions, saved: Iterable[SavedSession]) -> None:
        self._entries = {session.number: session.entry for session in sessions.by_node.values()}
        self._numbers = {session.entry.node: session.number for session in sessions.by_node.values()}
        self._accounts = {number: _Account() for number in self._entries}
        self._accounts |= {one.node: _account(one) for one in saved}

    def batch_stored(self, event: BatchStored) -> None:
        """A batch was committed."""
        account = self._accounts[self._numbers[event.node]]
        account.rows += event.new
        account.refused_duplicates += event.refused_duplicates

    def conflict_found(self, number: int) -> None:
        """A record came again with other bytes than are stored."""
        self._accounts[number].conflicting += 1

    def settle(self, sessions: Iterable[Session]) -> None:
        """A commit is done: these sessions now hold what is durable."""
        for session in sessions:
            account = self._accounts[session.number]
            account.in_ranges = session.stored.count()
            account.covered = session.covered.count()
            account.highest = session.covered.highest()

    def records_of(self, node: bytes) -> int:
        """Rows stored of a node."""
        return self._accounts[self._numbers[node]].rows

    def rows(self) -> tuple[LedgerRow, ...]:
        """A row a node."""
        return tuple(self._row(number, account) for number, account in sorted(self._accounts.items()))

    def audited(self, saved: Iterable[SavedSession], counted: Mapping[int, int]) -> tuple[LedgerRow, ...]:
        """The rows made anew from what the database says, `counted` being its records by node."""
        accounts = {number: _Account() for number in self._entries} | {one.node: _account(one) for one in saved}
        for number, account in accounts.items():
            account.rows = counted.get(number, 0)
        return tuple(self._row(number, account) for number, account in sorted(accounts.items()))

    def _row(self, number: int, account: _Account) -> LedgerRow:
        entry = self._entries.get(number)
        node = node_name(node_bytes(number))
        return LedgerRow(
            node=node,
            kind=entry.kind if entry else UNKNOWN_KIND,
            name=entry.name if entry else node,
            stored=account.rows,
            highest_seq=account.highest,
            missing=account.highest - account.covered,
            declared_gaps=account.covered - account.in_ranges,
            refused_duplicates=account.refused_duplicates,
            conflicting=account.conflicting,
        )


def _account(saved: SavedSession) -> _Account:
    covered = RangeSet(saved.stored + saved.declared)
    in_ranges = RangeSet(saved.stored).count()
    return _Account(
        saved.rows, in_ranges, covered.count(), covered.highest(), saved.refused_duplicates, saved.conflicting
    )

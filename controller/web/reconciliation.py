"""Whether the ledger reconciles: every number that a node gave out is stored, declared lost, or still owed.

Never knows a page or a language. Judges rows that the controller counted; it counts nothing itself.
Specification: shared design "protocol", proof 1 (Ledger); README.md here, "What counts as wrong".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controller.services.live import LedgerRow


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of the ledger's columns."""

    journalled: int
    receipted: int
    stored: int
    missing: int
    declared_gaps: int
    refused_duplicates: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the ledger says as a whole."""

    nodes: int
    totals: Totals
    owing: tuple[LedgerRow, ...]
    conflicting: int
    unbalanced: tuple[LedgerRow, ...]

    @property
    def reconciles(self) -> bool:
        """True when nothing is owed, every row adds up and no number stands for two records."""
        return not self.owing and not self.unbalanced and not self.conflicting


def row_state(row: LedgerRow) -> str:
    """`unbalanced` (columns do not add up), `owing` (records to come), `conflicting` (a repeat differed) or `sound`."""
    if row.difference:
        return "unbalanced"
    if row.missing:
        return "owing"
    return "conflicting" if row.conflicting else "sound"


def judge(rows: Sequence[LedgerRow]) -> Verdict:
    """Add up the rows and find those that do not reconcile."""
    return Verdict(
        nodes=len(rows),
        totals=Totals(
            journalled=sum(row.journalled for row in rows),
            receipted=sum(row.receipted for row in rows),
            stored=sum(row.stored for row in rows),
            missing=sum(row.missing for row in rows),
            declared_gaps=sum(row.declared_gaps for row in rows),
            refused_duplicates=sum(row.refused_duplicates for row in rows),
        ),
        conflicting=sum(row.conflicting for row in rows),
        owing=tuple(row for row in rows if row_state(row) == "owing"),
        unbalanced=tuple(row for row in rows if row_state(row) == "unbalanced"),
    )

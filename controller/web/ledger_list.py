"""The ledger's list: which rows are wanted, in which order, and as lines of CSV.

Never judges: reconciliation.py did. The page and the export have it in common.
Specification: controller/services/live.py, LedgerRow; RFC 4180 for CSV.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from controller.web.order import natural
from controller.web.reconciliation import row_state

if TYPE_CHECKING:
    from controller.services.live import LedgerRow

FIGURES = ("journalled", "receipted", "stored", "missing", "declared_gaps", "refused_duplicates")
CSV_FIELDS = ("node", "kind", "name", "state", *FIGURES, "conflicting", "imported", "first_seq", "highest_seq")
WORST_FIRST = {"unbalanced": 0, "owing": 1, "conflicting": 2, "sound": 3}


def _figure(name: str) -> Callable[[LedgerRow], int]:
    return lambda row: int(getattr(row, name))


ORDERS: Mapping[str, Callable[[LedgerRow], Any]] = {
    "state": lambda row: (WORST_FIRST[row_state(row)], natural(row.name)),
    "name": lambda row: natural(row.name),
    **{name: _figure(name) for name in FIGURES},
}


def wanted(rows: Iterable[LedgerRow], terms: Sequence[str]) -> list[LedgerRow]:
    """The rows in whose node every term is found."""
    return [row for row in rows if all(term in f"{row.name}\n{row.node}".casefold() for term in terms)]


def csv_row(row: LedgerRow) -> tuple[object, ...]:
    """The values of CSV_FIELDS."""
    return tuple(row_state(row) if name == "state" else getattr(row, name) for name in CSV_FIELDS)

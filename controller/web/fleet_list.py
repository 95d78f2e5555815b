"""The list of nodes: which are wanted, in which order, and as lines of CSV. The page and the export have it in common.

Never knows NiceGUI or HTTP; what a reader chose comes as the address has it.
Specification: controller/services/live.py, NodeView; RFC 4180 for CSV.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from controller.web.order import natural
from controller.web.wording import Words

if TYPE_CHECKING:
    from controller.services.live import NodeView

NEVER = float("-inf")
OFFLINE = "offline"
CSV_FIELDS = (
    "node", "kind", "name", "place", "state", "last_seen", "journal_depth", "records", "firmware", "lat", "lon",
)  # fmt: skip


def orders(words: Words) -> Mapping[str, Callable[[NodeView], Any]]:
    """Column -> what it is ordered by."""
    return {
        "state": lambda node: (node.online, natural(node.name)),
        "name": lambda node: natural(node.name),
        "kind": lambda node: (words.name_of("kind", node.kind), natural(node.name)),
        "place": lambda node: (natural(node.place), natural(node.name)),
        "last_seen": lambda node: NEVER if node.last_seen_s is None else node.last_seen_s,
        "journal": lambda node: -1 if node.journal_depth is None else node.journal_depth,
        "records": lambda node: node.records,
        "firmware": lambda node: (natural(node.firmware), natural(node.name)),
    }


def wanted(
    nodes: Iterable[NodeView], words: Words, terms: Sequence[str] = (), state: str = "", kind: str = ""
) -> list[NodeView]:
    """The nodes that a reader asked for: every term is somewhere in the row; `state` offline, `kind` of node."""
    return [
        node
        for node in nodes
        if not (state == OFFLINE and node.online)
        and not (kind and node.kind != kind)
        and (not terms or _holds(node, terms, words))
    ]


def _holds(node: NodeView, terms: Sequence[str], words: Words) -> bool:
    kind = words.name_of("kind", node.kind)
    heap = f"{node.name}\n{node.place}\n{node.node}\n{kind}\n{node.firmware}".casefold()
    return all(term in heap for term in terms)


def csv_row(node: NodeView) -> tuple[object, ...]:
    """The values of CSV_FIELDS."""
    heard = (
        None if node.last_seen_s is None else datetime.fromtimestamp(node.last_seen_s, UTC).isoformat("T", "seconds")
    )
    state = "online" if node.online else OFFLINE
    place = (node.node, node.kind, node.name, node.place, state, heard)
    return *place, node.journal_depth, node.records, node.firmware, node.lat, node.lon

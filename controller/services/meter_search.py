"""Searches of meter nodes' buses: asked for by a person, what they met so far, how they ended.

Never repeats a search and keeps no more than the last of each node; what was met is in the ledger for good.
Specification: protocols/schema/utility_meter.py, scan_meters and found_meter; the result record ends a search.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from controller.commands import ScanMeters
from controller.events import CommandEnded, MeterFound
from controller.registry import Registry
from protocols import mbus_names
from protocols.provisioning import NodeEntry
from protocols.wire.messages import result
from protocols.wire.topics import node_name

KIND = "utility_meter"
TTL_S = 60
NOT_TOLD = 255
OUTCOMES = {
    result.OUTCOME_DONE: "done",
    result.OUTCOME_REFUSED: "refused",
    result.OUTCOME_EXPIRED: "expired",
    result.OUTCOME_FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class FoundMeter:
    """A meter, or a place where several answer at once. `address` 253: it is known by its number alone."""

    address: int
    collided: bool
    identity: str
    maker: str
    version: int
    medium: str


@dataclass(frozen=True, slots=True)
class Search:
    """`command` 0: the node's own, of one that was told of no meter. `outcome` is empty while it goes on."""

    node: str
    command: int
    outcome: str = ""
    meters: tuple[FoundMeter, ...] = ()


class Unreachable(Exception):
    """The node cannot be asked now."""


class MeterSearches:
    """`order` sends a command and gives its id, 0: the link is down."""

    def __init__(
        self,
        registry: Registry,
        is_online: Callable[[bytes], bool],
        order: Callable[[NodeEntry, ScanMeters, int], int],
    ) -> None:
        self._registry = registry
        self._is_online = is_online
        self._order = order
        self._last: dict[bytes, Search] = {}

    def begin(self, node: bytes, primary_last: int) -> Search:
        """Ask the node to search by the meters' numbers, or by addresses up to `primary_last`.

        Raises KeyError for a node that has no meters, Unreachable.
        """
        entry = self._registry.of_kind(KIND)[node]
        command = self._order(entry, ScanMeters(primary_last), TTL_S) if self._is_online(node) else 0
        if not command:
            raise Unreachable
        self._last[node] = Search(node_name(node), command)
        return self._last[node]

    def last(self, node: bytes) -> Search:
        """The last one, as far as it went. Raises KeyError for a node that has no meters."""
        return self._last.get(node, Search(node_name(self._registry.of_kind(KIND)[node].node), 0))

    def met(self, event: MeterFound) -> None:
        """Somebody answered."""
        medium = "" if event.medium == NOT_TOLD else mbus_names.medium(event.medium) or ""
        found = FoundMeter(event.address, event.collided, event.identity, event.maker, event.version, medium)
        search = self._last.get(event.node, Search(node_name(event.node), 0))
        if found not in search.meters:
            self._last[event.node] = replace(search, meters=(*search.meters, found))

    def ended(self, event: CommandEnded) -> None:
        """A command of a node ended: perhaps its search."""
        search = self._last.get(event.node)
        if search and search.command == event.command_id:
            self._last[event.node] = replace(search, outcome=OUTCOMES.get(event.outcome, str(event.outcome)))

"""Every node of the registry: online or not, when it was last heard, how it is.

Never asks a node: it listens to states, batches and status records. Time is an argument.
Specification: README.md here, "Online".
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from controller.events import BatchStored, NodeBooted, StateChanged, StatusReported
from controller.registry import Registry
from controller.services.live import NodeView
from controller.store import SavedSession, node_bytes
from protocols.provisioning import NodeEntry
from protocols.wire.topics import node_name

# A node tells its status every 30 s by default; after five silent ones its broker's word "online" is not believed.
SILENT_S = 150.0

Place = tuple[str, float | None, float | None]  # words, latitude, longitude


@dataclass(slots=True)
class _State:
    """What is known of a node, besides its entry."""

    online: bool = False
    last_seen_s: float | None = None
    confirmed_s: float = 0.0
    firmware: str = ""
    journal_depth: int | None = None


class Fleet:
    """Follows the notices of all nodes."""

    def __init__(self, registry: Registry, saved: Iterable[SavedSession]) -> None:
        self._registry = registry
        self._states: defaultdict[bytes, _State] = defaultdict(_State)
        self.learn(saved)

    def learn(self, saved: Iterable[SavedSession]) -> None:
        """What the database holds of nodes."""
        for one in saved:
            if one.last_seen_s:
                self._states[node_bytes(one.node)].last_seen_s = one.last_seen_s

    def key_replaced(self, node: bytes) -> None:
        """Who was there with the old one is not there any more."""
        self._states[node].online = False

    def state_changed(self, event: StateChanged) -> None:
        """The node's own word, or its last will."""
        state = self._states[event.node]
        state.online = event.online
        state.firmware = event.firmware
        state.confirmed_s = event.at_ms / 1000

    def batch_stored(self, event: BatchStored) -> None:
        """Who sends is there; but a batch that waited for its commit does not outdo a last will that came behind it."""
        state, at_s = self._states[event.node], event.at_ms / 1000
        state.online = state.online or at_s > state.confirmed_s
        state.last_seen_s = at_s
        state.confirmed_s = max(state.confirmed_s, at_s)

    def booted(self, event: NodeBooted) -> None:
        """A start."""
        state = self._states[event.node]
        state.firmware = event.firmware
        state.journal_depth = event.journal_depth

    def status_reported(self, event: StatusReported) -> None:
        """Health."""
        self._states[event.node].journal_depth = event.journal_depth

    def is_online(self, node: bytes, now_s: float) -> bool:
        """True while the node is believed to be there."""
        state = self._states[node]
        return state.online and now_s - state.confirmed_s < SILENT_S and node in self._registry.welcome

    def count_online(self, now_s: float) -> int:
        """How many are there."""
        return sum(self.is_online(node, now_s) for node in self._registry.by_node)

    def was_heard(self, node: bytes) -> bool:
        """Whether anything was heard of it since the controller's start."""
        return bool(self._states[node].confirmed_s)

    def silent(self, now_s: float) -> Iterator[tuple[NodeEntry, float | None, bool]]:
        """Who is not there, when they were last heard, and whether anything was heard of them since the start."""
        for node, entry in self._registry.by_node.items():
            if not entry.replaced_by and not self.is_online(node, now_s):
                state = self._states[node]
                yield entry, state.last_seen_s, bool(state.confirmed_s)

    def views(
        self, now_s: float, records_of: Callable[[bytes], int], place_of: Callable[[NodeEntry], Place]
    ) -> tuple[NodeView, ...]:
        """All nodes, in the order of the registry."""
        return tuple(self._view(entry, now_s, records_of, place_of) for entry in self._registry.by_node.values())

    def _view(
        self,
        entry: NodeEntry,
        now_s: float,
        records_of: Callable[[bytes], int],
        place_of: Callable[[NodeEntry], Place],
    ) -> NodeView:
        state = self._states[entry.node]
        words, lat, lon = place_of(entry)
        return NodeView(
            node=node_name(entry.node),
            kind=entry.kind,
            name=entry.name,
            place=words,
            online=self.is_online(entry.node, now_s),
            last_seen_s=state.last_seen_s,
            firmware=state.firmware,
            journal_depth=state.journal_depth,
            records=records_of(entry.node),
            lat=lat,
            lon=lon,
            replaced_by=entry.replaced_by,
        )

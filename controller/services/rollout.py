"""One release on its way: how far each node came, which wave it is, who is next, and whether it has to stop.

Performs no I/O and reads no clock; times are Unix seconds. What it changes lies in `changed` until somebody keeps it.
Specification: README.md here, "Updates"; protocols/WIRE.md, "Firmware".
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from controller.services.rollout_plan import Plan, Progress, spread, wave_of
from protocols.provisioning import NodeEntry

ON_A_LINE = 2  # nodes that share it: one pulls while another erases, verifies or thinks
LOST_S = 900.0  # a node whose turn it is and that tells nothing more for so long

RUNNING, PAUSED, STOPPED = "running", "paused", "stopped"
WAITING, OFFERED, INSTALLING, TRIAL = "waiting", "offered", "installing", "trial"
CONFIRMED, ROLLED_BACK, REFUSED, FAILED, LOST = "confirmed", "rolled_back", "refused", "failed", "lost"
FAILURES = "failures"  # why a rollout was paused by itself; people give reasons in their own words
UNFIT = "unfit"  # it is of another board or kind than the release: no failure
UNDER_WAY = frozenset({OFFERED, INSTALLING, TRIAL})
BAD = frozenset({ROLLED_BACK, REFUSED, FAILED, LOST})

IsOnline = Callable[[bytes], bool]
LinkOf = Callable[[bytes], str]


@dataclass(slots=True)
class Way:
    """How far one node came, and when it last told."""

    state: str = WAITING
    reason: str = ""
    at_s: float = 0.0


@dataclass(slots=True)
class Rollout:
    """`kinds` are those that the release is for; `wave` counts from 0."""

    version: int
    plan: Plan
    kinds: frozenset[str]
    started_s: float
    started_by: str
    state: str = RUNNING
    reason: str = ""
    ways: dict[bytes, Way] = field(default_factory=dict)
    changed: set[bytes] = field(default_factory=set)
    wave: int = 0
    _order: list[NodeEntry] = field(default_factory=list)
    _passed_s: float | None = None

    def means(self, entry: NodeEntry) -> bool:
        """Is this node among those that are to have it?"""
        return entry.kind in self.kinds and self.plan.selects(entry)

    def line_up(self, entries: Iterable[NodeEntry], link_of: LinkOf) -> None:
        """Put the nodes in order: again when the registry has changed, so that late ones join."""
        self._order = spread(filter(self.means, entries), link_of, self.version)

    def nodes(self) -> Iterator[tuple[int, NodeEntry, Way]]:
        """Every node in its order, with its wave."""
        for index, entry in enumerate(self._order):
            wave = wave_of(index, len(self._order), self.plan.waves)
            yield wave, entry, self.ways.get(entry.node) or Way()

    def set(self, node: bytes, state: str, reason: str, now_s: float) -> None:
        """What became of a node."""
        self.ways[node] = Way(state, reason, now_s)
        self.changed.add(node)

    def heard(self, node: bytes, now_s: float) -> None:
        """A node that it is offered to asks for more of it."""
        self.ways[node].at_s = now_s

    def under_way(self) -> Sequence[bytes]:
        """Nodes that are busy with it."""
        return [node for node, way in self.ways.items() if way.state in UNDER_WAY]

    def pulling(self) -> Sequence[bytes]:
        """Those whose turn it is: who has it whole needs no link any more."""
        return [node for node in self.under_way() if self.ways[node].state == OFFERED]

    def look(self, is_online: IsOnline, now_s: float) -> None:
        """Give up on who was lost; pause when too many have failed; begin the next wave when this one has passed."""
        for node in self.under_way():
            way = self.ways[node]
            if now_s - way.at_s > LOST_S:  # who never began has another turn; who began and is gone has failed
                self.set(node, WAITING if way.state == OFFERED else LOST, "", now_s)
        progress = self._progress(is_online)
        if progress.is_alarming(self.plan):
            self.state, self.reason = PAUSED, FAILURES
        elif not progress.has_passed(self.plan):
            self._passed_s = None
        elif self._passed_s is None:
            self._passed_s = now_s
        elif now_s - self._passed_s >= self.plan.soak_s and self.wave + 1 < len(self.plan.waves):
            self.wave, self._passed_s = self.wave + 1, None

    def admit(self, is_online: IsOnline, link_of: LinkOf, taken: Counter[str], now_s: float) -> None:
        """Whose turn it is now: so many at a time, and few on a line that nodes share."""
        free = self.plan.at_once - len(self.pulling())
        for wave, entry, way in self.nodes():
            if free <= 0 or wave > self.wave:
                return
            link = link_of(entry.node)
            if way.state == WAITING and taken[link] < ON_A_LINE and is_online(entry.node):
                self.set(entry.node, OFFERED, "", now_s)
                taken[link] += 1
                free -= 1

    def _progress(self, is_online: IsOnline) -> Progress:
        """Of the waves that have begun."""
        begun = [(entry, way) for wave, entry, way in self.nodes() if wave <= self.wave and way.state != UNFIT]
        return Progress(
            reachable=sum(way.state != WAITING or is_online(entry.node) for entry, way in begun),
            confirmed=sum(way.state == CONFIRMED for _, way in begun),
            failed=sum(way.state in BAD for _, way in begun),
        )

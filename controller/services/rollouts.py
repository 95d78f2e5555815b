"""The rollouts of the fleet: what people ask of them, what nodes tell, who may pull which release now.

Never touches a byte of a release: documents.py carries it, and nodes believe their publisher, not this controller.
Specification: README.md here, "Updates"; protocols/WIRE.md, "Firmware".
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from controller.events import DocumentReported, DocumentRequested
from controller.services import rollout as ways
from controller.services.documents import REASONS, DocumentRefused, Documents
from controller.services.rollout import Rollout, Way
from controller.services.rollout_plan import Plan
from controller.sessions import Sessions
from controller.store import node_bytes, node_number
from controller.store.updates import RolloutNodeRow, RolloutRow, UpdateTable
from controller.store.writing import WriterThread
from protocols.provisioning import NodeEntry
from protocols.release import Release, ReleaseFault, read
from protocols.wire.document import FIRMWARE
from protocols.wire.messages import document
from protocols.wire.topics import node_name

CHECK_S = 1.0

_STATES = {
    document.OUTCOME_STORED: ways.INSTALLING,
    document.OUTCOME_TRIAL: ways.TRIAL,
    document.OUTCOME_CONFIRMED: ways.CONFIRMED,
    document.OUTCOME_HELD: ways.CONFIRMED,
    document.OUTCOME_ROLLED_BACK: ways.ROLLED_BACK,
    document.OUTCOME_REFUSED: ways.REFUSED,
    document.OUTCOME_FAILED: ways.FAILED,
}
_UNFIT = (document.REASON_WRONG_BOARD, document.REASON_WRONG_KIND)

log = structlog.get_logger("updates")


@dataclass(frozen=True, slots=True)
class NodeWay:
    """One node of a rollout, for people; waves count from 1."""

    node: str
    name: str
    wave: int
    state: str
    reason: str
    at_s: float


@dataclass(frozen=True, slots=True)
class RolloutView:
    """A rollout for people; `states` counts its nodes."""

    version: int
    state: str
    reason: str
    started_s: float
    started_by: str
    wave: int
    waves: int
    states: dict[str, int]


class Rollouts:
    """`link_of(node)` names the line that a node shares with others, or itself; `zone()` is the town's IANA name."""

    def __init__(
        self,
        sessions: Sessions,
        documents: Documents,
        table: UpdateTable,
        writer: WriterThread,
        now_s: Callable[[], float],
        zone: Callable[[], str],
        is_online: Callable[[bytes, float], bool],
        link_of: Callable[[bytes], str],
    ) -> None:
        self._sessions = sessions
        self._documents = documents
        self._table = table
        self._writer = writer
        self._now_s = now_s
        self._zone = zone
        self._believed_online = is_online
        self._link_of = link_of
        self._is_lined_up = False  # as the registry is now
        self._rollouts: dict[int, Rollout] = {}
        self._restore()
        documents.governed_by(self.turn_of, self.bytes_per_s, link_of)

    def _restore(self) -> None:
        for row in self._table.rollouts():
            plan, kinds = Plan.model_validate_json(row.plan), frozenset(row.kinds.split(","))
            self._rollouts[row.version] = Rollout(
                row.version, plan, kinds, row.started_s, row.started_by, row.state, row.reason, wave=row.wave
            )
        for way in self._table.nodes():
            self._rollouts[way.version].ways[node_bytes(way.node)] = Way(way.state, way.reason, way.at_s)

    # --- what people ask

    def examine(self, packed: bytes, plan: Plan) -> tuple[Release, list[list[NodeEntry]]]:
        """The release, and the nodes of each wave as they would be now. Raises DocumentRefused."""
        try:
            release = read(packed)
        except ReleaseFault as fault:
            raise DocumentRefused(422, str(fault)) from None
        if not release.is_authentic:
            raise DocumentRefused(422, "nobody has signed this release: type vuzol release sign")
        known = self._rollouts.get(release.manifest.counter)
        if known is None:
            self._documents.examine(*self._document(release))
        elif known.state != ways.STOPPED:
            raise DocumentRefused(409, f"release {known.version} is on its way already: pause, resume or stop it")
        trial = self._new(release, plan, "")
        waves: list[list[NodeEntry]] = [[] for _ in plan.waves]
        for wave, entry, _ in trial.nodes():
            waves[wave].append(entry)
        if not any(waves):
            raise DocumentRefused(
                422, "no node of the registry is meant: look at the release's kinds and the selection"
            )
        return release, waves

    async def start(self, packed: bytes, plan: Plan, by: str) -> None:
        """Let it go out; a stopped one goes on with what it has reached. Raises DocumentRefused."""
        release, _ = self.examine(packed, plan)
        begun = self._new(release, plan, by)
        if known := self._rollouts.get(begun.version):
            begun.ways = known.ways
        else:
            await self._documents.put(*self._document(release))
        self._rollouts[begun.version] = begun
        await self._writer.run(self._table.save, [_row(begun)], [])

    async def change(self, version: int, state: str, reason: str) -> None:
        """Pause, resume or stop it. Raises DocumentRefused."""
        rollout = self._known(version)
        if rollout.state == ways.STOPPED:
            raise DocumentRefused(409, f"the rollout of release {version} was stopped: start it again")
        if state == ways.RUNNING:  # who failed was looked at: they have another turn
            for node in [node for node, way in rollout.ways.items() if way.state in ways.BAD]:
                rollout.set(node, ways.WAITING, "", self._now_s())
        rollout.state, rollout.reason = state, reason
        await self._save([rollout])

    def views(self) -> list[RolloutView]:
        """All, the newest first."""
        return [
            RolloutView(
                one.version,
                one.state,
                one.reason,
                one.started_s,
                one.started_by,
                one.wave + 1,
                len(one.plan.waves),
                dict(Counter(way.state for _, _, way in one.nodes())),
            )
            for one in self._newest_first()
        ]

    def nodes(self, version: int) -> list[NodeWay]:
        """Every node of a rollout, in its order. Raises DocumentRefused."""
        return [
            NodeWay(node_name(entry.node), entry.name, wave + 1, way.state, way.reason, way.at_s)
            for wave, entry, way in self._known(version).nodes()
        ]

    # --- what nodes tell

    def reported(self, event: DocumentReported) -> None:
        """How it went with a release, or which one a node runs."""
        rollout = self._rollouts.get(event.version) if event.type == FIRMWARE else None
        if rollout is None or event.outcome not in _STATES:
            return
        state = _STATES[event.outcome]
        if state == ways.REFUSED and event.reason in _UNFIT:
            state = ways.UNFIT
        reason = REASONS.get(event.reason, "") if state in ways.BAD else ""
        rollout.set(event.node, state, reason, self._now_s())

    def requested(self, event: DocumentRequested) -> None:
        """A node pulls."""
        version = event.request.version if event.request.type == FIRMWARE else 0
        if version and version == self.turn_of(event.node):
            self._rollouts[version].heard(event.node, self._now_s())

    # --- whose turn it is

    def turn_of(self, node: bytes) -> int:
        """The release that this node may pull now; 0 for none."""
        for rollout in self._newest_first():
            way = rollout.ways.get(node)
            if way and way.state == ways.OFFERED and rollout.state == ways.RUNNING and self._is_open(rollout):
                return rollout.version
        return 0

    def bytes_per_s(self, version: int) -> float:
        """What its plan lets one line carry."""
        return self._known(version).plan.bytes_per_s

    def registry_changed(self) -> None:
        """Nodes came, or went."""
        self._is_lined_up = False

    async def run(self) -> None:
        """For ever."""
        while True:
            self.step()
            with_changes = [one for one in self._rollouts.values() if one.changed]
            try:
                await self._save(with_changes)
            except sqlite3.Error as error:
                log.error("what nodes told of an update could not be kept", error=str(error))
            await asyncio.sleep(CHECK_S)

    def step(self) -> None:
        """One look at everything that runs."""
        if not self._is_lined_up:
            for rollout in self._rollouts.values():
                self._line_up(rollout)
            self._is_lined_up = True
        now_s = self._now_s()
        running = [one for one in self._newest_first() if one.state == ways.RUNNING]
        taken = Counter(self._link_of(node) for one in running for node in one.pulling())
        for rollout in running:
            rollout.look(self._is_online, now_s)
            if rollout.state == ways.RUNNING and self._is_open(rollout):
                rollout.admit(self._is_free(rollout), self._link_of, taken, now_s)
            elif rollout.state == ways.PAUSED:
                log.error("a rollout was paused", release=rollout.version, reason=rollout.reason)

    def _is_free(self, rollout: Rollout) -> Callable[[bytes], bool]:
        """Online, and not awaited by a newer release that may still reach it."""
        newer = [one for one in self._rollouts.values() if one.version > rollout.version and one.state == ways.RUNNING]

        def is_free(node: bytes) -> bool:
            entry = self._sessions.by_node[node].entry
            return self._is_online(node) and not any(
                one.means(entry) and one.ways.get(node, Way()).state not in ways.BAD | {ways.UNFIT} for one in newer
            )

        return is_free

    def _is_online(self, node: bytes) -> bool:
        return self._believed_online(node, self._now_s())

    def _is_open(self, rollout: Rollout) -> bool:
        return rollout.plan.open_at(datetime.fromtimestamp(self._now_s(), ZoneInfo(self._zone())).time())

    def _newest_first(self) -> list[Rollout]:
        return sorted(self._rollouts.values(), key=lambda one: -one.version)

    def _known(self, version: int) -> Rollout:
        if version not in self._rollouts:
            raise DocumentRefused(404, f"there is no rollout of release {version}")
        return self._rollouts[version]

    def _new(self, release: Release, plan: Plan, by: str) -> Rollout:
        made = Rollout(release.manifest.counter, plan, frozenset(release.kinds), self._now_s(), by)
        self._line_up(made)
        return made

    def _line_up(self, rollout: Rollout) -> None:
        rollout.line_up((session.entry for session in self._sessions.by_node.values()), self._link_of)

    def _document(self, release: Release) -> tuple[str, str, int, bytes, bytes]:
        """As `Documents.put` takes it: each release has a scope of its own, so that it stays beside the others."""
        version = release.manifest.counter
        return "firmware", f"release {version}", version, release.data, release.signature

    async def _save(self, rollouts: list[Rollout]) -> None:
        rows = []
        for one in rollouts:
            for node in one.changed:
                way = one.ways[node]
                rows.append(RolloutNodeRow(one.version, node_number(node), way.state, way.reason, int(way.at_s)))
            one.changed = set()
        if rollouts:
            await self._writer.run(self._table.save, [_row(one) for one in rollouts], rows)


def _row(one: Rollout) -> RolloutRow:
    return RolloutRow(
        one.version,
        one.plan.model_dump_json(),
        ",".join(sorted(one.kinds)),
        one.wave,
        one.state,
        one.reason,
        int(one.started_s),
        one.started_by,
    )

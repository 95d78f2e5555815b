"""The page's one timer: looks at the town about once a second, once for all readers, and tells every open page.

Never knows what a page looks like. Time is the snapshot's; the only clock here is the loop's, to sleep by.
Specification: controller/web/README.md, "How it stays cheap".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import structlog

from controller.web.reconciliation import Verdict, judge
from controller.web.scene import Scene
from controller.web.town_plan import TownPlan, draw_plan
from controller.web.wording import Words

if TYPE_CHECKING:
    from controller.services.live import Snapshot

BEAT_S = 0.5
UNWATCHED_BEAT_S = 10.0  # nobody reads

log = structlog.get_logger("page")


@dataclass(slots=True)
class Moment:
    """One look at the town. Scenes are composed when the first reader of their language asks."""

    snapshot: Snapshot
    verdict: Verdict
    plan: TownPlan
    scenes: Mapping[str, Scene]


class LiveTown(Protocol):
    """What the page needs of controller.services.live.Live."""

    def now_s(self) -> float:
        """The controller's clock."""

    def snapshot(self) -> Snapshot:
        """The town now; the same object while nothing changed."""


class Reader(Protocol):
    """An open page."""

    def show(self, moment: Moment) -> None:
        """Bring the page up to this moment."""


class _Scenes(dict[str, Scene]):
    """Scenes by language, each composed when it is first asked for."""

    def __init__(self, snapshot: Snapshot, verdict: Verdict, plan: TownPlan, words: Mapping[str, Words]):
        super().__init__()
        self._given = (snapshot, verdict, plan.colours)
        self._words = words

    def __missing__(self, language: str) -> Scene:
        scene = self[language] = Scene(*self._given, self._words[language])
        return scene


@dataclass(slots=True)
class Pulse:
    """Beats while the application runs."""

    live: LiveTown
    words: Mapping[str, Words]
    readers: set[Reader] = field(default_factory=set)
    _plan: TownPlan | None = None
    _drawn: tuple[object, object] | None = None
    _moment: Moment | None = None
    _watched: asyncio.Event = field(default_factory=asyncio.Event)

    def moment(self) -> Moment:
        """The latest look, for a page that is just being built."""
        return self._moment if self._moment and self.readers else self.look()

    def look(self) -> Moment:
        """Take one snapshot."""
        snapshot = replace(self.live.snapshot(), time_s=self.live.now_s())  # a quiet town's snapshot stands still
        verdict = judge(snapshot.ledger)
        plan = self.plan(snapshot)
        self._moment = Moment(snapshot, verdict, plan, _Scenes(snapshot, verdict, plan, self.words))
        return self._moment

    def plan(self, snapshot: Snapshot) -> TownPlan:
        """The plan of this snapshot, drawn anew only when lines or stops changed."""
        drawn = (snapshot.shapes, snapshot.stops)
        if self._plan is None or self._drawn != drawn:
            self._plan, self._drawn = draw_plan(snapshot), drawn
        return self._plan

    def join(self, reader: Reader) -> None:
        """A page was opened, or found us again: show it now and tell it from now on."""
        self.readers.add(reader)
        if len(self.readers) == 1:
            self._watched.set()  # the last look may be old
        else:
            self._tell(reader, self._moment or self.look())

    def leave(self, reader: Reader) -> None:
        """A page went away."""
        self.readers.discard(reader)

    def beat(self) -> None:
        """Look once and tell every reader. A fault of ours is logged and never reaches the controller."""
        try:
            moment = self.look()
        except Exception:
            log.exception("the page could not look at the town")
            return
        for reader in tuple(self.readers):
            self._tell(reader, moment)

    def _tell(self, reader: Reader, moment: Moment) -> None:
        try:
            reader.show(moment)
        except Exception:
            log.exception("a page could not be brought up to date")

    async def run(self) -> None:
        """Beat until cancelled, without drifting."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            self._watched.clear()
            self.beat()
            due_s = max(due_s + (BEAT_S if self.readers else UNWATCHED_BEAT_S), loop.time())
            try:
                async with asyncio.timeout_at(due_s):
                    await self._watched.wait()
                due_s = loop.time()
            except TimeoutError:
                pass

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Beat as long as the context lasts."""
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(self.run(), name="page pulse")
            try:
                yield
            finally:
                beating.cancel()

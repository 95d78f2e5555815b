"""Virtual time for many at once: whoever is due first acts first, one after the other, so that equal runs are equal.
It must never know what acts in it, nor read the machine's clock.
Specification: README.md beside this file, "Time"; conservative discrete-event simulation.
"""

import heapq
from collections.abc import Callable
from typing import Protocol

from emulation.peripherals.clock import AlarmQueue, PendingAlarm

LAUNCH_UTC_US = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC: the same at every launch, so that runs repeat
NEVER_US = 1 << 60


class Actor(Protocol):
    """Something that acts at moments of its own; whatever changes its `due_us` touches the world.

    `ahead_us` is how far it may run ahead of the others; what is for it then reaches it that much later.
    """

    ahead_us: int

    def due_us(self) -> int:
        """When it wants to act next, NEVER_US: only when others have woken it."""
        ...

    def act(self, free_until_us: int) -> None:
        """Act at the world's time. Nobody else will reach it before `free_until_us`."""
        ...


class World:
    """`seed` is what everybody's chance comes from."""

    def __init__(self, *, seed: int = 0, utc_us: int = LAUNCH_UTC_US) -> None:
        self.seed = seed
        self._utc_us = utc_us
        self._now_us = 0
        self._alarms = AlarmQueue()
        self._order: dict[Actor, int] = {}
        self._due: dict[Actor, int] = {}
        self._queue: list[tuple[int, int, Actor]] = []

    def now_us(self) -> int:
        return self._now_us

    def utc_us(self) -> int:
        return self._utc_us + self._now_us

    def call_at(self, at_us: int, action: Callable[[], None]) -> PendingAlarm:
        """Between the actors; of one moment, alarms come first."""
        return self._alarms.add(max(at_us, self._now_us), action)

    def join(self, actor: Actor) -> None:
        self._order[actor] = len(self._order)
        self.touch(actor)

    def touch(self, actor: Actor) -> None:
        """It may be due at another time than before."""
        due_us = actor.due_us()
        if self._due.get(actor) != due_us:
            self._due[actor] = due_us
            heapq.heappush(self._queue, (due_us, self._order[actor], actor))

    def run_until(self, end_us: int, seen: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass until `seen`, or until `end_us`: then False."""
        while not seen():
            due_us = self._next_us()
            if due_us > end_us:
                self._now_us = max(self._now_us, end_us)
                return False
            self._now_us = max(self._now_us, due_us)
            if self._alarms.next_us() == due_us:
                self._alarms.run_due(due_us)
                continue
            actor = heapq.heappop(self._queue)[2]
            del self._due[actor]
            actor.act(min(self._next_us() + actor.ahead_us, end_us))
            self.touch(actor)
        return True

    def _next_us(self) -> int:
        queue = self._queue
        while queue and self._due.get(queue[0][2]) != queue[0][0]:
            heapq.heappop(queue)  # it was touched since
        actor_us = queue[0][0] if queue else NEVER_US
        alarm_us = self._alarms.next_us()
        return actor_us if alarm_us is None else min(alarm_us, actor_us)

"""Alarms in the order of their time, and a clock that moves only when it is told to.
It must never read the machine's clock: a lane that runs in real time asks its own and calls `run_due`.
Specification: `ports.Clock`.
"""

import heapq
from collections.abc import Callable


class PendingAlarm:
    __slots__ = ("action", "at_us")

    def __init__(self, at_us: int, action: Callable[[], None]) -> None:
        self.at_us = at_us
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class AlarmQueue:
    def __init__(self) -> None:
        self._heap: list[tuple[int, int, PendingAlarm]] = []
        self._added = 0

    def add(self, at_us: int, action: Callable[[], None]) -> PendingAlarm:
        alarm = PendingAlarm(at_us, action)
        self._added += 1  # equal times run in the order in which they were asked for
        heapq.heappush(self._heap, (at_us, self._added, alarm))
        return alarm

    def next_us(self) -> int | None:
        """When the next alarm is due, None when there is none."""
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run_due(self, now_us: int) -> None:
        while (due_us := self.next_us()) is not None and due_us <= now_us:
            alarm = heapq.heappop(self._heap)[2]
            action, alarm.action = alarm.action, None
            if action is not None:
                action()


class ManualClock:
    def __init__(self, utc_us: int = 0) -> None:
        self._now_us = 0
        self._utc_us = utc_us
        self._alarms = AlarmQueue()

    def now_us(self) -> int:
        return self._now_us

    def utc_us(self) -> int:
        return self._utc_us + self._now_us

    def call_at(self, at_us: int, action: Callable[[], None]) -> PendingAlarm:
        return self._alarms.add(max(at_us, self._now_us), action)

    def advance(self, us: int) -> None:
        """Let `us` microseconds pass; alarms see the very time they asked for."""
        end_us = self._now_us + us
        while (due_us := self._alarms.next_us()) is not None and due_us <= end_us:
            self._now_us = due_us
            self._alarms.run_due(due_us)
        self._now_us = end_us

"""A node's clock in virtual time, and the alarms of its peripherals: they see the very microsecond they asked for.
It must never read the machine's clock.
Specification: emulation/peripherals/ports.py (Clock).
"""

from collections.abc import Callable

from emulation.peripherals.clock import AlarmQueue, PendingAlarm


class NodeClock:
    """`utc_us` is what a satellite tells at microsecond 0 of the world."""

    def __init__(self, now_us: int, utc_us: int) -> None:
        self._now_us = now_us
        self._utc_us = utc_us
        self._alarms = AlarmQueue()

    def now_us(self) -> int:
        return self._now_us

    def utc_us(self) -> int:
        return self._utc_us + self._now_us

    def call_at(self, at_us: int, action: Callable[[], None]) -> PendingAlarm:
        return self._alarms.add(max(at_us, self._now_us), action)

    def next_us(self) -> int | None:
        """When the next alarm is due, None when there is none."""
        return self._alarms.next_us()

    def advance_to(self, us: int) -> None:
        """Let time pass up to `us`, which may be past already: a busy node is reached when it is busy no more."""
        while (due_us := self._alarms.next_us()) is not None and due_us <= us:
            self._now_us = max(self._now_us, due_us)
            self._alarms.run_due(due_us)
        self._now_us = max(self._now_us, us)

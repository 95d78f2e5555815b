"""A meter's pulse contact to ground, with contacts that bounce: the level is 0 while it is closed, 1 at rest.
It must never know which input reads it nor what a pulse is worth.
Specification: EN 62053-31 (S0: closed and open for 30 ms at least); reed contacts bounce for some milliseconds.
"""

from emulation.peripherals.ports import Clock

SECOND_US = 1_000_000
BOUNCE_US = 400  # each closing and opening while it bounces


class PulseContact:
    """`emitted` are the pulses so far."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._closed = False
        self.emitted = 0

    def level(self) -> int:
        return 0 if self._closed else 1

    def pulses(self) -> int:
        """For a board that counts by itself."""
        return self.emitted

    def emit(self, count: int, per_second: float, bounce_us: int = 0) -> None:
        """So many pulses from now on, each closed for half of its time; each change bounces for so long."""
        half_us = int(SECOND_US / per_second / 2)
        for half in range(2 * count):
            self._change_at(self._clock.now_us() + half * half_us, half % 2 == 0, bounce_us)

    def _change_at(self, at_us: int, closed: bool, bounce_us: int) -> None:
        turns = bounce_us // BOUNCE_US // 2 * 2  # an even number of turns leaves it as it shall be
        for turn in range(turns + 1):
            self._clock.call_at(at_us + turn * BOUNCE_US, lambda level=closed ^ turn % 2: self._set(level))  # type: ignore[misc]
        if closed:
            self._clock.call_at(at_us, self._count)

    def _set(self, closed: bool) -> None:
        self._closed = bool(closed)

    def _count(self) -> None:
        self.emitted += 1

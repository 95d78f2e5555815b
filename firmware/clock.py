"""What time it is on a node: monotonic milliseconds always, UTC as soon as a receiver or the controller has told it.

Never sleeps, and never believes a time that runs against a better source.
Specification: protocols/wire/record.py, "clock quality"; MicroPython time.ticks_ms wraps.
"""

import time

from protocols.wire.record import CLOCK_HELD, CLOCK_UNSET

EARLIEST_MS = 1_704_067_200_000  # 2024-01-01: whoever tells an earlier time has no clock
LATEST_MS = 0xFFFFFFFF * 1000  # a record's time field
FRESH_MS = 600_000  # a source that was silent for longer leaves the time CLOCK_HELD
STEP_MS = 2_000  # a correction worth an event


class Clock:
    """`ticks_ms` and `ticks_diff` are time's, or a test's. Call monotonic_ms() at least once in half a wrap."""

    def __init__(self, ticks_ms=time.ticks_ms, ticks_diff=time.ticks_diff):
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._last_ticks = ticks_ms()
        self._monotonic_ms = 0
        self._utc_at_zero_ms = 0
        self._quality = CLOCK_UNSET
        self._told_at_ms = 0

    def monotonic_ms(self):
        """Milliseconds since this object was made; never steps, never wraps."""
        ticks = self._ticks_ms()
        self._monotonic_ms += self._ticks_diff(ticks, self._last_ticks)
        self._last_ticks = ticks
        return self._monotonic_ms

    def utc_ms(self):
        """Unix time in milliseconds, None before anybody told it."""
        if self._quality == CLOCK_UNSET:
            return None
        return self._utc_at_zero_ms + self.monotonic_ms()

    def utc_s(self):
        """Unix time in seconds, None before anybody told it."""
        now_ms = self.utc_ms()
        return None if now_ms is None else now_ms // 1000

    def quality(self):
        """CLOCK_UNSET, CLOCK_HELD, or the source that told the time lately."""
        if self._quality != CLOCK_UNSET and self.monotonic_ms() - self._told_at_ms > FRESH_MS:
            return CLOCK_HELD
        return self._quality

    def stamp(self):
        """(clock quality, milliseconds) for a record: Unix time, or the uptime while CLOCK_UNSET."""
        if self._quality == CLOCK_UNSET:
            return CLOCK_UNSET, self.monotonic_ms()
        return self.quality(), self.utc_ms()

    def tell(self, source, utc_ms):
        """A source (CLOCK_RECEIPT or CLOCK_GNSS) says what time it is now.

        Returns the correction in milliseconds when it was a step worth an event, else 0.
        """
        if not EARLIEST_MS <= utc_ms <= LATEST_MS:
            return 0
        if source < self._quality and self.quality() != CLOCK_HELD:
            return 0
        now_ms = self.monotonic_ms()
        step = 0 if self._quality == CLOCK_UNSET else utc_ms - now_ms - self._utc_at_zero_ms
        self._utc_at_zero_ms = utc_ms - now_ms
        self._quality = source
        self._told_at_ms = now_ms
        return step if abs(step) > STEP_MS else 0

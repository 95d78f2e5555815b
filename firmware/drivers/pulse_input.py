"""A contact to ground on an input, however it bounces: a meter's pulses, counted, or a cover that opens and closes.

It must never know what a pulse is worth; it is handed a machine.Pin.
Spec: machine.Pin.value; EN 62053-31 (S0: closed and open for 30 ms at least), so 20 pulses a second are in reach.
"""

import asyncio

LOOK_MS = 8  # a level that two looks in a row do not see is a bounce


class PulseInput:
    """`count` grows with each closing; `closed` is None until the level has been steady once."""

    def __init__(self, pin):
        self._pin = pin
        self._last = None
        self.closed = None
        self.count = 0

    async def watch(self, on_change=None, look_ms=LOOK_MS):
        """Look for ever; on_change() after each change that was no bounce, and once at the start."""
        while True:
            if self.look() and on_change:
                on_change()
            await asyncio.sleep_ms(look_ms)

    def look(self):
        """True when the level has changed for good."""
        closed = self._pin.value() == 0
        steady = closed == self._last
        self._last = closed
        if not steady or closed == self.closed:
            return False
        self.count += closed and self.closed is not None  # closed from the start is no pulse
        self.closed = closed
        return True

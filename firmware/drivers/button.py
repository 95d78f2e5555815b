"""A push button on an input: one press is one press, however its contacts bounce.

It must never know what a press means; it is handed a machine.Pin.
Spec: machine.Pin.value; mechanical contacts settle within 5 to 20 ms.
"""

import asyncio

POLL_MS = 30  # a short press by a person lasts 100 ms and more
STEADY = 2  # equal readings in a row


class Button:
    """A button that closes to ground reads 0 while it is held: active=0."""

    def __init__(self, pin, active: int = 0, poll_ms: int = POLL_MS):
        self._pin = pin
        self._active = active
        self._poll_ms = poll_ms

    async def pressed(self):
        """Returns when the button has been let go (if it was held) and then pressed."""
        await self._steady(1 - self._active)
        await self._steady(self._active)

    async def _steady(self, level):
        seen = 0
        while seen < STEADY:
            await asyncio.sleep_ms(self._poll_ms)
            seen = seen + 1 if self._pin.value() == level else 0

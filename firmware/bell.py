"""A bell: one task sleeps until it rings or its time is up.

Never keeps the time that is left; what rings before somebody sleeps is heard at once. `asyncio.wait_for_ms()` over an
Event does the same with two more tasks each time, which is most of what a node that only waits would compute.
Spec: MicroPython's extmod/asyncio, where Event moves tasks between queues in the same way.
"""

import asyncio
from asyncio import core  # pyright: ignore[reportAttributeAccessIssue] - the stubs lack it


class Bell:
    def __init__(self):
        self.has_rung = False
        self._sleeper = None

    def ring(self):
        """From a task, not from an interrupt."""
        self.has_rung = True
        # One with data was cancelled, and is on its way with that.
        if self._sleeper and not self._sleeper.data:  # pyright: ignore[reportAttributeAccessIssue] - the stubs lack it
            core._task_queue.remove(self._sleeper)
            core._task_queue.push(self._sleeper)
            self._sleeper = None

    async def wait_ms(self, most_ms):
        """True when it has rung since the last time, False when `most_ms` have passed."""
        if not self.has_rung:
            self._sleeper = asyncio.current_task()
            try:
                await asyncio.sleep_ms(most_ms)
            finally:
                self._sleeper = None
        rung, self.has_rung = self.has_rung, False
        return rung

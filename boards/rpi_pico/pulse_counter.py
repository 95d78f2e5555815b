"""Counts how often a contact closes a pin to ground, by interrupts, however it bounces: as much of machine.Counter as
is used, which this port has not. It must never know what a pulse is worth.
Specification: MicroPython's `machine.Counter`, `machine.Pin.irq`; EN 62053-31 (S0: closed and open for 30 ms at least).

While flash is erased interrupts are off: of the edges of those 45 ms the chip remembers only that there were some.
That is enough for one pulse, if the contact lay still before: flash is erased while at_rest().
"""

import time

BOUNCE_MS = 5  # an edge so soon after another is a bounce
JUST_OPENED_MS = 15  # of 20 pulses a second the next one begins 25 ms after the last one ended
STILL_MS = 200  # so long without an edge: what comes next is no quick train of pulses


class PulseCounter:
    def __init__(self, pin):
        self._count = 0
        self._open = pin.value()
        self._last_ms = time.ticks_ms()
        pin.irq(self._edge, pin.IRQ_FALLING | pin.IRQ_RISING, hard=True)  # a soft one comes late, or not at all

    def value(self):
        return self._count

    def at_rest(self):
        """No more than one pulse begins in the next 45 ms."""
        still_ms = self._still_ms()
        return not 0 <= still_ms < STILL_MS or (self._open and BOUNCE_MS <= still_ms < JUST_OPENED_MS)

    def _still_ms(self):
        """Since the last edge; negative after six days, when the ticks have gone half round."""
        return time.ticks_diff(time.ticks_ms(), self._last_ms)

    def _edge(self, pin):
        """In the interrupt, where nothing may be allocated: the first edge after a rest ends what was before it."""
        if self._open and not 0 <= self._still_ms() < BOUNCE_MS:
            self._count += 1
        self._last_ms = time.ticks_ms()
        self._open = pin.value()

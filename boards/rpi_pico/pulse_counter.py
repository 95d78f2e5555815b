"""Counts the falling edges of a pin by interrupts: as much of machine.Counter as is used, which this port has not.
It must never know what a pulse is worth.
Specification: MicroPython's `machine.Counter` and `machine.Pin.irq`.
"""

import time

BOUNCE_MS = 5  # an edge so soon after another is the same contact


class PulseCounter:
    def __init__(self, pin):
        self._count = 0
        self._last_ms = time.ticks_ms()
        self._pin = pin
        pin.irq(self._pulse, pin.IRQ_FALLING)

    def value(self):
        return self._count

    def _pulse(self, _pin):
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._last_ms) >= BOUNCE_MS:
            self._count += 1
        self._last_ms = now_ms

"""The simulated board's counter of a meter's pulses: nothing turns interrupts off here, so it may always be disturbed.
It must never know what a pulse is worth.
Specification: MicroPython's `machine.Counter`; boards/README.md, `pulse_inputs()`.
"""

import machine


class PulseCounter(machine.Counter):  # pyright: ignore[reportAttributeAccessIssue] - our own, unknown to the stubs
    def at_rest(self):
        return True

"""Wind from a cup anemometer that gives pulses and a vane that is a potentiometer; the mean of both over a time.

It must never read a pin or an input: pulse counts and microvolts are handed in.
Spec: design, domain.md "Wind": the vector is averaged for the direction, the scalar for the speed; calm has none.
"""

from math import atan2, cos, pi, sin

CALM_CMPS = 50
TURN_DDEG = 3600


def speed_cmps(pulses: int, elapsed_ms: int, mm_a_pulse: int) -> int:
    """0.01 m/s; mm_a_pulse is the way of the wind between two pulses, from the anemometer's sheet."""
    return pulses * mm_a_pulse * 100 // elapsed_ms


def direction_ddeg(vane_uv: int, full_uv: int) -> int:
    """Where the wind comes from in 0.1°, clockwise from north, of a vane that gives 0 to full_uv in one turn."""
    return min(max(vane_uv, 0), full_uv) * TURN_DDEG // full_uv % TURN_DDEG


class WindVector:
    """The mean direction of the seconds that had one."""

    def __init__(self):
        self.count = 0
        self._east = 0.0
        self._north = 0.0

    def add(self, cmps, ddeg):
        """One second; a calm one has no direction."""
        if cmps < CALM_CMPS:
            return
        angle = ddeg * (2 * pi / TURN_DDEG)
        self.count += 1
        self._east += cmps * sin(angle)
        self._north += cmps * cos(angle)

    def direction_ddeg(self) -> int:
        """0.1°; of no use while count is 0."""
        return int(atan2(self._east, self._north) * (TURN_DDEG / (2 * pi)) + TURN_DDEG + 0.5) % TURN_DDEG

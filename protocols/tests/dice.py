"""Chance that is the same on every interpreter, and bytes damaged by it.

Runs on CPython and on MicroPython.
Specification: a linear congruential generator (Numerical Recipes).
"""


class Dice:
    """The same seed throws the same."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, limit: int) -> int:
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 8) % limit

    def noise(self, count: int) -> bytes:
        return bytes([self.below(256) for _ in range(count)])

    def damaged(self, data: bytes) -> bytes:
        """Flips, drops, doubles, inserts and cuts some of the bytes."""
        left = bytearray(data)
        for _ in range(1 + self.below(3)):
            at = self.below(len(left) + 1)
            what = self.below(5)
            if what == 0 and at < len(left):
                left[at] ^= 1 << self.below(8)
            elif what == 1:
                left = left[:at] + left[at + 1 :]
            elif what == 2:
                left = left[:at] + left[at : at + 4] + left[at:]
            elif what == 3:
                left = left[:at] + self.noise(1 + self.below(3)) + left[at:]
            else:
                left = left[:at]
        return bytes(left)

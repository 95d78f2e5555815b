"""When one presentation of a medium ends and the next begins, and which rides were counted a moment ago.

Never reads a card and never keeps anything longer than it lies on the reader or than the repeat time.
Specification: design, domain.md: "one presentation, one record"; ISO/IEC 14443-3 (random UIDs).
"""

from firmware.drivers.iso14443 import uid_is_random

GONE_AFTER = 2  # looks at an empty field: a medium at its edge is missed now and then
MOST_RECENT = 32
RANDOM = b"random"  # a phone may show another UID at every activation, and still be the same phone


class Presentation:
    """Fed with what each look at the field has found."""

    def __init__(self):
        self._uid = b""
        self._misses = 0

    @property
    def is_over(self):
        return not self._uid

    def begins_with(self, target):
        """Whether this look, a Target or None, is the first of a presentation."""
        if target is None:
            self._misses += 1
            if self._misses >= GONE_AFTER:
                self._uid = b""
            return False
        self._misses = 0
        uid = RANDOM if uid_is_random(target) else target.uid
        is_new = uid != self._uid
        self._uid = uid
        return is_new

    def forget(self):
        """Nothing was decided on: the next look begins anew."""
        self._uid = b""


class RecentRides:
    """Tokens of the last `repeat_ms`, for the suppression of repeats."""

    def __init__(self, repeat_ms):
        self._repeat_ms = repeat_ms
        self._rides = []  # (token, ms)

    def has(self, token, now_ms):
        self._rides = [ride for ride in self._rides if now_ms - ride[1] < self._repeat_ms]
        return any(ride[0] == token for ride in self._rides)

    def add(self, token, now_ms):
        """Count the token as seen now."""
        self._rides.append((token, now_ms))
        if len(self._rides) > MOST_RECENT:
            self._rides.pop(0)

"""How often somebody may ask: a bucket a key that fills with time, and forgets who has not come for long.

Never reads a clock of its own and never knows what is asked.
Specification: token bucket; README.md beside this file, "Limits".
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

MAX_KEYS = 10_000


class Rate:
    """`burst` calls at once, then `per_s` a second, for each key."""

    def __init__(self, per_s: float, burst: float, now_s: Callable[[], float]) -> None:
        self._per_s = per_s
        self._burst = burst
        self._now_s = now_s
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # key -> calls left, when

    def allow(self, key: str) -> bool:
        """Count one call; False: too many."""
        now_s = self._now_s()
        left, then_s = self._left.pop(key, (self._burst, now_s))
        left = min(self._burst, left + max(0.0, now_s - then_s) * self._per_s)
        self._left[key] = (left - 1 if left >= 1 else left, now_s)
        if len(self._left) > MAX_KEYS:
            self._left.popitem(last=False)
        return left >= 1

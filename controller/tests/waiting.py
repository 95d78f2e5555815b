"""Waiting in tests: for something that comes true by itself, never for longer than it may take.

Never asserts anything but that it came.
Specification: none; a poll is the honest way to watch another process.
"""

import asyncio
from collections.abc import Callable

STEP_S = 0.002


async def until(is_so: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Return as soon as `is_so()`; fail after `timeout_s`."""
    for _ in range(int(timeout_s / STEP_S)):
        if is_so():
            return
        await asyncio.sleep(STEP_S)
    raise AssertionError(f"not within {timeout_s} s")

"""MicroPython's `os` with chance that can be repeated: the node's seed and a counter, hashed.
It must never ask the host for randomness.
Specification: MicroPython's documentation of `os`; the emulator gives each start of a node its own seed.
"""

# ruff: noqa: F403 (a facade: what is imported here is what `os` offers)
import hashlib

from uos import *

_seed = getenv("VUZOL_SEED") or "0"  # noqa: F405
_drawn = 0


def urandom(n):
    global _drawn
    data = b""
    while len(data) < n:
        _drawn += 1
        data += hashlib.sha256(b"%s %d" % (_seed.encode(), _drawn)).digest()
    return data[:n]

"""Passwords: argon2id in a small pool of its own, behind everything else that the machine has to do.

Never keeps a password and never tells one; a name that nobody has costs as much as a wrong password.
Specification: RFC 9106; OWASP Password Storage (argon2id, 46 MiB, one pass, one lane); NIST SP 800-63B, 5.1.1.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from controller.access.refused import Refused

T = TypeVar("T")

MIN_LETTERS, MAX_LETTERS = 12, 256
MAX_WAITING = 8
NICE = 10  # of the hashing thread: ingest goes first
_HASHER = PasswordHasher(time_cost=1, memory_cost=46 << 10, parallelism=1)


def hashed(password: str, name: str) -> str:
    """What is kept of a new password; takes some 50 ms. Raises Refused for one that is too weak."""
    if not MIN_LETTERS <= len(password) <= MAX_LETTERS:
        raise Refused(422, f"a password has {MIN_LETTERS} to {MAX_LETTERS} letters: choose a longer sentence")
    if name in password.lower() or len(set(password)) < MIN_LETTERS // 2:
        raise Refused(422, "this password is too easy to guess: choose a sentence without the name")
    return _HASHER.hash(password)


def fits(kept: str, password: str) -> bool:
    """Whether this is the password behind `kept`; empty: nobody's, and it takes as long."""
    try:
        _HASHER.verify(kept or _NOBODYS, password)
    except VerificationError:
        return False
    return bool(kept)


_NOBODYS = _HASHER.hash(os.urandom(16).hex())


class Passwords:
    """Hashing off the event loop, one at a time; who would wait long is told to come again."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "passwords", initializer=_step_back)
        self._waiting = 0

    async def hashed(self, password: str, name: str) -> str:
        """As `hashed`. Raises Refused as well when too many wait."""
        return await self._run(hashed, password, name)

    async def fits(self, kept: str, password: str) -> bool:
        """As `fits`. Raises Refused when too many wait."""
        return await self._run(fits, kept, password)

    async def _run(self, call: Callable[[str, str], T], one: str, other: str) -> T:
        if self._waiting >= MAX_WAITING:
            raise Refused(503, "too many people log in at this moment: try again in a few seconds")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call, one, other)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Wait for what was begun."""
        self._thread.shutdown()


def _step_back() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)

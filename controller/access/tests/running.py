"""A real controller in the test's own loop, with people in it: asked over its socket, and looked into.

Never replaces a part: controller.app composes it, on a database, a broker and a port of its own.
Specification: controller/app.py; access/README.md.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller import app as composition
from controller.access.access import COOKIE, Access
from controller.access.actor import ROLES
from controller.access.guard import Guard
from controller.access.passwords import hashed
from controller.access.tokens import hash_of
from controller.config import load
from controller.tests.peer import make_entry
from controller.tests.process import PORTS, write_files
from controller.tests.waiting import until

PASSWORD = "correct horse battery"
SEVEN = tuple(ROLES)


@dataclass
class House:
    """The running controller: its address, its guard, and access."""

    url: str
    guard: Guard
    access: Access
    folder: Path

    async def login(self, name: str) -> dict[str, str]:
        """The cookie of somebody who has just logged in (the password's part of it is test_logins.py's)."""
        cookie = f"cookie of {name} {len(self.access.logins.of(name))}".replace(" ", "-")
        await self.access.write(self.access.logins._begin, name, hash_of(cookie))
        return {COOKIE: cookie}

    def asking_within(self) -> httpx.AsyncClient:
        """A client of the same application without a socket: for many requests."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.guard), base_url=self.url)

    @contextlib.asynccontextmanager
    async def asking(self, **how: Any) -> AsyncIterator[httpx.AsyncClient]:
        """A client over the real socket."""
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=30, **how) as client:
            yield client


@contextlib.asynccontextmanager
async def running(folder: Path, monkeypatch: pytest.MonkeyPatch, toml: str = "") -> AsyncIterator[House]:
    """Started, with a person for every role who is called as it, ended in order."""
    guards: list[Guard] = []

    class Seen(Guard):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            guards.append(self)

    monkeypatch.setattr(composition, "Guard", Seen)
    config = load(write_files(folder, [make_entry()], PORTS, toml), {})
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(composition.run(config, stop))
        ready = folder / "data" / "ready.json"
        try:
            await until(ready.exists)
            access = guards[0]._door
            assert isinstance(access, Access)
            kept = hashed(PASSWORD, "somebody")
            for name in ("administrator", *SEVEN):
                if name not in {person.name for person in access.people.all()}:
                    await access.write(access.people.add, name, [name], kept)
            yield House(httpx.Response(200, content=ready.read_bytes()).json()["url"], guards[0], access, folder)
        finally:
            stop.set()

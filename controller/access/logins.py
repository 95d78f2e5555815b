"""Logins: a name, a password and perhaps a code become a cookie; a cookie is somebody until it has idled or aged out.

Never keeps a cookie, only its SHA-256. Every try counts before it is looked at, so that guessing in parallel gains
nothing; the wait doubles with each, for names that nobody has as well.
Specification: README.md beside this file, "Logins"; OWASP Session Management.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import NamedTuple

from controller.access.actor import Actor
from controller.access.database import AccessDatabase
from controller.access.passwords import Passwords
from controller.access.people import NAME, People, Secrets
from controller.access.refused import Refused
from controller.access.tokens import hash_of
from controller.access.totp import step_of
from controller.config import AccessConfig
from controller.store.writing import WriterThread

FREE_TRIES = 3
MAX_WAIT_S = 900
FORGET_TRIES_S = 86_400
KEEP_SEEN_S = 5.0  # an idle time may be short by so much after a crash
WRONG = "name, password or code is wrong"


class CodeNeeded(Refused):
    """The password is right, and this person has a second factor."""

    def __init__(self) -> None:
        super().__init__(401, "send the code of your authenticator too")


class LoginRow(NamedTuple):
    """A login that lasts."""

    key: bytes
    person: str
    begun_s: int
    seen_s: int


class TooManyTries(Refused):
    """Of a name or of an address: nothing is looked at for so long."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(429, f"too many wrong tries: wait {wait_s} s")
        self.wait_s = wait_s


class Logins:
    """`actor` asks the database every time: what another process locks or ends is ended at once."""

    def __init__(
        self,
        database: AccessDatabase,
        writer: WriterThread,
        people: People,
        passwords: Passwords,
        config: AccessConfig,
        now_s: Callable[[], float],
    ) -> None:
        self._database = database
        self._writer = writer
        self._people = people
        self._passwords = passwords
        self._idle_s = config.idle_minutes * 60
        self._whole_s = config.login_hours * 3600
        self._at_once = config.logins_per_person
        self._now_s = now_s
        self._seen: set[bytes] = set()

    async def log_in(self, name: str, password: str, code: str) -> str:
        """The new cookie's value. Raises Refused."""
        name = name if NAME.fullmatch(name) else ""
        kept = await self._try(name, password)
        if kept.totp:
            if not code:
                raise CodeNeeded
            step = step_of(self._people.second_factor(name, kept), code, self._now_s())
            if step is None or not await self._writer.run(self._people.use_totp, name, step):
                raise Refused(401, WRONG)
        cookie = secrets.token_urlsafe(32)
        await self._writer.run(self._forget_tries, name)
        await self._writer.run(self._begin, name, hash_of(cookie))
        return cookie

    async def prove(self, name: str, password: str) -> None:
        """Somebody who is logged in says the password again. Raises Refused."""
        await self._try(name, password)
        await self._writer.run(self._forget_tries, name)

    async def _try(self, name: str, password: str) -> Secrets:
        await self._writer.run(self._begin_try, name)
        kept = self._people.secrets(name)
        if not await self._passwords.fits(kept.password, password):
            raise Refused(401, WRONG)
        return kept

    def actor(self, key: bytes) -> Actor | None:
        """Who this login is now; None: nobody any more."""
        now_s = self._now_s()
        rows = self._database.read(
            "SELECT name, roles FROM login JOIN person ON name = person"
            " WHERE sha256 = ? AND begun_s > ? AND (seen_s > ? OR ?) AND NOT locked",
            key,
            now_s - self._whole_s,
            now_s - self._idle_s,
            key in self._seen,
        )
        return Actor(rows[0][0], frozenset(rows[0][1].split()), "user") if rows else None

    def seen(self, key: bytes) -> None:
        """Its person did something."""
        self._seen.add(key)

    async def end(self, key: bytes) -> None:
        """Log out."""
        await self._writer.run(self._end, key)

    def of(self, name: str) -> list[LoginRow]:
        """Where somebody is logged in, the latest first."""
        rows = self._database.read(
            "SELECT sha256, person, begun_s, seen_s FROM login WHERE person = ? ORDER BY seen_s DESC", name
        )
        return [LoginRow(*row) for row in rows if self.actor(bytes(row[0]))]

    async def keep_seen(self) -> None:
        """Write down now and then who was active; runs until cancelled."""
        while True:
            await asyncio.sleep(KEEP_SEEN_S)
            if self._seen:
                await self._writer.run(self._write_seen)

    # --- the writer thread

    def _begin_try(self, name: str) -> None:
        now_s = int(self._now_s())
        with self._database.writing() as db:
            row = db.execute("SELECT tries, retry_s FROM login_try WHERE name = ?", (name,)).fetchone()
            tries, retry_s = row or (0, 0)
            if now_s < retry_s:
                raise TooManyTries(retry_s - now_s)
            wait_s = min(MAX_WAIT_S, 2 ** (tries + 1 - FREE_TRIES)) if tries + 1 >= FREE_TRIES else 0
            db.execute("INSERT OR REPLACE INTO login_try VALUES (?, ?, ?)", (name, tries + 1, now_s + wait_s))
            db.execute("DELETE FROM login_try WHERE retry_s < ?", (now_s - FORGET_TRIES_S,))

    def _forget_tries(self, name: str) -> None:
        with self._database.writing() as db:
            db.execute("DELETE FROM login_try WHERE name = ?", (name,))

    def _begin(self, name: str, key: bytes) -> None:
        now_s = int(self._now_s())
        with self._database.writing() as db:
            db.execute("DELETE FROM login WHERE begun_s <= ?", (now_s - self._whole_s,))
            db.execute(
                "DELETE FROM login WHERE person = ? AND sha256 NOT IN"
                " (SELECT sha256 FROM login WHERE person = ? ORDER BY seen_s DESC, id DESC LIMIT ?)",
                (name, name, self._at_once - 1),
            )
            db.execute(
                "INSERT INTO login (sha256, person, begun_s, seen_s) VALUES (?, ?, ?, ?)", (key, name, now_s, now_s)
            )

    def _end(self, key: bytes) -> None:
        with self._database.writing() as db:
            db.execute("DELETE FROM login WHERE sha256 = ?", (key,))

    def _write_seen(self) -> None:
        now_s, seen = int(self._now_s()), frozenset(self._seen)
        with self._database.writing() as db:
            db.executemany("UPDATE login SET seen_s = ? WHERE sha256 = ?", ((now_s, key) for key in seen))
        self._seen -= seen

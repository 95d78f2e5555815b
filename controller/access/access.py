"""Access put together: people, logins, tokens, audit, proposals on one database, and who stands behind a request.

Never decides what somebody may: table.py does, and guard.py holds to it.
Specification: README.md beside this file.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from controller.access.actor import EVERY_ROLE, OPERATOR, Actor, Caller
from controller.access.audit import Note
from controller.access.audit_log import Audit
from controller.access.database import AccessDatabase
from controller.access.limits import Rate
from controller.access.logins import Logins
from controller.access.open_door import OpenDoor
from controller.access.passwords import Passwords
from controller.access.people import People
from controller.access.proposals import Proposals
from controller.access.syslog import Syslog
from controller.access.tokens import Tokens, hash_of
from controller.config import Config
from controller.registry import load_masters
from controller.secret_files import write_secret
from controller.store.writing import WriterThread

COOKIE = "vuzol_login"
OPERATOR_FILE = "operator.token"
AT_ONCE = 10  # times the calls of a second


class Access:
    """`config.store.path` is a database that SqliteStore has opened and migrated. Raises OSError, ConfigError."""

    def __init__(self, config: Config, writer: WriterThread, now_ms: Callable[[], int]) -> None:
        self.write = writer.run
        self.site = config.site.name
        self.login_s = int(config.access.login_hours * 3600)
        self._syslog = Syslog(config.access.syslog, config.site.name) if config.access.syslog else None
        self._database = AccessDatabase(Path(config.store.path))
        self.passwords = Passwords()

        def now_s() -> float:
            return now_ms() / 1000

        self.now_s = now_s
        self.people = People(self._database, now_s, lambda: load_masters(Path(config.nodes.master_key)))
        self.people.seal_second_factors()
        self.tokens = Tokens(self._database, self.people, now_s)
        self.logins = Logins(self._database, writer, self.people, self.passwords, config.access, now_s)
        self.proposals = Proposals(self._database, writer, now_s)
        self.audit = Audit(self._database, now_ms, self._syslog.send if self._syslog else _tell_nobody)
        self.login_rate = Rate(1 / 6, 10, now_s)  # of one address
        self._rate = Rate(config.access.requests_per_s, AT_ONCE * config.access.requests_per_s, now_s)
        self._open = OpenDoor(config.access.open_as, self.note) if config.access.open_as else None
        data = Path(config.site.data)
        data.mkdir(parents=True, exist_ok=True)
        operator = secrets.token_urlsafe(32)
        self._operator = hash_of(operator)
        write_secret(data / OPERATOR_FILE, operator + "\n")

    def close(self) -> None:
        """Wait for what was begun."""
        self.passwords.close()
        self._database.close()
        if self._syslog:
            self._syslog.close()

    def jobs(self) -> Iterable[Coroutine[Any, Any, None]]:
        """What has to run, each to be owned by the caller's task group."""
        return (self.logins.keep_seen(),)

    async def note(self, note: Note) -> None:
        """Keep it. Raises sqlite3.Error."""
        await self.write(self.audit.add, note)

    def caller(self, headers: Headers) -> Caller | None:
        """Whoever sent these headers: a token before a login, and a wrong token is nobody."""
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        if scheme:
            return self._with_token(hash_of(secret)) if scheme.lower() == "bearer" else None
        key = hash_of(login_cookie(headers))
        if actor := self.logins.actor(key):
            return self._caller(f"login {key.hex()}", actor.name, partial(self.logins.actor, key), key)
        return self._open.caller(headers) if self._open else None

    def _with_token(self, sha256: bytes) -> Caller | None:
        if secrets.compare_digest(sha256, self._operator):
            operator = Actor(OPERATOR, EVERY_ROLE, "local")
            return self._caller(OPERATOR, OPERATOR, lambda: operator)
        actor = self.tokens.actor(sha256)
        return self._caller(f"token {sha256.hex()}", actor.name, partial(self.tokens.actor, sha256)) if actor else None

    def _caller(self, key: str, name: str, still: Callable[[], Actor | None], login: bytes = b"") -> Caller:
        def allow() -> bool:
            if login:
                self.logins.seen(login)
            return self._rate.allow(name)

        return Caller(key, still, allow, self.note)


def login_cookie(headers: Headers) -> str:
    """The login's cookie, "" where there is none."""
    return cookie_parser(headers.get("cookie", "")).get(COOKIE, "")


def _tell_nobody(_: object) -> None:
    """There is no syslog."""

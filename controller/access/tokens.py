"""Tokens: how programs come in. A token is its person, narrowed to some actions, until it expires.

Never keeps a token, only its SHA-256: it is shown once. What its person may not, it may not either.
Specification: README.md beside this file, "Tokens"; RFC 6750 for the header.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from controller.access.actor import Actor
from controller.access.database import AccessDatabase
from controller.access.people import People
from controller.access.refused import Refused
from controller.access.table import ACTIONS

PREFIX = "vuzol_"  # so that a search for leaked secrets finds it
MAX_DAYS = 366
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Token:
    """A token as others may see it."""

    id: int
    person: str
    label: str
    scopes: tuple[str, ...]
    added_s: int
    expires_s: int

    def public(self) -> dict[str, Any]:
        """For answers and the audit."""
        return asdict(self) | {"scopes": list(self.scopes)}


class Tokens:
    """`add` and `revoke` belong to the writer thread."""

    def __init__(self, database: AccessDatabase, people: People, now_s: Callable[[], float]) -> None:
        self._database = database
        self._people = people
        self._now_s = now_s

    def all(self) -> list[Token]:
        """Every token that has not been revoked."""
        rows = self._database.read("SELECT id, person, label, scopes, added_s, expires_s FROM token ORDER BY id")
        return [
            Token(number, person, label, tuple(scopes.split()), *times)
            for number, person, label, scopes, *times in rows
        ]

    def add(self, person: str, label: str, scopes: Iterable[str], days: int) -> tuple[Token, str]:
        """A new one, and its secret for the only time. Raises Refused."""
        self._people.get(person)
        wanted = sorted(set(scopes))
        if not wanted or not set(wanted) <= set(ACTIONS):
            raise Refused(422, f"name one scope or more of {', '.join(ACTIONS)}")
        if not 1 <= days <= MAX_DAYS:
            raise Refused(422, f"a token lasts 1 to {MAX_DAYS} days")
        if not 1 <= len(label) <= 64:
            raise Refused(422, "say in 1 to 64 letters what the token is for")
        secret, now_s = PREFIX + secrets.token_urlsafe(32), int(self._now_s())
        row = (person, label, hash_of(secret), " ".join(wanted), now_s, now_s + days * DAY_S)
        with self._database.writing() as db:
            made = db.execute(
                "INSERT INTO token (person, label, sha256, scopes, added_s, expires_s) VALUES (?, ?, ?, ?, ?, ?)", row
            )
        assert made.lastrowid is not None
        return Token(made.lastrowid, person, label, tuple(wanted), *row[4:]), secret

    def revoke(self, number: int) -> Token:
        """It is over with it at once. Raises Refused."""
        found = [token for token in self.all() if token.id == number]
        if not found:
            raise Refused(404, f"there is no token {number}")
        with self._database.writing() as db:
            db.execute("DELETE FROM token WHERE id = ?", (number,))
        return found[0]

    def actor(self, sha256: bytes) -> Actor | None:
        """Whose token this is now."""
        rows = self._database.read(
            "SELECT name, roles, scopes FROM token JOIN person ON name = person"
            " WHERE sha256 = ? AND expires_s > ? AND NOT locked",
            sha256,
            self._now_s(),
        )
        if not rows:
            return None
        name, roles, scopes = rows[0]
        return Actor(name, frozenset(roles.split()), "token", frozenset(scopes.split()))


def hash_of(secret: str) -> bytes:
    """What is kept of a cookie or a token: 256 random bits need no more than a hash."""
    return hashlib.sha256(secret.encode()).digest()

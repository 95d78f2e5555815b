"""The people: names, roles, what is kept of a password and of a second factor. There is always an administrator left.

Never sees a password, only what argon2id made of it (passwords.py); never lets anybody in (logins.py).
Specification: README.md beside this file; store/migrations/0007_people.sql.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from controller.access import sealed_totp
from controller.access.actor import OPERATOR, ROLES
from controller.access.database import AccessDatabase
from controller.access.refused import Refused
from controller.config import ConfigError
from protocols.sealed_keys import SealBroken

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Person:
    """A person as others may see them."""

    name: str
    roles: frozenset[str]
    logs_in: bool
    has_totp: bool
    locked: bool
    added_s: int

    def public(self) -> dict[str, Any]:
        """For answers and the audit."""
        return asdict(self) | {"roles": sorted(self.roles)}


class Secrets(NamedTuple):
    """What a login is checked against; empty where there is none. `totp` as it is kept: see second_factor()."""

    password: str
    totp: str
    totp_step: int


class People:
    """Calls that change something belong to the writer thread. `masters` reads the master key file, or raises
    ConfigError.
    """

    def __init__(
        self, database: AccessDatabase, now_s: Callable[[], float], masters: Callable[[], Sequence[bytes]]
    ) -> None:
        self._database = database
        self._now_s = now_s
        self._masters = masters

    def all(self) -> list[Person]:
        """Everybody, by name."""
        rows = self._database.read(
            "SELECT name, roles, password != '', totp != '', locked, added_s FROM person ORDER BY name"
        )
        return [_person(row) for row in rows]

    def get(self, name: str) -> Person:
        """One of them. Raises Refused."""
        for person in self.all():
            if person.name == name:
                return person
        raise Refused(404, f"nobody is called {name!r}")

    def secrets(self, name: str) -> Secrets:
        """Of somebody who may log in; empty ones for anybody else."""
        rows = self._database.read("SELECT password, totp, totp_step FROM person WHERE name = ? AND NOT locked", name)
        return Secrets(*rows[0]) if rows else Secrets("", "", 0)

    def second_factor(self, name: str, kept: Secrets) -> str:
        """The secret of somebody's codes. Raises Refused."""
        try:
            return sealed_totp.unseal(self._masters(), name, kept.totp)
        except (SealBroken, ConfigError) as error:
            raise Refused(503, str(error)) from None

    def seal_second_factors(self) -> None:
        """Those that lie open since an older version. Raises ConfigError."""
        with self._database.writing() as db:
            sealed_totp.seal_all(db, self._masters())

    def add(self, name: str, roles: Iterable[str], password: str) -> Person:
        """Somebody new; `password` is hashed already, empty for one who has tokens only. Raises Refused."""
        if not NAME.fullmatch(name) or name == OPERATOR:
            raise Refused(422, "a name is 1 to 32 of a-z, 0-9, dot, hyphen, underscore; operator is taken")
        try:
            with self._database.writing() as db:
                db.execute(
                    "INSERT INTO person (name, roles, password, added_s) VALUES (?, ?, ?, ?)",
                    (name, _words(roles), password, int(self._now_s())),
                )
                _an_administrator_is_left(db)
        except sqlite3.IntegrityError:
            raise Refused(409, f"there is a {name} already: choose another name") from None
        return self.get(name)

    def set_roles(self, name: str, roles: Iterable[str]) -> None:
        """They hold from the next request on. Raises Refused."""
        self._change(name, "roles = ?", _words(roles))

    def set_password(self, name: str, password: str, keep: bytes = b"") -> None:
        """Ends every login but `keep`. Raises Refused."""
        self._change(name, "password = ?", password, end_logins=True, keep=keep)

    def set_totp(self, name: str, secret: str, keep: bytes = b"") -> None:
        """A second factor, or none ("") again; ends every login but `keep`. Raises Refused."""

        def sealed() -> str:  # within the transaction: behind a rotation's it is the new master key
            try:
                return sealed_totp.seal(self._masters(), name, secret)
            except ConfigError as error:
                raise Refused(503, str(error)) from None

        self._change(name, "totp_step = 0, totp = ?", sealed, end_logins=True, keep=keep)

    def use_totp(self, name: str, step: int) -> bool:
        """Take the code of this time step; False: it, or a later one, was taken before."""
        with self._database.writing() as db:
            changed = db.execute("UPDATE person SET totp_step = ? WHERE name = ? AND totp_step < ?", (step, name, step))
            return changed.rowcount == 1

    def lock(self, name: str, *, locked: bool) -> None:
        """Keep somebody out, with all logins and tokens, or let them in again. Raises Refused."""
        self._change(name, "locked = ?", int(locked), end_logins=locked)
        with self._database.writing() as db:
            db.execute("DELETE FROM login_try WHERE name = ?", (name,))

    def remove(self, name: str) -> None:
        """Somebody is gone, with logins and tokens; the audit keeps the name. Raises Refused."""
        self.get(name)
        with self._database.writing() as db:
            for table in ("login", "token"):
                db.execute(f"DELETE FROM {table} WHERE person = ?", (name,))
            db.execute("DELETE FROM person WHERE name = ?", (name,))
            _an_administrator_is_left(db)

    def end_logins(self, name: str, keep: bytes = b"") -> None:
        """Log somebody out everywhere, but for the login `keep`."""
        with self._database.writing() as db:
            db.execute("DELETE FROM login WHERE person = ? AND sha256 != ?", (name, keep))

    def _change(
        self, name: str, what: str, value: str | int | Callable[[], str], *, end_logins: bool = False, keep: bytes = b""
    ) -> None:
        self.get(name)
        with self._database.writing() as db:
            db.execute(f"UPDATE person SET {what} WHERE name = ?", (value() if callable(value) else value, name))
            if end_logins:
                db.execute("DELETE FROM login WHERE person = ? AND sha256 != ?", (name, keep))
            _an_administrator_is_left(db)


def _an_administrator_is_left(db: sqlite3.Connection) -> None:
    """Raises Refused, which takes back the change around it, when there is no administrator behind it."""
    rows = db.execute("SELECT roles FROM person WHERE NOT locked AND password != ''").fetchall()
    if not any(ADMINISTRATOR in roles.split() for (roles,) in rows):
        raise Refused(409, "nobody would be administrator: make one first, with a password")


def _words(roles: Iterable[str]) -> str:
    """Raises Refused."""
    wanted = sorted(set(roles))
    if not wanted or not set(wanted) <= set(ROLES):
        raise Refused(422, f"name one role or more of {', '.join(ROLES)}")
    return " ".join(wanted)


def _person(row: tuple[Any, ...]) -> Person:
    name, roles, logs_in, has_totp, locked, added_s = row
    return Person(name, frozenset(roles.split()), bool(logs_in), bool(has_totp), bool(locked), added_s)

"""People, tokens and the audit of an installation, whether its controller runs or not: here the first administrator is
made.

Never asks a person anything: tools/people.py does. What is changed is in the audit, under this machine's user.
Specification: README.md here, "People"; controller/access/README.md.
"""

import getpass
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from controller import config as configuration
from controller.access import passwords, totp
from controller.access.audit import Note
from controller.access.audit_log import Audit, AuditRow, Verdict
from controller.access.database import AccessDatabase
from controller.access.people import People, Person
from controller.access.refused import Refused
from controller.access.syslog import line
from controller.access.tokens import Token, Tokens
from controller.config import Config, ConfigError
from controller.registry import load_masters
from controller.secret_files import SecretFault, read_secret, write_secret
from controller.store import StoreError


class PeopleError(Exception):
    """It cannot be done; the text is one sentence that says what to do."""


@contextmanager
def office(config_path: Path) -> Iterator["Office"]:
    """Open the database that the configuration names; made when there is none yet. Raises PeopleError."""
    try:
        config = configuration.load(config_path)
        database = AccessDatabase.open(Path(config.store.path))
        try:
            yield Office(database, config)
        finally:
            database.close()
    except (ConfigError, StoreError, SecretFault, Refused) as error:
        raise PeopleError(str(error)) from None
    except sqlite3.Error as error:
        raise PeopleError(f"The database cannot be used ({error}): type vuzol doctor.") from None


class Office:
    """Everything raises what `office` tells in one sentence."""

    def __init__(self, database: AccessDatabase, config: Config) -> None:
        self._site = config.site.name
        self._people = People(database, time.time, lambda: load_masters(Path(config.nodes.master_key)))
        self._tokens = Tokens(database, self._people, time.time)
        self._audit = Audit(database, lambda: time.time_ns() // 1_000_000)

    # --- people

    def people(self) -> list[Person]:
        """Everybody."""
        return self._people.all()

    def add(self, name: str, roles: Iterable[str], password: str) -> Person:
        """Somebody new; without a password they have tokens only."""
        person = self._people.add(name, roles, passwords.hashed(password, name) if password else "")
        self._note("people.manage", f"user {name}", None, person.public())
        return person

    def set_roles(self, name: str, roles: Iterable[str]) -> Person:
        """Others than before."""
        with self._changing(name):
            self._people.set_roles(name, roles)
        return self._people.get(name)

    def set_password(self, name: str, password: str) -> None:
        """Another one; every login ends."""
        with self._changing(name, password_changed=True):
            self._people.set_password(name, passwords.hashed(password, name))

    def new_totp(self, name: str) -> tuple[str, str]:
        """A secret that is not in force yet, and its QR code for a terminal."""
        self._people.get(name)
        secret = totp.new_secret()
        return secret, totp.picture(totp.address(secret, name, self._site))

    def set_totp(self, name: str, secret: str, code: str) -> None:
        """Put it in force with a code that its authenticator shows, or none ("")."""
        if secret and totp.step_of(secret, code, time.time()) is None:
            raise Refused(422, "this is not the code of now: look at the clocks of both sides, and begin again")
        with self._changing(name):
            self._people.set_totp(name, secret)

    def lock(self, name: str, *, locked: bool) -> None:
        """Keep somebody out, or let them in again; tries that failed are forgotten."""
        with self._changing(name):
            self._people.lock(name, locked=locked)

    def remove(self, name: str) -> None:
        """With logins and tokens."""
        before = self._people.get(name).public()
        self._people.remove(name)
        self._note("people.manage", f"user {name}", before, None)

    # --- tokens

    def tokens(self) -> list[Token]:
        """All that were not revoked."""
        return self._tokens.all()

    def add_token(self, person: str, label: str, scopes: Iterable[str], days: int) -> tuple[Token, str]:
        """A new one, and its secret for the only time."""
        token, secret = self._tokens.add(person, label, scopes, days)
        self._note("tokens.manage", f"token {token.id}", None, token.public())
        return token, secret

    def revoke_token(self, number: int) -> Token:
        """It is over with it at once."""
        token = self._tokens.revoke(number)
        self._note("tokens.manage", f"token {number}", token.public(), None)
        return token

    # --- the audit

    def verify(self) -> Verdict:
        """Whether the chain is whole; slow."""
        return self._audit.verify()

    def has(self, number: int, seal: str) -> bool:
        """Whether this row stands with this seal."""
        return any(row.id == number and row.seal.hex() == seal.lower() for row in self._audit.since(number - 1)[:1])

    def audit(self, limit: int, actor: str, action: str) -> list[AuditRow]:
        """The latest first."""
        return self._audit.rows(limit=limit, actor=actor, action=action)

    def whole_audit(self) -> Iterator[AuditRow]:
        """From the first on."""
        number = 0
        while page := self._audit.since(number):
            yield from page
            number = page[-1].id

    def as_syslog(self, row: AuditRow, host: str) -> str:
        """The row as it goes to syslog."""
        return line(row, host, self._site)

    @contextmanager
    def _changing(self, name: str, **more: Any) -> Iterator[None]:
        before = self._people.get(name).public()
        yield
        self._note("people.manage", f"user {name}", before, self._people.get(name).public() | more)

    def _note(self, action: str, thing: str, before: Any, after: Any) -> None:
        self._audit.add(Note(getpass.getuser(), "local", action, thing, before, after, "done"))


def password_in(file: Path) -> str:
    """The first line of a file that nobody else may read. Raises PeopleError."""
    try:
        return read_secret(file, "--password-file")
    except SecretFault as error:
        raise PeopleError(str(error)) from None


def keep_secret(file: Path, secret: str) -> None:
    """Into a file of mode 0600. Raises PeopleError."""
    try:
        write_secret(file, secret + "\n")
    except OSError as error:
        raise PeopleError(f"{file} cannot be written ({error.strerror}): name another with --out") from None

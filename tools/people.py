"""People, their tokens and the audit on a terminal: passwords are asked there, secrets are shown once.

Never takes a password or a token from the command line, and never touches a database: controller/admin/people.py does.
Specification: README.md, `vuzol user`, `vuzol token`, `vuzol audit`.
"""

import getpass
import json
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.errors import DONE, NO, UsageError
from tools.texts import say

if TYPE_CHECKING:
    from controller.admin.people import Office


@dataclass(frozen=True, slots=True)
class Desk:
    """Whose people, and how the answer is told."""

    config: Path
    as_json: bool
    language: str


@contextmanager
def _office(desk: Desk) -> Iterator["Office"]:
    """Raises UsageError."""
    from controller.admin.people import PeopleError, office

    try:
        with office(desk.config) as opened:
            yield opened
    except PeopleError as error:
        raise UsageError(str(error)) from None


def _told(desk: Desk, key: str, **values: Any) -> int:
    print(json.dumps(values, ensure_ascii=False) if desk.as_json else say(desk.language, key, **values))
    return DONE


def _new_password(desk: Desk, file: Path | None) -> str:
    """From a file or, twice, from a person. Raises UsageError."""
    from controller.admin.people import PeopleError, password_in

    if file is not None:
        try:
            return password_in(file)
        except PeopleError as error:
            raise UsageError(str(error)) from None
    if not sys.stdin.isatty():
        raise UsageError("a password is typed at a terminal: run this at one, or give --password-file")
    password = getpass.getpass(say(desk.language, "people_password") + " ")
    if password != getpass.getpass(say(desk.language, "people_password_again") + " "):
        raise UsageError("the two passwords differ: begin again")
    return password


# --- users


def add_user(desk: Desk, name: str, roles: Sequence[str], file: Path | None, *, tokens_only: bool) -> int:
    """Somebody new. Raises UsageError."""
    password = "" if tokens_only else _new_password(desk, file)
    with _office(desk) as office:
        return _told(desk, "people_added", name=office.add(name, roles, password).name, roles=" ".join(sorted(roles)))


def list_users(desk: Desk) -> int:
    """Everybody. Raises UsageError."""
    with _office(desk) as office:
        people = [person.public() for person in office.people()]
    if desk.as_json:
        print(json.dumps(people, ensure_ascii=False))
        return DONE
    columns = "name", "roles", "logs_in", "has_totp", "locked"
    _print(desk, columns, [{**one, "roles": " ".join(one["roles"])} for one in people])
    return DONE


def set_roles(desk: Desk, name: str, roles: Sequence[str]) -> int:
    """Others than before. Raises UsageError."""
    with _office(desk) as office:
        return _told(desk, "people_roles", name=name, roles=" ".join(sorted(office.set_roles(name, roles).roles)))


def set_password(desk: Desk, name: str, file: Path | None) -> int:
    """Another one. Raises UsageError."""
    password = _new_password(desk, file)
    with _office(desk) as office:
        office.set_password(name, password)
    return _told(desk, "people_password_set", name=name)


def set_totp(desk: Desk, name: str, *, off: bool) -> int:
    """Show a second factor's secret, and put it in force once its code was typed. Raises UsageError."""
    with _office(desk) as office:
        if off:
            office.set_totp(name, "", "")
            return _told(desk, "people_totp_off", name=name)
        if not sys.stdin.isatty():
            raise UsageError("the secret is shown at a terminal, and its code typed there: run this at one")
        secret, picture = office.new_totp(name)
        print(f"{picture}\n{say(desk.language, 'people_totp_scan', secret=secret)}", file=sys.stderr)
        office.set_totp(name, secret, input(say(desk.language, "people_totp_code") + " "))
    return _told(desk, "people_totp_on", name=name)


def lock(desk: Desk, name: str, *, locked: bool) -> int:
    """Keep somebody out, or let them in again. Raises UsageError."""
    with _office(desk) as office:
        office.lock(name, locked=locked)
    return _told(desk, "people_locked" if locked else "people_unlocked", name=name)


def remove(desk: Desk, name: str) -> int:
    """Somebody is gone. Raises UsageError."""
    with _office(desk) as office:
        office.remove(name)
    return _told(desk, "people_removed", name=name)


# --- tokens


def add_token(desk: Desk, name: str, label: str, scopes: Sequence[str], days: int, out: Path | None) -> int:
    """A new one: its secret goes into a file or, once, onto the screen. Raises UsageError."""
    from controller.admin.people import PeopleError, keep_secret

    with _office(desk) as office:
        token, secret = office.add_token(name, label, scopes, days)
        told = {"id": token.id, "name": name, "until": _time(token.expires_s)}
        if out is None:
            return _told(desk, "token_shown", secret=secret, **told)
        try:
            keep_secret(out, secret)
        except PeopleError:  # what nobody can use is not left in force
            office.revoke_token(token.id)
            raise
        return _told(desk, "token_kept", file=str(out), **told)


def list_tokens(desk: Desk) -> int:
    """All. Raises UsageError."""
    with _office(desk) as office:
        tokens = [token.public() for token in office.tokens()]
    if desk.as_json:
        print(json.dumps(tokens, ensure_ascii=False))
        return DONE
    rows = [{**one, "scopes": " ".join(one["scopes"]), "until": _time(one["expires_s"])} for one in tokens]
    _print(desk, ("id", "person", "label", "scopes", "until"), rows)
    return DONE


def revoke_token(desk: Desk, number: int) -> int:
    """It is over with it. Raises UsageError."""
    with _office(desk) as office:
        token = office.revoke_token(number)
    return _told(desk, "token_revoked", id=number, name=token.person, label=token.label)


# --- the audit


def verify_audit(desk: Desk, head: str) -> int:
    """Status 1 when the chain is broken, or does not hold the row that was seen before. Raises UsageError."""
    number, _, seal = head.partition(":")
    if head and not (number.isdigit() and seal):
        raise UsageError("a row seen before is written NUMBER:SEAL, as vuzol audit verify printed it")
    with _office(desk) as office:
        verdict = office.verify()
        missing = bool(head) and not office.has(int(number), seal)
    is_whole = not verdict.broken and not missing
    told = {"whole": is_whole, "rows": verdict.rows, "head": f"{verdict.rows}:{verdict.head}"}
    key = "audit_whole" if is_whole else "audit_broken" if verdict.broken else "audit_missing"
    _told(desk, key, **told, broken=verdict.broken, seen=number)
    return DONE if is_whole else NO


def show_audit(desk: Desk, limit: int, actor: str, action: str) -> int:
    """The latest rows, the last one at the bottom. Raises UsageError."""
    with _office(desk) as office:
        rows = [row.public() for row in reversed(office.audit(limit, actor, action))]
    if desk.as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return DONE
    columns = "id", "time", "actor", "via", "action", "object", "result"
    _print(desk, columns, [{**one, "time": _time(one["noted_ms"] / 1000)} for one in rows])
    return DONE


def export_audit(desk: Desk, out: Path, form: str) -> int:
    """The whole audit into a file: a row a line, JSON or as syslog has it. Raises UsageError."""
    last = 0
    try:
        with _office(desk) as office, out.open("w", encoding="utf-8") as file:
            for row in office.whole_audit():
                text = office.as_syslog(row, socket.gethostname()) if form == "syslog" else json.dumps(row.public())
                file.write(text + "\n")
                last = row.id
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({error.strerror}): name another with --out") from None
    return _told(desk, "audit_exported", rows=last, file=str(out))


def _time(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _print(desk: Desk, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in columns:
        table.add_column(say(desk.language, f"people_column_{name}"), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in columns))
    Console(highlight=False).print(table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "✓" if value else ""
    return escape(str(value))

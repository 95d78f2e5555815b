"""The audit: who did what to what, with what outcome; rows that only grow, each sealed with the one before.

Never forgets and never judges. A row's seal is SHA-256 over the seal before it and the row's canonical JSON.
Specification: README.md beside this file, "Audit"; store/migrations/0008_audit.sql.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from controller.access.actor import Actor

FIRST_SEAL = bytes(32)
Result = Literal["done", "refused", "failed"]


class Note(NamedTuple):
    """One row in the making. `before` and `after` are what JSON can hold, None where there is nothing to tell."""

    actor: str
    via: str
    action: str
    object: str
    before: Any
    after: Any
    result: Result


@dataclass(slots=True)
class Account:
    """What the code that acts tells of its act, filled in while it runs."""

    object: str
    before: Any = None
    after: Any = None
    result: Result | None = None

    def note(self, actor: Actor, action: str, result: Result) -> Note:
        """The row to keep."""
        return Note(actor.name, actor.via, action, self.object, self.before, self.after, self.result or result)


_account: ContextVar[Account | None] = ContextVar("account", default=None)


@contextmanager
def accounting(of: str) -> Iterator[Account]:
    """What runs inside may `describe` itself; until it does, its object is `of`."""
    account = Account(of)
    token = _account.set(account)
    try:
        yield account
    finally:
        _account.reset(token)


def describe(
    object: str,  # noqa: A002  # the audit's own word
    before: Any = None,
    after: Any = None,
    result: Result | None = None,
) -> None:
    """Tell the audit what this request or event acts on. Nothing secret: auditors read it, syslog carries it.

    `result` is for a handler that tells its person of a refusal itself; else what comes of the call says it.
    """
    account = _account.get()
    if account is not None:
        account.object, account.before, account.after, account.result = object, before, after, result


def seal(before: bytes, number: int, noted_ms: int, note: Note) -> bytes:
    """The seal of row `number` behind a row sealed `before`."""
    return hashlib.sha256(before + canonical([number, noted_ms, *note]).encode()).digest()


def canonical(value: Any) -> str:
    """The one JSON text of a value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

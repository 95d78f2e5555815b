"""Somebody who does something: a person, a token, the operator of this machine; and the one call that brought them.

Never reads a database and never decides: table.py says who may what, logins.py and tokens.py who somebody is.
Specification: README.md beside this file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from controller.access.audit import Note

ROLES = (
    "technician",
    "dispatcher",
    "display_editor",
    "display_approver",
    "analyst",
    "administrator",
    "auditor",
)
EVERY_ROLE = frozenset(ROLES)
OPERATOR = "operator"  # whoever may read <site.data>/operator.token; no person may be called so


@dataclass(frozen=True, slots=True)
class Actor:
    """`name` is a person's, also behind a token; `scopes` are the actions that a token is narrowed to, None: all."""

    name: str
    roles: frozenset[str]
    via: Literal["user", "token", "local", "open"]
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end of a request, a page or a socket. `key` names the login: equal keys, one login.

    `still()` is asked anew at every request and event: the actor now, None once the login has ended. `allow()` counts
    the call, False: too many. `note(note)` keeps it in the audit.
    """

    key: str
    still: Callable[[], Actor | None]
    allow: Callable[[], bool]
    note: Callable[[Note], Awaitable[None]]


def caller_of(state: Any) -> Caller | None:
    """The caller whom the guard found, by `request.state` or the mapping behind it; None where no guard stands."""
    found = state.get("caller") if isinstance(state, dict) else getattr(state, "caller", None)
    return found if isinstance(found, Caller) else None

"""The open door: everybody on this machine is one user without a login. For the demo, and for tests about other things.

Never for a network: the configuration refuses it unless http.host is this machine's own address, and so does every
request whose Host is another name (a page elsewhere that made its name point here).
Specification: vuzol.example.toml, access.open_as.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from controller.access.actor import EVERY_ROLE, Actor, Caller
from controller.access.audit import Note
from controller.config import is_loopback


class OpenDoor:
    """Everybody is `name`, with every role; `note` keeps the audit."""

    def __init__(self, name: str, note: Callable[[Note], Awaitable[None]]) -> None:
        self._actor = Actor(name, EVERY_ROLE, "open")
        self._note = note

    def caller(self, headers: Headers) -> Caller | None:
        """The one user, if it is asked from this machine."""
        try:
            host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        except ValueError:
            host = ""
        return Caller("open", lambda: self._actor, lambda: True, self._note) if is_loopback(host) else None

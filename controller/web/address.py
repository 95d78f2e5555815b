"""What a reader chose on a page, kept in the page's address: it can be sent on, kept, and found again.

Never knows what a choice means. An empty choice does not stand in the address.
Specification: controller/web/README.md, "Pages".
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from nicegui import ui


class Address:
    """`path` with the choices behind it; `subject` is what the path itself names, a node say."""

    def __init__(self, path: str, choices: Mapping[str, str], subject: str = "") -> None:
        self.path = path
        self.subject = subject
        self._choices = dict(choices)

    def get(self, name: str) -> str:
        """The choice, or nothing."""
        return self._choices.get(name, "")

    def put(self, **choices: str) -> None:
        """Choose; only from a handler of the browser's own events, for it is that browser's address that changes."""
        chosen = {name: value for name, value in (self._choices | choices).items() if value}
        if chosen != self._choices:
            self._choices = chosen
            ui.navigate.history.replace(f"{self.path}?{urlencode(chosen)}" if chosen else self.path)

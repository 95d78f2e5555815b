"""What a reader chooses by: a list of the browser's own, a search field, a field for a day or a time.

Never knows what the choice means, and keeps it in no other place than the page's address.
Specification: HTML's select and input, which keyboard and telephone know; controller/web/README.md, "Pages".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from controller.web.dom import box, icon, on, put, text
from controller.web.visit import Visit

SEARCH_PAUSE_S = 0.25
_VALUE = "event.target.value"


class Select:
    """A list of which one is chosen under `name`; `act` is called with the choice."""

    def __init__(self, visit: Visit, name: str, label: str, act: Callable[[str], Any]) -> None:
        self._act = act
        self._visit = visit
        self._name = name
        with box("label", "choice-list", data_hidden="yes") as self._root:
            text("span", label, "unseen")
            self._field = box("select", title=label)
        on(self._field, "change", self._chosen, emit=_VALUE)

    def offer(self, choices: Sequence[tuple[str, str]]) -> None:
        """Put other choices in; what the address names is chosen."""
        put(self._root, data_hidden="no" if choices else "yes")
        self._field.clear()
        with self._field:
            for value, label in choices:
                option = text("option", label, value=value)
                if value == self._visit.address.get(self._name):
                    put(option, selected="selected")

    def _chosen(self, event: GenericEventArguments) -> Any:
        self._visit.address.put(**{self._name: str(event.args)}, page="")
        return self._act(str(event.args))


class Search:
    """A field whose words are under `q`; `act` is called when they changed."""

    def __init__(self, visit: Visit, label: str, act: Callable[[], Any]) -> None:
        self._visit = visit
        self._act = act
        with box("label", "search"):
            icon("search")
            text("span", label, "unseen")
            field = box(
                "input",
                type="search",
                placeholder=visit.words.say("table.search_hint"),
                autocomplete="off",
                spellcheck="false",
                data_search="",
            )
        _begin_with(field, visit.address.get("q"))
        on(field, "input", self._seek, pause_s=SEARCH_PAUSE_S, emit=_VALUE)

    @property
    def terms(self) -> tuple[str, ...]:
        """What is sought, in small letters."""
        return sought(self._visit.address.get("q"))

    def _seek(self, event: GenericEventArguments) -> Any:
        self._visit.address.put(q=" ".join(str(event.args).split()), page="")
        return self._act()


def _begin_with(field: ui.element, value: str) -> None:
    """What stands in it at first; Vue would put a `value` back over what is being typed."""
    field.props[".defaultValue"] = value


def sought(words: str) -> tuple[str, ...]:
    """The terms of a search: each has to be found."""
    return tuple(words.casefold().split())


class Day:
    """A field for a day, under `name`."""

    def __init__(self, visit: Visit, name: str, label: str, act: Callable[[], Any]) -> None:
        self._visit = visit
        self._name = name
        self._act = act
        with box("label", "day"):
            text("span", label)
            field = box("input", type="date")
        _begin_with(field, visit.address.get(name))
        on(field, "change", self._chosen, emit=_VALUE)

    def _chosen(self, event: GenericEventArguments) -> Any:
        self._visit.address.put(**{self._name: str(event.args)}, page="")
        return self._act()

"""Plain HTML elements on NiceGUI: made with their attributes, changed only when something really changed.

Never knows what the page says. NiceGUI sends every change that it is told of, so telling it nothing new is the saving.
Specification: NiceGUI 3, ui.element; WAI-ARIA 1.2 for the attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from controller.access.events import guarded

SEE = "town.see"  # what turning a page, sorting and searching need

Item = TypeVar("Item")
Row = TypeVar("Row")


def box(tag: str, look: str = "", **attributes: str) -> ui.element:
    """An element that holds others; `aria_label="…"` becomes the attribute aria-label."""
    return _dressed(ui.element(tag), look, attributes)


def text(tag: str, words: str = "", look: str = "", **attributes: str) -> TextElement:
    """An element that holds text."""
    made = TextElement(tag=tag, text=words)
    _dressed(made, look, attributes)
    return made


def icon(name: str) -> ui.element:
    """A pictogram of page.css; a word always stands beside it."""
    return box("i", f"icon icon-{name}", aria_hidden="true")


def _dressed(made: ui.element, look: str, attributes: dict[str, str]) -> ui.element:
    if look:
        made.classes(look)
    for name, value in attributes.items():
        made.props[_hyphened(name)] = value
    return made


def _hyphened(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def on(
    element: ui.element, event: str, act: Callable[..., Any], action: str = SEE, *, pause_s: float = 0, emit: str = ""
) -> None:
    """Let `act` follow the browser's `event`, for who may do `action`; `emit`: what the browser tells, in JavaScript.

    With a pause, of several events only the last is told.
    """
    told = f"(event) => emit({emit})" if emit else "(...args) => emit(...args)"
    element.on(event, guarded(action, act), throttle=pause_s, leading_events=not pause_s, js_handler=told)


def put(element: ui.element, **attributes: str) -> None:
    """Set attributes that differ from what the browser has."""
    for name, value in attributes.items():
        key = _hyphened(name)
        if element.props.get(key) != value:
            element.props[key] = value


class Rows(Generic[Item, Row]):
    """A list whose rows are made once and refilled: `make()` builds a row, `fill(row, item)` changes it."""

    def __init__(
        self,
        parent: ui.element,
        make: Callable[[], tuple[ui.element, Row]],
        fill: Callable[[Row, Item], None],
    ) -> None:
        self._parent = parent
        self._make = make
        self._fill = fill
        self._rows: list[tuple[ui.element, Row]] = []

    def show(self, shown: Iterable[Item]) -> None:
        """One row an item."""
        items = list(shown)
        while len(self._rows) > len(items):
            self._rows.pop()[0].delete()
        with self._parent:
            while len(self._rows) < len(items):
                self._rows.append(self._make())
        for (_, row), item in zip(self._rows, items, strict=True):
            self._fill(row, item)

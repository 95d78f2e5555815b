"""Turning pages of a long list: which part is shown, and the two buttons with the place between them.

Never knows what the list holds. Hidden while everything fits on one page.
Specification: controller/web/README.md, "How it stays cheap".
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from nicegui import ui

from controller.web.dom import box, icon, on, put, text
from controller.web.visit import Visit

Item = TypeVar("Item")


class Pager:
    """`cut(items)` gives the part to show; `turned` is called when a reader turned the page.

    Which page stands in the address under `page`, counted from 1; a filter that changes takes it out.
    """

    def __init__(self, visit: Visit, size: int, turned: Callable[[], None]) -> None:
        words = visit.words
        self._words = words
        self._address = visit.address
        self._size = size
        self._turned = turned
        self._pages = 1
        with box("div", "pager", role="group", aria_label=words.say("table.pages"), data_hidden="yes") as self._root:
            self._back = _button("back", words.say("table.previous"), lambda: self._turn(-1))
            self._range = text("span", look="pager-range")
            self._on = _button("on", words.say("table.next"), lambda: self._turn(+1))

    @property
    def _page(self) -> int:
        chosen = self._address.get("page")
        return min(max(int(chosen) - 1, 0), self._pages - 1) if chosen.isdecimal() else 0

    def cut(self, items: Sequence[Item]) -> Sequence[Item]:
        """The items of the shown page."""
        self._pages = max(1, -(-len(items) // self._size))
        start = self._page * self._size
        part = items[start : start + self._size]
        put(self._root, data_hidden="no" if self._pages > 1 else "yes")
        number = self._words.number
        self._range.text = self._words.say(
            "table.range", first=number(start + 1), last=number(start + len(part)), total=number(len(items))
        )
        put(self._back, aria_disabled="true" if self._page == 0 else "false")
        put(self._on, aria_disabled="true" if self._page == self._pages - 1 else "false")
        return part

    def _turn(self, step: int) -> None:
        page = min(max(self._page + step, 0), self._pages - 1)
        if page != self._page:
            self._address.put(page=str(page + 1) if page else "")
            self._turned()


def _button(look: str, label: str, act: Callable[[], None]) -> ui.element:
    with box("button", "page-turn", type="button", aria_label=label, title=label) as button:
        icon(look)
    on(button, "click", act)
    return button

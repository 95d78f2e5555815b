"""A long table of which a reader sees one page: sorted and cut on the server, so 2 000 rows cost the browser like 25.

Never knows what the rows mean; columns say how a row is sorted and rendered. Sends rows that changed, not tables.
Specification: static/paged_table.js, the other half; controller/web/README.md, "How it stays cheap". Not ui.table:
NiceGUI builds a table's templates anew with every update, and the keyboard's focus would be lost each second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nicegui import ui
from nicegui.events import GenericEventArguments

from controller.web.dom import on
from controller.web.order import in_order, sorting
from controller.web.panels.pager import Pager
from controller.web.visit import Visit

ROWS_A_PAGE = 25

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """One column: its name, how rows are ordered by it if they can be, whether it names the row, holds figures."""

    name: str
    order: Callable[[Item], Any] | None
    head: bool = False
    figure: bool = False


class _Table(ui.element, component="../static/paged_table.js"):
    """The browser's half."""


class PagedTable(Generic[Item]):
    """`show(items)` whenever the items changed; `render` makes one row's texts and is called for shown rows only.

    A row is `{"id", "look", <column>: text, <column>_note: small text, <column>_state: "good" | "warn" | "bad",
    <column>_href: where the text leads}`. The order stands in the address under `sort`: a column, "-" before it: down.
    """

    def __init__(
        self,
        visit: Visit,
        columns: Sequence[Column[Item]],
        pager: Pager,
        render: Callable[[Item], dict[str, str]],
        *,
        sort_by: str,
        label: str,
        nothing: str,
    ) -> None:
        self._words = visit.words
        self._address = visit.address
        self._columns = columns
        self._orders = {column.name: column.order for column in columns if column.order}
        self._pager = pager
        self._render = render
        self._usual = sort_by
        self._items: Sequence[Item] = ()
        self._foot: dict[str, str] | None = None
        self._sent: dict[str, dict[str, str]] | None = None
        self._table = _Table()
        self._table.props["label"] = label
        self._table.props["nothing"] = nothing
        self._table.props["columns"] = self._headings()
        on(self._table, "sort", self._sort)

    def show(self, items: Sequence[Item], foot: dict[str, str] | None = None) -> None:
        """Sort, cut, and send what the browser has otherwise or not at all. `foot` always ends the table."""
        self._items, self._foot = items, foot
        part = self._pager.cut(in_order(items, self._address.get("sort"), self._orders, self._usual))
        rendered = [self._render(item) for item in part]
        if foot is not None and rendered:
            rendered.append(foot)
        rows = {row["id"]: row for row in rendered}
        if self._sent is None:  # the page is being built: it takes its first rows along
            self._table.props["first"] = {"order": list(rows), "rows": rendered}
        else:
            changed = [row for name, row in rows.items() if self._sent.get(name) != row]
            order = None if list(rows) == list(self._sent) else list(rows)
            if changed or order is not None:
                self._table.run_method("apply", {"order": order, "rows": changed})
        self._sent = rows

    def turned(self) -> None:
        """The pager moved."""
        self.show(self._items, self._foot)

    def _sort(self, event: GenericEventArguments) -> None:
        if event.args not in self._orders:
            return
        name, descending = self._sorting()
        chosen = f"-{name}" if event.args == name and not descending else str(event.args)
        self._address.put(sort="" if chosen == self._usual else chosen, page="")
        self._table.props["columns"] = self._headings()
        self.turned()

    def _sorting(self) -> tuple[str, bool]:
        return sorting(self._address.get("sort"), self._orders, self._usual)

    def _headings(self) -> list[dict[str, Any]]:
        sorted_by, descending = self._sorting()
        direction = "descending" if descending else "ascending"
        return [
            {
                "name": column.name,
                "label": self._words.say(f"column.{column.name}"),
                "title": self._words.say(f"column_title.{column.name}"),
                "sorted": (direction if column.name == sorted_by else "none") if column.order else None,
                "head": column.head,
                "figure": column.figure,
            }
            for column in self._columns
        ]

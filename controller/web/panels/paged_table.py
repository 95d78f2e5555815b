"""A long table of which a reader sees one page: sorted and cut on the server, so 2 000 rows cost the browser like 25.

Never knows what the rows mean; columns say how a row is sorted and rendered. Quasar's table draws it.
Specification: controller/web/README.md, "How it stays cheap"; Quasar QTable, server-side pagination.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nicegui import ui
from nicegui.events import GenericEventArguments

from controller.web.panels.pager import Pager
from controller.web.wording import Words

ROWS_A_PAGE = 25

Item = TypeVar("Item")

# Sorting is a button in the header cell, so that a keyboard reaches it. No text stands here: it comes with the columns.
_HEADER = """
<q-tr :props="props">
  <th v-for="col in props.cols" :key="col.name" scope="col" :aria-sort="col.sorted"
      :class="'cell-' + col.name + (col.figure ? ' figure-cell' : '')">
    <button type="button" class="sort" :title="col.title" @click="props.sort(col)">
      <span>{{ col.label }}</span><i class="icon icon-sort" aria-hidden="true"></i>
    </button>
  </th>
</q-tr>
"""
# A cell may bring a state (its pictogram) and a note (its small second line); on a phone a row becomes a card.
_BODY = """
<q-tr :props="props" :data-state="props.row.look">
  <component :is="col.head ? 'th' : 'td'" v-for="col in props.cols" :key="col.name" :scope="col.head ? 'row' : null"
      :class="'cell-' + col.name + (col.figure ? ' figure-cell' : '')" :data-label="col.label"
      :data-state="props.row[col.name + '_state']">
    <i v-if="props.row[col.name + '_state']" class="icon icon-state" aria-hidden="true"></i>
    <span class="cell-words"><span>{{ props.row[col.name] }}</span>
      <small v-if="props.row[col.name + '_note']">{{ props.row[col.name + '_note'] }}</small></span>
  </component>
</q-tr>
"""


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """One column: its name, how rows are ordered by it, whether it names the row, whether it holds figures."""

    name: str
    order: Callable[[Item], Any]
    head: bool = False
    figure: bool = False


class PagedTable(Generic[Item]):
    """`show(items)` whenever the items changed; `render` makes one row's texts and is called for shown rows only."""

    def __init__(
        self,
        words: Words,
        columns: Sequence[Column[Item]],
        pager: Pager,
        render: Callable[[Item], dict[str, str]],
        *,
        sort_by: str,
        label: str,
        nothing: str,
    ) -> None:
        self._words = words
        self._columns = {column.name: column for column in columns}
        self._pager = pager
        self._render = render
        self._sort_by, self._descending = sort_by, False
        self._items: Sequence[Item] = ()
        self._foot: dict[str, str] | None = None
        self._table = ui.table(rows=[], columns=self._headings(), row_key="id", pagination=self._order())
        self._table.props("flat hide-pagination binary-state-sort wrap-cells")
        self._table.props["no-data-label"] = nothing
        self._table.props["table-aria-label"] = label
        self._table.classes("paged-table")
        self._table.add_slot("header", _HEADER)
        self._table.add_slot("body", _BODY)
        self._table.on("request", self._sort, args=["pagination"])

    def show(self, items: Sequence[Item], foot: dict[str, str] | None = None) -> None:
        """Sort, cut, and send the page of rows if the browser has another. `foot` always ends the table."""
        self._items, self._foot = items, foot
        column = self._columns[self._sort_by]
        part = self._pager.cut(sorted(items, key=column.order, reverse=self._descending))
        rows = [self._render(item) for item in part]
        if foot is not None and rows:
            rows.append(foot)
        if rows != self._table.rows:
            self._table.rows = rows

    def turned(self) -> None:
        """The pager moved."""
        self.show(self._items, self._foot)

    def _sort(self, event: GenericEventArguments) -> None:
        asked = event.args["pagination"]
        if asked["sortBy"] not in self._columns:
            return
        self._sort_by, self._descending = asked["sortBy"], bool(asked["descending"])
        self._pager.first()
        self._table.columns = self._headings()
        self._table.pagination = self._order()
        self.turned()

    def _order(self) -> dict[str, Any]:
        """Quasar leaves sorting and cutting to us as soon as rowsNumber is there."""
        return {
            "sortBy": self._sort_by,
            "descending": self._descending,
            "page": 1,
            "rowsPerPage": ROWS_A_PAGE,
            "rowsNumber": ROWS_A_PAGE,
        }

    def _headings(self) -> list[dict[str, Any]]:
        direction = "descending" if self._descending else "ascending"
        return [
            {
                "name": column.name,
                "field": column.name,
                "label": self._words.say(f"column.{column.name}"),
                "title": self._words.say(f"column_title.{column.name}"),
                "sortable": True,
                "sorted": direction if column.name == self._sort_by else "none",
                "head": column.head,
                "figure": column.figure,
            }
            for column in self._columns.values()
        ]

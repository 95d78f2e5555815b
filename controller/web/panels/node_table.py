"""The nodes: state, kind, name and place, when last heard, journal, records, firmware; filtered and sorted.

Never asks the controller; it gets each moment's nodes. What a reader filtered belongs to that reader's page alone.
Specification: controller/services/live.py, NodeView.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from controller.web.dom import box, icon, put, text
from controller.web.panels.paged_table import ROWS_A_PAGE, Column, PagedTable
from controller.web.panels.pager import Pager
from controller.web.pulse import Moment
from controller.web.wording import Words

if TYPE_CHECKING:
    from controller.services.live import NodeView

NEVER = float("-inf")
SEARCH_PAUSE_S = 0.25
_EVERYONE, _OFFLINE = "all", "offline"


def natural(name: str) -> tuple[tuple[bool, int, str], ...]:
    """An order in which 9 comes before 10, inside names too."""
    return tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name))


class NodesPanel:
    """Built once a page, then shown each moment."""

    def __init__(self, words: Words, moment: Moment) -> None:
        self._words = words
        self._moment = moment
        self._sought: tuple[str, ...] = ()
        self._filter = _EVERYONE
        columns: tuple[Column[NodeView], ...] = (
            Column("state", lambda node: (node.online, natural(node.name))),
            Column("name", lambda node: natural(node.name), head=True),
            Column("kind", lambda node: (words.name_of("kind", node.kind), natural(node.name))),
            Column("place", lambda node: (natural(node.place), natural(node.name))),
            Column("last_seen", lambda node: NEVER if node.last_seen_s is None else node.last_seen_s, figure=True),
            Column("journal", lambda node: -1 if node.journal_depth is None else node.journal_depth, figure=True),
            Column("records", lambda node: node.records, figure=True),
            Column("firmware", lambda node: natural(node.firmware)),
        )
        with box("section", "panel nodes", aria_labelledby="nodes-title"):
            with box("div", "panel-head"):
                text("h2", words.say("section.nodes"), id="nodes-title")
                self._choices = self._make_choices()
                self._make_search()
                pager = Pager(words, ROWS_A_PAGE, lambda: self._table.turned())
            self._table = PagedTable(
                words,
                columns,
                pager,
                self._row,
                sort_by="state",
                label=words.say("section.nodes"),
                nothing=words.say("table.nothing" if moment.snapshot.nodes else "table.no_nodes"),
            )
        self._pager = pager
        self.show(moment)

    def _make_choices(self) -> dict[str, tuple[ui.element, TextElement]]:
        choices = {}
        with box("div", "choices", role="group", aria_label=self._words.say("table.filter")):
            for choice in (_EVERYONE, _OFFLINE):
                with box("button", "choice", type="button") as button:
                    text("span", self._words.say(f"table.{choice}"))
                    count = text("b")
                button.on("click", lambda choice=choice: self._choose(choice))
                choices[choice] = (button, count)
        return choices

    def _make_search(self) -> None:
        hint = self._words.say("table.search_hint")
        with box("label", "search"):
            icon("search")
            text("span", self._words.say("table.search"), "unseen")
            field = box("input", type="search", placeholder=hint, autocomplete="off", spellcheck="false")
        field.on(
            "input",
            self._seek,
            throttle=SEARCH_PAUSE_S,
            leading_events=False,
            js_handler="(event) => emit(event.target.value)",
        )

    def _choose(self, choice: str) -> None:
        self._filter = choice
        self._pager.first()
        self.show(self._moment)

    def _seek(self, event: GenericEventArguments) -> None:
        self._sought = tuple(str(event.args).casefold().split())
        self._pager.first()
        self.show(self._moment)

    def show(self, moment: Moment) -> None:
        """Bring up to date."""
        self._moment = moment
        nodes = moment.snapshot.nodes
        offline = sum(1 for node in nodes if not node.online)
        for choice, amount in ((_EVERYONE, len(nodes)), (_OFFLINE, offline)):
            button, count = self._choices[choice]
            count.text = self._words.number(amount)
            put(button, aria_pressed="true" if choice == self._filter else "false")
        self._table.show([node for node in nodes if self._wanted(node)])

    def _wanted(self, node: NodeView) -> bool:
        if self._filter == _OFFLINE and node.online:
            return False
        if not self._sought:
            return True
        kind = self._words.name_of("kind", node.kind)
        heap = f"{node.name}\n{node.place}\n{node.node}\n{kind}\n{node.firmware}".casefold()
        return all(term in heap for term in self._sought)

    def _row(self, node: NodeView) -> dict[str, str]:
        words = self._words
        state = "online" if node.online else "offline"
        now_s = self._moment.snapshot.time_s
        heard = words.say("table.never_seen") if node.last_seen_s is None else words.age(now_s - node.last_seen_s)
        return {
            "id": node.node,
            "look": state,
            "state": words.say(f"state.{state}"),
            "state_state": "good" if node.online else "bad",
            "name": node.name,
            "name_note": node.node,
            "kind": words.name_of("kind", node.kind),
            "place": words.place(node.kind, node.place),
            "last_seen": heard,
            "journal": words.say("none") if node.journal_depth is None else words.number(node.journal_depth),
            "records": words.number(node.records),
            "firmware": node.firmware or words.say("none"),
        }

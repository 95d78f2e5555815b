"""The fleet: every node with its state, kind, place, link, journal, records and version; filtered, sorted, exported.

Never asks the controller; it gets each moment's nodes. What a reader chose stands in the page's address.
Specification: controller/services/live.py, NodeView; controller/web/fleet_list.py.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from controller.web.dom import box, on, put, text
from controller.web.fleet_list import OFFLINE, orders, wanted
from controller.web.panels.choices import Search, Select
from controller.web.panels.paged_table import ROWS_A_PAGE, Column, PagedTable
from controller.web.panels.pager import Pager
from controller.web.pulse import Moment
from controller.web.visit import Visit

if TYPE_CHECKING:
    from controller.services.live import NodeView

FIGURES = ("last_seen", "journal", "records")


class FleetPanel:
    """Built once a page, then shown each moment."""

    def __init__(self, visit: Visit, moment: Moment) -> None:
        words = self._words = visit.words
        self._address = visit.address
        self._moment = moment
        columns: list[Column[NodeView]] = [
            Column(name, order, head=name == "name", figure=name in FIGURES) for name, order in orders(words).items()
        ]
        with box("section", "panel nodes", aria_labelledby="nodes-title"):
            with box("div", "panel-head"):
                text("h2", words.say("section.nodes"), id="nodes-title")
                self._choices = self._make_choices()
                kinds = Select(visit, "kind", words.say("table.kind"), lambda _: self._again())
                self._search = Search(visit, words.say("table.search"), self._again)
                text("a", words.say("table.export"), "export", href="/fleet.csv", data_with_choices="", download="")
                pager = Pager(visit, ROWS_A_PAGE, lambda: self._table.turned())
            self._table = PagedTable(
                visit,
                columns,
                pager,
                self._row,
                sort_by="state",
                label=words.say("section.nodes"),
                nothing=words.say("table.nothing" if moment.snapshot.nodes else "table.no_nodes"),
            )
        known = sorted({node.kind for node in moment.snapshot.nodes})
        kinds.offer([("", words.say("table.every_kind")), *((kind, words.name_of("kind", kind)) for kind in known)])
        self.show(moment)

    def _make_choices(self) -> dict[str, tuple[ui.element, TextElement]]:
        choices = {}
        with box("div", "choices", role="group", aria_label=self._words.say("table.filter")):
            for choice, label in (("", "table.all"), (OFFLINE, "table.offline")):
                with box("button", "choice", type="button") as button:
                    text("span", self._words.say(label))
                    count = text("b")
                on(button, "click", partial(self._choose, choice))
                choices[choice] = (button, count)
        return choices

    def _choose(self, choice: str) -> None:
        self._address.put(state=choice, page="")
        self._again()

    def _again(self) -> None:
        self.show(self._moment)

    def show(self, moment: Moment) -> None:
        """Bring up to date."""
        self._moment = moment
        nodes = moment.snapshot.nodes
        offline = sum(1 for node in nodes if not node.online)
        chosen = self._address.get("state")
        for choice, amount in (("", len(nodes)), (OFFLINE, offline)):
            button, count = self._choices[choice]
            count.text = self._words.number(amount)
            put(button, aria_pressed="true" if choice == chosen else "false")
        self._table.show(wanted(nodes, self._words, self._search.terms, chosen, self._address.get("kind")))

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
            "name_href": f"/fleet/{node.node}",
            "name_note": node.node,
            "kind": words.name_of("kind", node.kind),
            "place": words.place(node.kind, node.place),
            "last_seen": heard,
            "journal": words.say("none") if node.journal_depth is None else words.number(node.journal_depth),
            "records": words.number(node.records),
            "firmware": node.firmware or words.say("none"),
        }

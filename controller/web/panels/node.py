"""One node: who it is, how it is, its account in the ledger, its documents, what happened to it, what it shows.

Never judges; the file is read anew when the node has told something, at most every few seconds.
Specification: controller/services/node_file.py; controller/services/live.py, NodeView and LedgerRow.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from controller.access.table import may
from controller.web.dom import Rows, box, icon, put, text
from controller.web.panels.chart import ChartPanel
from controller.web.panels.displays import DisplaysPanel
from controller.web.panels.paged_table import ROWS_A_PAGE, Column, PagedTable
from controller.web.panels.pager import Pager
from controller.web.pulse import Moment
from controller.web.reconciliation import row_state
from controller.web.visit import Visit

if TYPE_CHECKING:
    from controller.services.live import LedgerRow, NodeView
    from controller.services.node_file import Happening, NodeFile

READ_AGAIN_S = 3.0
STATUS = ("uptime_s", "heap_free", "journal_erases", "link_connects", "task_restarts", "peripheral_faults")
ACCOUNT = ("journalled", "receipted", "stored", "missing", "declared_gaps", "refused_duplicates")
_LOOK = {"error": "bad", "warning": "warn", "refused": "warn", "failed": "bad", "expired": "warn"}

Fact = tuple[str, str, str]  # label, value, state


class NodePanel:
    """Built once a page, then shown each moment."""

    def __init__(self, visit: Visit, moment: Moment) -> None:
        self._visit = visit
        words = self._words = visit.words
        self._moment = moment
        self._file: NodeFile | None = None
        self._read_records = -1
        view = self._view(moment)
        if view is None:
            with box("section", "panel"):
                text("p", words.say("node.unknown", node=visit.address.subject), "empty")
                text("a", words.say("node.back"), "button", href="/fleet")
            return
        with box("section", "panel node", aria_labelledby="node-title"):
            with box("div", "panel-head"):
                text("h2", view.name, id="node-title")
                with box("span", "chip") as self._chip:
                    icon("state")
                    self._state = text("b")
                text("a", words.say("node.back"), "export", href="/fleet")
                if visit.desk.alarms is not None and may(visit.actor, "alarms.see"):
                    text("a", words.say("way.alarms"), "export", href=f"/alarms?q={view.node}")
            self._facts = _facts(words.say("node.now"))
            self._account = _facts(words.say("section.ledger"))
            self._health = _facts(words.say("node.status"))
            self._documents = _facts(words.say("node.documents"))
        if view.kind == "stop_display":
            self._shown: DisplaysPanel | ChartPanel = DisplaysPanel(visit, moment)
        else:
            self._shown = ChartPanel(visit, moment)
        with box("section", "panel happenings", aria_labelledby="happenings-title"):
            with box("div", "panel-head"):
                text("h2", words.say("node.happenings"), id="happenings-title")
                pager = Pager(visit, ROWS_A_PAGE, lambda: self._table.turned())
            columns: tuple[Column[Happening], ...] = (
                Column("when", lambda one: -one.seq, head=True),
                Column("what", lambda one: (one.kind, -one.seq)),
                Column("told", lambda one: -one.seq),
                Column("seq", lambda one: one.seq, figure=True),
            )
            self._table = PagedTable(
                visit,
                columns,
                pager,
                self._row,
                sort_by="when",
                label=words.say("node.happenings"),
                nothing=words.say("node.nothing"),
            )
            self._table.show(())
        self.show(moment)
        if visit.desk.node_file:
            ui.timer(READ_AGAIN_S, self._read)

    def _view(self, moment: Moment) -> NodeView | None:
        return next((one for one in moment.snapshot.nodes if one.node == self._visit.address.subject), None)

    def show(self, moment: Moment) -> None:
        """Bring up to date."""
        self._moment = moment
        view = self._view(moment)
        if view is None:
            return
        words = self._words
        state = "online" if view.online else "offline"
        put(self._chip, data_state="good" if view.online else "bad")
        self._state.text = words.say(f"state.{state}")
        self._facts.show(self._now(view))
        account = next((row for row in moment.snapshot.ledger if row.node == view.node), None)
        self._account.show(self._booked(account) if account else ())
        self._shown.show(moment)

    async def _read(self) -> None:
        """Read the file when there are new records, and as long as documents are on their way."""
        view, read = self._view(self._moment), self._visit.desk.node_file
        if view is None or read is None:
            return
        on_the_way = self._file and any(one.state in ("waiting", "pulling") for one in self._file.documents)
        if view.records == self._read_records and not on_the_way:
            return
        self._read_records = view.records
        file = await read(view.node)
        if file != self._file:
            self._file = file
            self._health.show(self._told(file))
            self._documents.show(self._held(file))
            self._table.show(file.happenings)

    def _now(self, view: NodeView) -> Iterable[Fact]:
        words = self._words
        now_s = self._moment.snapshot.time_s
        heard = words.say("table.never_seen")
        if view.last_seen_s is not None:
            heard = f"{words.moment(view.last_seen_s, now_s)} ({words.age(now_s - view.last_seen_s)})"
        waiting = words.say("none") if view.journal_depth is None else words.number(view.journal_depth)
        yield words.say("column.kind"), words.name_of("kind", view.kind), ""
        yield words.say("column.place"), words.place(view.kind, view.place) or words.say("none"), ""
        yield words.say("node.id"), view.node, ""
        yield words.say("column.firmware"), view.firmware or words.say("none"), ""
        yield words.say("column.last_seen"), heard, "" if view.online else "bad"
        yield words.say("column_title.journal"), waiting, ""

    def _booked(self, row: LedgerRow) -> Iterable[Fact]:
        state = row_state(row)
        yield (
            self._words.say("column.state"),
            self._words.say(f"ledger.state.{state}"),
            "" if state == "sound" else "bad",
        )
        for name in ACCOUNT:
            yield self._words.say(f"column.{name}"), self._words.number(getattr(row, name)), ""

    def _told(self, file: NodeFile) -> Iterable[Fact]:
        if file.status is None:
            return
        yield self._words.say("column.when"), self._when(file.status), ""
        for name in STATUS:
            value = int(file.status.fields[name])
            told = self._words.span(value) if name == "uptime_s" else self._words.number(value)
            yield self._words.say(f"status.{name}"), told, "warn" if value and name.endswith("faults") else ""

    def _held(self, file: NodeFile) -> Iterable[Fact]:
        for copy in file.documents:
            state = self._words.say(f"document.{copy.state}", held=copy.held, wanted=copy.wanted)
            look = {"refused": "warn", "failed": "bad"}.get(copy.state, "")
            yield self._words.name_of("document.type", copy.type), f"{state} {copy.reason}".strip(), look

    def _when(self, one: Happening) -> str:
        return self._words.moment(one.at_s, self._moment.snapshot.time_s) if one.at_s else self._words.say("none")

    def _row(self, one: Happening) -> dict[str, str]:
        words, fields = self._words, dict(one.fields)
        for name in ("reset_cause", "code", "outcome", "reason"):
            if name in fields:
                fields[name] = words.name_of(f"told.{name}", str(fields[name]))
        if one.kind == "document":
            fields["type"] = words.name_of("document.type", str(fields["type"]))
        elif one.kind == "result":
            ordered_s = int(one.fields["command_id"]) / 1e6  # an id is the time of the order, in microseconds
            fields["ordered"] = words.moment(ordered_s, self._moment.snapshot.time_s)
        word = str(one.fields.get("severity", one.fields.get("outcome", "")))
        look = _LOOK.get(word, "")
        return {
            "id": str(one.seq),
            "look": look,
            "when": self._when(one),
            "when_note": "" if one.clock in ("receipt", "gnss", "held") else words.say(f"clock.{one.clock}"),
            "what": words.say(f"happening.{one.kind}.name"),
            "what_state": look,
            "told": words.say(f"happening.{one.kind}.told", **fields),
            "seq": words.number(one.seq),
        }


def _facts(title: str) -> Rows[Fact, tuple[ui.element, TextElement, TextElement]]:
    """A list of facts below a title; hidden by page.css while it is empty."""
    with box("div", "facts"):
        text("h3", title)
        return Rows(box("dl"), _make, _fill)


def _make() -> tuple[ui.element, tuple[ui.element, TextElement, TextElement]]:
    with box("div", "fact") as row:
        label = text("dt")
        value = text("dd")
    return row, (row, label, value)


def _fill(texts: tuple[ui.element, TextElement, TextElement], fact: Fact) -> None:
    row, label, value = texts
    label.text, value.text = fact[0], fact[1]
    put(row, data_state=fact[2])

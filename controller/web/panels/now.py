"""What is wrong now, first of all: gravest first, what to do, who has it, and the buttons to act; or one calm line.

Never decides what is wrong: services/alarms.py did. A reader with a screen reader hears new headlines, not ticking
ages. Specification: controller/web/README.md, "What counts as wrong".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from controller.access.table import may
from controller.web.alarm_lines import AlarmLine, DoneLine
from controller.web.dom import Rows, box, icon, on, put, text
from controller.web.panels.alarm_dialog import HANDLE, AlarmDialog
from controller.web.panels.pager import Pager
from controller.web.pulse import Moment
from controller.web.visit import Visit

ALARMS_A_PAGE = 12
# The keys of a line: a letter is the key's place, so that a Ukrainian keyboard has it too.
KEYS = """(event) => {
  const line = event.currentTarget;
  if (event.target !== line || event.ctrlKey || event.altKey || event.metaKey) return;
  const next = { ArrowDown: line.nextElementSibling, ArrowUp: line.previousElementSibling }[event.code];
  const button = line.querySelector(`button[data-key="${event.code}"]`);
  if (!next && !button) return;
  event.preventDefault();
  next?.focus();
  button?.click();
}"""


class _Line:
    """One alarm for as long as it stands on the page: a button never acts on another one that has come in its place."""

    def __init__(self, panel: NowPanel, number: int) -> None:
        say = panel.visit.words.say
        with box("li", "alert", tabindex="0", data_alarm=str(number)) as self.root:
            icon("alarm")
            with box("div", "alert-words"):
                self._headline = text("b", look="alert-headline")
                self._detail = text("span", look="alert-detail")
            self._advice = text("p", look="alert-advice")
            self._in_hand = text("p", look="alert-in-hand")
            if panel.dialog is None:
                return
            self.root.on("keydown", js_handler=KEYS)
            with box("div", "alert-buttons"):
                for name, key, action, act in (
                    ("acknowledge", "KeyA", HANDLE, panel.dialog.acknowledge),
                    ("mine", "KeyM", HANDLE, panel.dialog.take),
                    ("more", "Enter", "alarms.see", panel.dialog.open),
                ):
                    title = say(f"now.{name}_title")
                    button = text("button", say(f"now.{name}"), f"act act-{name}", type="button", title=title)
                    put(button, data_key=key)
                    on(button, "click", partial(act, number), action)

    def fill(self, line: AlarmLine) -> None:
        put(self.root, data_severity=line.severity, data_state=line.state)
        self._headline.text, self._detail.text = line.headline, line.detail
        self._advice.text, self._in_hand.text = line.advice, line.in_hand


class NowPanel:
    """Built once a page, then shown each moment. Who may not act has no buttons, who may not see sees nothing."""

    def __init__(self, visit: Visit, moment: Moment) -> None:
        self.visit = visit
        self.dialog: AlarmDialog | None = None
        self._sees = may(visit.actor, "alarms.see")
        self._lines: dict[int, _Line] = {}
        self._shown: tuple[AlarmLine, ...] | None = None
        words = visit.words
        with box("section", "attention", aria_labelledby="attention-title") as self._panel:
            text("h2", words.say("section.attention"), "unseen", id="attention-title")
            self._spoken = text("p", look="unseen", role="status")
            with box("div", "calm"):
                icon("good")
                text("b", words.say("calm.headline"), "calm-headline")
                self._calm = text("span", look="calm-detail")
            self._list = box("ul", "alerts")
            with box("div", "alert-foot"):
                self._pager = Pager(visit, ALARMS_A_PAGE, self._turned)
                if visit.desk.alarms is not None and may(visit.actor, HANDLE):
                    text("p", words.say("now.keys"), "alert-keys")
                    self.dialog = AlarmDialog(visit, visit.desk.alarms)
                if visit.desk.alarms is not None:
                    text("a", words.say("way.alarms"), "past-link", href="/alarms")
            with box("details", "ended") as self._ended:
                text("summary", words.say("now.done"))
                self._done: Rows[DoneLine, tuple[TextElement, ...]] = Rows(box("ul"), _make_done, _fill_done)
        self._told_ended: tuple[DoneLine, ...] | None = None
        self.show(moment)

    def show(self, moment: Moment) -> None:
        """Bring up to date."""
        put(self._panel, data_hidden="no" if self._sees else "yes")
        if not self._sees:
            return
        scene = self.visit.scene(moment)
        self._calm.text = scene.calm
        if scene.ended != self._told_ended:
            self._told_ended = scene.ended
            put(self._ended, data_hidden="no" if scene.ended else "yes")
            self._done.show(scene.ended)
        if scene.alarms == self._shown:
            return
        self._shown = scene.alarms
        put(self._panel, data_state="wrong" if scene.alarms else "calm")
        awake = [line.headline for line in scene.alarms if line.state != "snoozed"]
        self._spoken.text = ". ".join(awake[:ALARMS_A_PAGE]) or self.visit.words.say("calm.headline")
        self._show_lines(self._pager.cut(scene.alarms))

    def _turned(self) -> None:
        self._show_lines(self._pager.cut(self._shown or ()))

    def _show_lines(self, lines: Sequence[AlarmLine]) -> None:
        before = list(self._lines)
        for number in set(before) - {line.id for line in lines}:
            self._lines.pop(number).root.delete()
        with self._list:
            for line in lines:
                if line.id not in self._lines:
                    self._lines[line.id] = _Line(self, line.id)
                self._lines[line.id].fill(line)
        if list(self._lines) != [line.id for line in lines]:
            self._lines = {line.id: self._lines[line.id] for line in lines}
            for place, one in enumerate(self._lines.values()):
                one.root.move(target_index=place)


def _make_done() -> tuple[ui.element, tuple[TextElement, ...]]:
    with box("li", "ended-alarm") as row:
        return row, (text("b"), text("span"), text("span", look="ended-proof"))


def _fill_done(texts: tuple[TextElement, ...], line: DoneLine) -> None:
    headline, ended, proof = texts
    headline.text, ended.text, proof.text = line.headline, line.ended, line.proof

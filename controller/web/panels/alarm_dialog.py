"""Everything that can be done with one alarm, in a dialog: give, comment, snooze, close with proof; and what was done.

Never decides what proves anything: services/alarms.py offers it. The browser's own <dialog> holds the keyboard's focus.
Specification: HTML, the dialog element; controller/web/README.md, "What counts as wrong".
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from nicegui.events import GenericEventArguments

from controller.access.audit import describe
from controller.access.events import guarded
from controller.services.alarms import AlarmRefused, Alarms
from controller.web.alarm_lines import alarm_lines, proof_words, step_words
from controller.web.dom import box, on, put, text
from controller.web.visit import Visit

SHORT_S, LONG_S = 15 * 60, 60 * 60
LONGEST_TEXT = "1000"
HANDLE = "alarms.handle"
READ_FORM = """(event) => {
  event.preventDefault();
  emit(new FormData(event.currentTarget).get("text"));
}"""
SHUT = """(event) => event.currentTarget.closest("dialog").close()"""


class AlarmDialog:
    """One a page; `open` fills it anew. The two things done most often need no dialog, unless they are refused."""

    def __init__(self, visit: Visit, alarms: Alarms) -> None:
        self._visit = visit
        self._alarms = alarms
        self._number = 0
        self._root = box("dialog", "alarm-dialog", aria_labelledby="alarm-dialog-title")

    async def open(self, number: int) -> None:
        """Show this alarm."""
        self._number = number
        await self._fill("")
        self._root.run_method("showModal")

    async def acknowledge(self, number: int) -> None:
        """The reader has seen it."""
        await self._do(number, "acknowledge")

    async def take(self, number: int) -> None:
        """It is the reader's."""
        await self._do(number, "assign", self._visit.actor.name)

    async def _do(self, number: int, what: str, said: str = "") -> None:
        try:
            await self._alarms.handle(self._visit.actor.name, number, what, said)
        except AlarmRefused:
            describe(f"alarm {number}", after={"what": what}, result="refused")
            await self.open(number)  # says why: it has ended

    async def _fill(self, refusal: str) -> None:
        words, now_s = self._visit.words, self._alarms.now_s()
        try:
            alarm, notes = await asyncio.to_thread(self._alarms.one, self._number)
            proofs = await asyncio.to_thread(self._alarms.proofs_of, self._number)
        except AlarmRefused as refused:
            self._root.clear()
            with self._root:
                text("h2", words.say(f"now.refusal.{refused.code}"), id="alarm-dialog-title")
                self._back()
            return
        (line,) = alarm_lines((alarm,), words, now_s)
        self._root.clear()
        with self._root:
            text("h2", line.headline, id="alarm-dialog-title")
            text("p", line.detail)
            text("p", line.advice, "alert-advice")
            text("p", refusal, "alert-refusal", role="alert")
            self._give()
            self._write("comment")
            self._snooze(is_snoozed=bool(alarm.snoozed_until_s), now_s=now_s)
            with box("fieldset", "deed"):
                text("legend", words.say("now.close"))
                for proof in proofs:
                    told = words.say("now.close_with", proof=proof_words(proof, words, now_s))
                    self._button(told, "close", seq=proof.seq)
                if not proofs and not self._alarms.may_state(alarm):
                    text("p", words.say("now.close_none"))
            if self._alarms.may_state(alarm):
                self._write("close")
            text("h3", words.say("now.steps"))
            with box("ol", "steps"):
                for step in step_words(notes, words, now_s):
                    text("li", step)
            self._back()

    def _give(self) -> None:
        words, me = self._visit.words, self._visit.actor.name
        with self._form("assign"):
            text("label", words.say("now.give"), for_="alarm-give")
            with box("select", name="text", id="alarm-give"):
                for name in dict.fromkeys((me, *self._alarms.people())):
                    text("option", name, value=name)
            text("button", words.say("now.give_submit"), "act", type="submit")

    def _write(self, what: str) -> None:
        words = self._visit.words
        label = "close_state" if what == "close" else what
        with self._form(what):
            text("label", words.say(f"now.{label}"), for_=f"alarm-{what}")
            field = box("textarea", name="text", id=f"alarm-{what}", rows="2", maxlength=LONGEST_TEXT)
            put(field, required="")
            text("button", words.say(f"now.{what}_submit"), "act", type="submit")

    def _snooze(self, *, is_snoozed: bool, now_s: float) -> None:
        words = self._visit.words
        with box("fieldset", "deed"):
            text("legend", words.say("now.snooze"))
            for name, until_s in (
                ("snooze_15", now_s + SHORT_S),
                ("snooze_60", now_s + LONG_S),
                ("snooze_morning", words.next_morning_s(now_s)),
            ):
                self._button(words.say(f"now.{name}"), "snooze", until_s=until_s)
            if is_snoozed:
                self._button(words.say("now.wake"), "wake")

    def _back(self) -> None:
        text("button", self._visit.words.say("now.back"), "act", type="button").on("click", js_handler=SHUT)

    def _button(self, label: str, what: str, **how: Any) -> None:
        button = text("button", label, "act", type="button", data_what=what)
        on(button, "click", partial(self._handle, what, "", **how), HANDLE)

    def _form(self, what: str) -> Any:
        async def sent(event: GenericEventArguments) -> None:
            await self._handle(what, str(event.args))

        return box("form", "deed", data_what=what).on("submit", guarded(HANDLE, sent), js_handler=READ_FORM)

    async def _handle(self, what: str, said: str, **how: Any) -> None:
        try:
            await self._alarms.handle(self._visit.actor.name, self._number, what, said, **how)
        except AlarmRefused as refused:
            describe(f"alarm {self._number}", after={"what": what}, result="refused")
            await self._fill(self._visit.words.say(f"now.refusal.{refused.code}"))
        else:
            self._root.run_method("close")

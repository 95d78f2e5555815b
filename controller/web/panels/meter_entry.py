"""A reading taken by eye: when, what the display showed, a note; what cannot be so is refused in plain words.

Never stores anything itself and overwrites nothing: a correction is another entry.
Specification: controller/services/by_eye.py, buildings.py; controller/web/README.md, "Charts and buildings".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from nicegui import ui
from nicegui.events import GenericEventArguments

from controller.access.audit import describe
from controller.access.events import guarded
from controller.access.table import may
from controller.services.buildings import ReadingEntry
from controller.services.by_eye import NotRead, check, read_number
from controller.services.period import NoPeriod, moment
from controller.web.dom import box, put, text
from controller.web.visit import Visit

if TYPE_CHECKING:
    from controller.services.usage import Account, Usage

ENTER = "meters.enter"
LONGEST = 200
READ_FORM = """(event) => {
  event.preventDefault();
  emit(Object.fromEntries(new FormData(event.currentTarget)));
}"""


class MeterEntryForm:
    """For who may enter; `entered` is called when something new is stored."""

    def __init__(self, visit: Visit, usage: Usage, account: Account, entered: Callable[[], Awaitable[None]]) -> None:
        self._visit = visit
        self._usage = usage
        self._account = account
        self._entered = entered
        words = visit.words
        if not (account.meters and may(visit.actor, ENTER)):
            return
        unit = account.meters[-1].unit
        self._names = (words.name_of("unit", unit), unit)
        with box("section", "panel entry", aria_labelledby="entry-title"):
            with box("div", "panel-head"):
                text("h2", words.say("entry.title"), id="entry-title")
            form = box("form", "entry-form", autocomplete="off")
            with form:
                now = words.input_time(usage.now_s())
                with _labelled(words.say("entry.time")):
                    put(_field("time", "datetime-local"), required="", **{".defaultValue": now})
                with _labelled(words.say("entry.reading", unit=self._names[0])):
                    put(_field("reading", "text"), required="", inputmode="decimal")
                with _labelled(words.say("entry.note")):
                    _field("note", "text")
                with box("label", "entry-correction"):
                    box("input", type="checkbox", name="correction", value="yes")
                    text("span", words.say("entry.correction"))
                text("button", words.say("entry.submit"), "button", type="submit")
            form.on("submit", guarded(ENTER, self._sent), js_handler=READ_FORM)
            self._refusal = text("p", look="entry-refusal", role="alert")
            self._done = text("p", look="entry-done", role="status")

    async def _sent(self, event: GenericEventArguments) -> None:
        typed = {name: str(event.args.get(name, ""))[:LONGEST] for name in ("time", "reading", "note", "correction")}
        words, point = self._visit.words, self._account.points[0]
        told = {"time": typed["time"], "reading": typed["reading"]}
        self._refusal.text = self._done.text = ""
        try:
            entry = await asyncio.to_thread(self._read, typed)
            report = await self._usage.buildings.enter([entry], self._visit.actor.name)
            if report.problems:
                raise NotRead("service", told=report.problems[0].message)
        except NotRead as refused:
            describe(f"{point.building}: {point.name}", after=told, result="refused")
            values = dict(refused.told)
            if "at_ms" in values:
                values["moment"] = words.minute(int(str(values.pop("at_ms"))) / 1000)
                values["reading"] = f"{words.figure(float(str(values['reading'])))} {self._names[0]}"
            self._refusal.text = words.say(f"entry.refusal.{refused.code}", **values)
            return
        describe(f"{point.building}: {point.name}", after=told)
        self._usage.forget()
        self._done.text = words.say("entry.done" if report.stored else "entry.already")
        await self._entered()

    def _read(self, typed: dict[str, str]) -> ReadingEntry:
        point = self._account.points[0]
        reading = read_number(typed["reading"], self._names)
        try:
            at_s = moment(typed["time"], str(self._usage.zone))
        except NoPeriod:
            raise NotRead("no_time") from None
        if at_s > self._usage.now_s():
            raise NotRead("future")
        correction = bool(typed["correction"])
        check(self._usage.buildings, point, at_s, reading, correction=correction)
        return ReadingEntry(point.building, point.name, typed["time"], reading, typed["note"], correction)


def _labelled(label: str) -> ui.element:
    made = box("label", "entry-field")
    with made:
        text("span", label)
    return made


def _field(name: str, kind: str) -> ui.element:
    return box("input", type=kind, name=name, maxlength=str(LONGEST))

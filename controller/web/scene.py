"""One moment of the town in one language: what all pages of that language show, each part worked out once, when asked.

Never knows NiceGUI or a browser; a snapshot goes in, texts and numbers come out.
Specification: controller/web/README.md; the shapes of the input are controller/services/live.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from controller.web.alarm_lines import AlarmLine, DoneLine, alarm_lines, done_lines
from controller.web.figures import Figure, figures
from controller.web.glass_cards import Glass, glasses
from controller.web.marks import Mark, display_marks, vehicle_marks
from controller.web.reconciliation import Verdict
from controller.web.wording import Words

if TYPE_CHECKING:
    from controller.services.live import Snapshot


@dataclass(frozen=True)
class Scene:
    """Everything of one moment that does not depend on what a reader filtered or sorted."""

    snapshot: Snapshot
    verdict: Verdict
    colours: Mapping[str, str]
    words: Words

    @cached_property
    def clock(self) -> str:
        """The town's time of day."""
        return self.words.clock(self.snapshot.time_s)

    @cached_property
    def date(self) -> str:
        """Day of the week, day and month."""
        return self.words.date(self.snapshot.time_s)

    @cached_property
    def online(self) -> tuple[int, int]:
        """How many nodes are online, of how many."""
        return sum(node.online for node in self.snapshot.nodes), len(self.snapshot.nodes)

    @cached_property
    def online_words(self) -> str:
        """The same in words."""
        number = self.words.number
        return self.words.say("online_ratio", online=number(self.online[0]), total=number(self.online[1]))

    @cached_property
    def alarms(self) -> tuple[AlarmLine, ...]:
        """What is wrong, the gravest first."""
        return alarm_lines(self.snapshot.alarms, self.words, self.snapshot.time_s)

    @cached_property
    def ended(self) -> tuple[DoneLine, ...]:
        """What was wrong, and what shows that it is over."""
        return done_lines(self.snapshot.alarms_ended, self.words, self.snapshot.time_s)

    @property
    def wrong(self) -> int:
        """How many things are wrong that nobody has put off."""
        return sum(alarm.state != "snoozed" for alarm in self.snapshot.alarms)

    @cached_property
    def calm(self) -> str:
        """What is said when nothing is."""
        if not self.snapshot.nodes:
            return self.words.say("calm.no_nodes")
        return self.words.say("calm.detail", ratio=self.online_words)

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """The counters."""
        return figures(self.snapshot.counters, self.words)

    @cached_property
    def glasses(self) -> tuple[Glass, ...]:
        """The displays' cards."""
        contradicted = {alarm.node for alarm in self.snapshot.alarms if alarm.kind == "glass"}
        return glasses(self.snapshot, contradicted, self.words)

    @cached_property
    def vehicles(self) -> tuple[Mark, ...]:
        """What moves on the map."""
        return vehicle_marks(self.snapshot, self.colours, self.words)

    @cached_property
    def displays(self) -> tuple[Mark, ...]:
        """What stands on the map."""
        return display_marks(self.snapshot, self.glasses)

    @cached_property
    def ledger(self) -> tuple[str, str, str]:
        """State, verdict and explanation of the ledger."""
        return ledger_words(self.verdict, self.words)


def ledger_words(verdict: Verdict, words: Words) -> tuple[str, str, str]:
    """State, verdict and explanation of the ledger, in plain words."""
    if not verdict.nodes:
        return "empty", words.say("ledger.empty"), words.say("ledger.empty_detail")
    if verdict.reconciles:
        detail = words.count("ledger.sound_detail", verdict.totals.stored)
        if verdict.totals.declared_gaps:
            detail += " " + words.count("ledger.declared", verdict.totals.declared_gaps)
        return "sound", words.say("ledger.sound"), detail
    parts = []
    if verdict.owing:
        missing = words.count("ledger.missing", verdict.totals.missing)
        parts.append(words.count("ledger.owing_detail", len(verdict.owing), missing=missing))
    if verdict.unbalanced:
        parts.append(words.count("ledger.unbalanced_detail", len(verdict.unbalanced)))
    if verdict.conflicting:
        parts.append(words.count("ledger.conflicting", verdict.conflicting))
    state = "unbalanced" if verdict.unbalanced or verdict.conflicting else "owing"
    return state, words.say(f"ledger.{state}"), " ".join(parts)

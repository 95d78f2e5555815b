"""One moment of the town in one language: what all pages of that language show, worked out once.

Never knows NiceGUI or a browser; a snapshot and findings go in, texts and numbers come out.
Specification: controller/web/README.md; the shapes of the input are controller/services/live.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.web.alerts import Alert, alerts
from controller.web.figures import Figure, figures
from controller.web.findings import Finding
from controller.web.glass_cards import Glass, glasses
from controller.web.marks import Mark, display_marks, vehicle_marks
from controller.web.reconciliation import Verdict
from controller.web.wording import Words

if TYPE_CHECKING:
    from controller.services.live import Snapshot


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything of one moment that does not depend on what a reader filtered or sorted."""

    site: str
    feed: str
    clock: str
    date: str
    online: str
    all_online: bool
    alerts: tuple[Alert, ...]
    calm: str
    figures: tuple[Figure, ...]
    glasses: tuple[Glass, ...]
    vehicles: tuple[Mark, ...]
    displays: tuple[Mark, ...]
    ledger_state: str
    ledger_word: str
    ledger_detail: str


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


def compose(
    snapshot: Snapshot, findings: Sequence[Finding], verdict: Verdict, colours: Mapping[str, str], words: Words
) -> Scene:
    """The whole scene of one language."""
    online = sum(1 for node in snapshot.nodes if node.online)
    ratio = words.say("online_ratio", online=words.number(online), total=words.number(len(snapshot.nodes)))
    contradicted = {finding.subject for finding in findings if finding.kind == "glass"}
    told = glasses(snapshot, contradicted, words)
    ledger_state, ledger_word, ledger_detail = ledger_words(verdict, words)
    return Scene(
        site=snapshot.site,
        feed=snapshot.feed_name,
        clock=words.clock(snapshot.time_s),
        date=words.date(snapshot.time_s),
        online=ratio,
        all_online=online == len(snapshot.nodes),
        alerts=alerts(findings, words, snapshot.time_s),
        calm=words.say("calm.detail", ratio=ratio) if snapshot.nodes else words.say("calm.no_nodes"),
        figures=figures(snapshot.counters, words),
        glasses=told,
        vehicles=vehicle_marks(snapshot, colours, words),
        displays=display_marks(snapshot, told),
        ledger_state=ledger_state,
        ledger_word=ledger_word,
        ledger_detail=ledger_detail,
    )

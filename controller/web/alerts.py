"""Findings as lines that a dispatcher reads: what is wrong, since when, and what to do about it.

Never knows NiceGUI or a browser, and decides nothing: what is wrong was found in findings.py.
Specification: controller/web/README.md, "What counts as wrong"; the texts are messages/*.toml.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from controller.web.findings import Finding
from controller.web.wording import Words

# More findings of one kind than this are told as one: a broken broker is one alarm, not two thousand.
ONE_BY_ONE = 3
NAMES_TOLD = 4


@dataclass(frozen=True, slots=True)
class Alert:
    """One line under "what is wrong": what, since when, and what to do about it."""

    severity: str
    headline: str
    detail: str
    advice: str


def alerts(findings: Iterable[Finding], words: Words, now_s: float) -> tuple[Alert, ...]:
    """The findings as lines; many of one kind become one line with the first names."""
    told: list[Alert] = []
    for kind, group in groupby(findings, key=lambda finding: finding.kind):
        alike = list(group)
        if len(alike) <= ONE_BY_ONE or kind == "refused":
            told.extend(_alert(finding, words, now_s) for finding in alike)
            continue
        names = ", ".join(finding.name for finding in alike[:NAMES_TOLD])
        more = len(alike) - NAMES_TOLD
        detail = words.count("names_and_more", more, names=names) if more > 0 else names
        headline = words.count(f"finding.{kind}.group", len(alike))
        told.append(Alert(alike[0].severity, headline, detail, words.say(f"finding.{kind}.advice")))
    return tuple(told)


def _alert(finding: Finding, words: Words, now_s: float) -> Alert:
    kind = finding.kind
    if kind == "refused":
        reason = finding.subject if words.knows(f"reason.{finding.subject}.name") else "other"
        return Alert(
            finding.severity,
            words.count("finding.refused.headline", finding.amount, reason=words.say(f"reason.{reason}.name")),
            words.say("finding.refused.detail", code=finding.subject, last=words.clock(finding.since_s or now_s)),
            words.say(f"reason.{reason}.advice"),
        )
    headline = words.say(f"finding.{kind}.headline", name=finding.name)
    detail = (
        words.count(f"finding.{kind}.amount", abs(finding.amount))
        if finding.amount
        else words.place(finding.node_kind, finding.place)
    )
    if kind == "offline" and finding.since_s is None:
        since = words.say("finding.offline.never")
    elif finding.since_s is None:
        since = ""
    else:
        age = words.age(now_s - finding.since_s)
        since = words.say(f"finding.{kind}.since", moment=words.moment(finding.since_s, now_s), age=age)
    return Alert(
        finding.severity,
        headline,
        " · ".join(part for part in (detail, since) if part),
        words.say(f"finding.{kind}.advice"),
    )

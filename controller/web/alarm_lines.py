"""Alarms as lines that a dispatcher reads: what is wrong, since when, what to do, who has it; and what proved its end.

Never knows NiceGUI or a browser, and decides nothing: services/alarms.py did.
Specification: controller/web/README.md, "What counts as wrong"; the texts are messages/*.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.web.wording import Words

if TYPE_CHECKING:
    from controller.services.alarms_life import Alarm, Note, Proof

NAMES_TOLD = 4
CODED = ("offline", "meter", "air", "unstable")  # kinds whose detail is codes
NEVER = "never"


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """One alarm; what there is nothing to say about is empty. `state`: open, acknowledged, snoozed."""

    id: int
    severity: str
    state: str
    headline: str
    detail: str
    advice: str
    in_hand: str


@dataclass(frozen=True, slots=True)
class DoneLine:
    """One alarm that ended: what it was, how it ended and what shows it."""

    headline: str
    ended: str
    proof: str


def alarm_lines(alarms: Iterable[Alarm], words: Words, now_s: float) -> tuple[AlarmLine, ...]:
    """In the order in which they come."""
    return tuple(
        AlarmLine(
            alarm.id,
            alarm.severity,
            alarm.state,
            headline(alarm, words),
            _joined(_about(alarm, words), _victims(alarm, words), _since(alarm, words, now_s)),
            _advice(alarm, words),
            _in_hand(alarm, words, now_s),
        )
        for alarm in alarms
    )


def done_lines(alarms: Iterable[Alarm], words: Words, now_s: float) -> tuple[DoneLine, ...]:
    """Those that ended."""
    return tuple(
        DoneLine(
            headline(alarm, words),
            words.say(f"now.ended.{alarm.end}", who=alarm.ended_by, moment=words.moment(alarm.ended_s or now_s, now_s)),
            proof_words(alarm.proof, words, now_s) if alarm.proof else "",
        )
        for alarm in alarms
    )


def headline(alarm: Alarm, words: Words) -> str:
    """What is wrong."""
    if alarm.kind == "refused":
        reason = words.say(f"reason.{_reason(alarm, words)}.name")
        return words.count("alarm.refused.headline", alarm.amount, reason=reason)
    name = words.place(alarm.node_kind, alarm.name) if alarm.kind == "place" else alarm.name
    return words.say(f"alarm.{alarm.kind}.headline", name=name)


def proof_words(proof: Proof, words: Words, now_s: float) -> str:
    """What shows that it is over."""
    moment = words.moment(proof.at_s, now_s)
    if proof.seq:
        record = words.name_of("record", proof.what)
        told = words.say("now.proof.record", record=record, seq=proof.seq, moment=moment, crc=f"{proof.crc32:08x}")
        return told if not proof.text else _joined(told, words.say("now.proof.picture", crc=proof.text))
    if proof.what in ("ledger", "statement", "cause"):
        return words.say(f"now.proof.{proof.what}", text=proof.text)
    if words.knows(f"now.proof.{proof.what}"):
        return words.say(f"now.proof.{proof.what}", moment=moment)
    return _joined(words.name_of("record", proof.what), proof.text, moment)


def step_words(notes: Iterable[Note], words: Words, now_s: float) -> tuple[str, ...]:
    """What was done about it so far."""
    return tuple(
        _joined(
            words.moment(note.at_s, now_s), words.name_of("now.step", note.what), note.who, _said(note, words, now_s)
        )
        for note in notes
    )


def _said(note: Note, words: Words, now_s: float) -> str:
    return words.moment(float(note.text), now_s) if note.what == "snoozed" else note.text


def _about(alarm: Alarm, words: Words) -> str:
    """Where it is, how much of it there is, what the node said."""
    place = "" if alarm.kind == "place" else words.place(alarm.node_kind, alarm.place)
    key = f"alarm.{alarm.kind}.amount"
    amount = words.count(key, alarm.amount) if alarm.amount and words.knows(f"{key}.one") else ""
    return _joined(place, amount, _told(alarm, words))


def _told(alarm: Alarm, words: Words) -> str:
    """What the node said is in a technician's English; what is a code has its words."""
    if alarm.kind == "refused":
        return alarm.subject
    if alarm.kind not in CODED:
        return alarm.detail
    return re.sub(r"\w+", lambda found: words.name_of("alarm_word", found[0]), alarm.detail)


def _victims(alarm: Alarm, words: Words) -> str:
    if not alarm.victims:
        return ""
    names = ", ".join(alarm.victims[:NAMES_TOLD])
    more = len(alarm.victims) - NAMES_TOLD
    return words.count("names_and_more", more, names=names) if more > 0 else names


def _since(alarm: Alarm, words: Words, now_s: float) -> str:
    if alarm.detail == NEVER:
        return ""
    key = f"alarm.{alarm.kind}.since" if words.knows(f"alarm.{alarm.kind}.since") else "now.since"
    return words.say(key, moment=words.moment(alarm.since_s, now_s), age=words.age(now_s - alarm.since_s))


def _advice(alarm: Alarm, words: Words) -> str:
    if alarm.kind == "refused":
        return words.say(f"reason.{_reason(alarm, words)}.advice")
    return words.say(f"alarm.{alarm.kind}.advice")


def _reason(alarm: Alarm, words: Words) -> str:
    return alarm.subject if words.knows(f"reason.{alarm.subject}.name") else "other"


def _in_hand(alarm: Alarm, words: Words, now_s: float) -> str:
    return _joined(
        words.say("now.has_it", who=alarm.assignee) if alarm.assignee else "",
        words.say("now.seen_by", who=alarm.acknowledged_by) if alarm.acknowledged_by else "",
        words.say("now.sleeps", moment=words.moment(alarm.snoozed_until_s, now_s)) if alarm.snoozed_until_s else "",
        words.say("now.said", text=alarm.comment) if alarm.comment else "",
    )


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)

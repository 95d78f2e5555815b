"""Alarms that are over: which are wanted, in which order, and as lines of CSV; page and export have it in common.

Never knows NiceGUI or HTTP; what a reader chose comes as the address has it.
Specification: controller/web/README.md, "What counts as wrong"; RFC 4180 for CSV.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from controller.web.order import natural
from controller.web.wording import Words

if TYPE_CHECKING:
    from controller.services.alarms import Alarms
    from controller.services.alarms_life import Alarm, Note

ENDS = ("cleared", "closed", "unproven", "explained")
A_LOOK = 500  # alarms read in one piece, so that nobody waits long for the database
CSV_FIELDS = (
    "id", "kind", "subject", "node", "name", "place", "severity", "since", "opened", "ended", "seconds", "who",
    "comments", "end", "ended_by", "proof", "proof_at", "proof_node", "proof_seq", "proof_crc32", "proof_text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Past:
    """One alarm that is over, and what was done about it."""

    alarm: Alarm
    notes: tuple[Note, ...]

    @property
    def lasted_s(self) -> float:
        """From what was wrong first until it was over."""
        return max(0.0, (self.alarm.ended_s or self.alarm.since_s) - self.alarm.since_s)

    @property
    def who(self) -> tuple[str, ...]:
        """Everybody who had it, in order."""
        had = {
            "assigned": lambda note: note.text,
            "acknowledged": lambda note: note.who,
            "closed": lambda note: note.who,
        }
        return tuple(dict.fromkeys(had[note.what](note) for note in self.notes if note.what in had))

    @property
    def comments(self) -> tuple[str, ...]:
        """What people wrote, each with its writer."""
        return tuple(f"{note.who}: {note.text}" for note in self.notes if note.what == "commented")

    @property
    def end(self) -> str:
        """One of ENDS; unproven: nothing but a person's words shows that it is over."""
        proof = self.alarm.proof
        return "unproven" if proof is None or proof.what == "statement" else self.alarm.end


def orders(words: Words) -> Mapping[str, Callable[[Past], Any]]:
    """Column -> what it is ordered by; among equals the newest first."""
    return {
        "began": lambda one: (-one.alarm.since_s, -one.alarm.id),
        "ended": lambda one: (-(one.alarm.ended_s or 0.0), -one.alarm.id),
        "lasted": lambda one: (one.lasted_s, -one.alarm.id),
        "alarm": lambda one: (words.name_of("alarm_name", one.alarm.kind), -one.alarm.id),
        "subject": lambda one: (natural(subject(one.alarm, words)), -one.alarm.id),
        "in_hand": lambda one: (one.who, -one.alarm.id),
        "end": lambda one: (ENDS.index(one.end), -one.alarm.id),
    }


def found(alarms: Alarms, chosen: Mapping[str, str], words: Words, most: int | None = None) -> list[Past]:
    """Those that were asked for, the newest first, at most so many. Slow: it reads the database. Raises NoPeriod.

    `chosen`: `kind`, `node`, `end`, `q`, and days or times `from` and `to` between which they were opened.
    """
    period = words.period(chosen.get("from", ""), chosen.get("to", ""))
    terms = chosen.get("q", "").casefold().split()
    end = chosen.get("end", "")
    filters: dict[str, Any] = {"from_s": float(period.from_s), "to_s": float(period.to_s), "limit": A_LOOK}
    filters |= {name: chosen.get(name, "") for name in ("kind", "node")}
    rows: list[Past] = []
    while part := alarms.history(**filters):
        notes = alarms.notes_of([alarm.id for alarm in part])
        read = (Past(alarm, tuple(notes.get(alarm.id, ()))) for alarm in part)
        rows += (one for one in read if end in ("", one.end) and (not terms or _holds(one, terms, words)))
        if len(part) < A_LOOK or (most is not None and len(rows) >= most):
            break
        filters["before"] = part[-1].id
    return rows[:most]


def subject(alarm: Alarm, words: Words) -> str:
    """What it was about."""
    if alarm.kind == "refused":
        return (
            words.say(f"reason.{alarm.subject}.name") if words.knows(f"reason.{alarm.subject}.name") else alarm.subject
        )
    return words.place(alarm.node_kind, alarm.name) if alarm.kind == "place" else alarm.name


def _holds(one: Past, terms: list[str], words: Words) -> bool:
    alarm = one.alarm
    kind = words.name_of("alarm_name", alarm.kind)
    told = (kind, subject(alarm, words), alarm.place, alarm.node, alarm.detail, *alarm.victims, *one.who, *one.comments)
    heap = "\n".join(told).casefold()
    return all(term in heap for term in terms)


def csv_row(one: Past) -> tuple[object, ...]:
    """The values of CSV_FIELDS; times in UTC."""
    alarm, proof = one.alarm, one.alarm.proof
    about = (alarm.id, alarm.kind, alarm.subject, alarm.node, alarm.name, alarm.place, alarm.severity)
    times = (_iso(alarm.since_s), _iso(alarm.opened_s), _iso(alarm.ended_s), round(one.lasted_s))
    people = (", ".join(one.who), "\n".join(one.comments), one.end, alarm.ended_by)
    shown = (
        () if proof is None else (proof.what, _iso(proof.at_s), proof.node, proof.seq, f"{proof.crc32:08x}", proof.text)
    )
    return *about, *times, *people, *(shown or ("",) * 6)


def _iso(time_s: float | None) -> str:
    return "" if time_s is None else datetime.fromtimestamp(time_s, UTC).isoformat("T", "seconds")

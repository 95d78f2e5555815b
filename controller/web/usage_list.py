"""Buildings, their meters and what was consumed: which rows, in which order, in words and as lines of CSV.

Never knows NiceGUI or HTTP, and shows no amount where none is known: a gap is a gap, and what is unsure says why.
Specification: controller/services/usage.py; RFC 4180 for CSV.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from controller.services.usage import RAGGED, Account, Figures, Share
from controller.web.order import natural
from controller.web.wording import Words

if TYPE_CHECKING:
    from controller.services.consumption import Stand

SHARES = ("yesterday", "month", "month_before")
CSV_FIELDS = (
    "account", "building", "address", "point", "medium", "meter", "meter_since", "reading", "reading_unit", "read_at",
    "reading_marks", *SHARES, "unit", *(f"{name}_marks" for name in SHARES),
)  # fmt: skip
SHARE_FIELDS = (
    "account",
    "building",
    "point",
    "medium",
    "from",
    "to",
    "amount",
    "unit",
    "first_reading",
    "last_reading",
    "marks",
)
ORDERS: Mapping[str, Callable[[Account], Any]] = {
    "building": lambda one: (natural(one.building), one.is_sum, natural(one.point)),
    "point": lambda one: (natural(one.medium), natural(one.point), natural(one.building)),
}


def wanted(accounts: Iterable[Account], terms: Sequence[str], words: Words) -> list[Account]:
    """Those in which every term is found: in the building, its address, the point, its meters."""
    return [one for one in accounts if all(term in _heap(one, words) for term in terms)]


def _heap(one: Account, words: Words) -> str:
    serials = (meter.serial for meter in one.meters)
    return "\n".join((one.building, one.address, one.point, medium(one, words), *serials)).casefold()


def medium(one: Account, words: Words) -> str:
    """What is metered."""
    return words.name_of("medium", one.medium) if one.medium else ""


def name(one: Account, words: Words) -> str:
    """The point, or that it is a sum."""
    if not one.is_sum:
        return one.point
    return words.say("usage.sum_of", medium=medium(one, words) or words.name_of("unit", one.unit))


def amount(share: Share, unit: str, words: Words) -> str:
    """With its unit; where a part is not known it is at least so much."""
    if share.amount is None:
        return words.say("none")
    told = f"{words.figure(share.amount, _places(share.amount))}\N{NO-BREAK SPACE}{words.name_of('unit', unit)}"
    return words.say("usage.at_least", amount=told) if "partial" in share.marks else told


def _places(value: float) -> int:
    """So that three figures count."""
    return max(0, 3 - len(str(int(abs(value)))))


def remark(share: Share, words: Words) -> str:
    """Why it is not simply so."""
    if share.amount is None and not share.marks:
        return words.say("usage.mark.gap")
    told = [mark_words(mark, words) for mark in share.marks if mark != "several"]
    if "several" in share.marks:
        told.insert(0, words.say("usage.mark.several", moment=words.minute(share.first_ms / 1000)))
    return ", ".join(told)


def between(share: Share, words: Words) -> str:
    """The readings that it lies between."""
    if not share.first_ms:
        return ""
    first, last = (words.minute(ms / 1000) for ms in (share.first_ms, share.last_ms))
    return words.say("usage.between", first=first, last=last)


def is_ragged(share: Share, now_s: float) -> bool:
    """Its readings do not lie where the time begins and ends, by more than a tenth of it."""
    end = min(share.to_ms, now_s * 1000)
    off = max(abs(share.from_ms - share.first_ms), abs(end - share.last_ms))
    return bool(share.first_ms) and off > RAGGED * (share.to_ms - share.from_ms)


def mark_words(mark: str, words: Words) -> str:
    """One mark of a reading or of a step."""
    return words.say(f"usage.mark.{mark}") if words.knows(f"usage.mark.{mark}") else words.name_of("flag", mark)


def state(share: Share) -> str:
    """`gap`, `unsure` or `known`."""
    if share.amount is None:
        return "gap"
    return "unsure" if set(share.marks) - {"manual", "pushed", "replaced", "rollover"} else "known"


def reading(stand: Stand, words: Words) -> tuple[str, float]:
    """The unit and what it stood at, as the display shows it where that is known."""
    scale, unit = words.people_unit(stand.unit)
    return unit, stand.reading * scale


def csv_row(one: Account, figures: Figures) -> tuple[object, ...]:
    """The values of CSV_FIELDS; what nobody knows is empty."""
    last, meter = figures.last, one.meters[-1] if one.meters else None
    about = (one.id, one.building, one.address, one.point, one.medium)
    meters = (meter.serial, _iso(meter.from_ms)) if meter else ("", "")
    read = (last.reading, last.unit, _iso(last.at_ms), " ".join(last.quality)) if last else ("",) * 4
    amounts = (_told(share) for share in figures.shares)
    return *about, *meters, *read, *amounts, one.unit, *(" ".join(share.marks) for share in figures.shares)


def share_row(one: Account, share: Share) -> tuple[object, ...]:
    """The values of SHARE_FIELDS."""
    span = (_iso(share.first_ms), _iso(share.last_ms)) if share.first_ms else ("", "")
    times = (_iso(share.from_ms), _iso(share.to_ms))
    return one.id, one.building, one.point, one.medium, *times, _told(share), one.unit, *span, " ".join(share.marks)


def chosen_days(chosen: Mapping[str, str]) -> tuple[date | None, date | None]:
    """The days that a reader chose. Raises ValueError."""
    first, last = (date.fromisoformat(chosen[name]) if chosen.get(name) else None for name in ("from", "to"))
    return first, last


def _told(share: Share) -> float | str:
    return "" if share.amount is None else round(share.amount, 6)


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat("T", "seconds")

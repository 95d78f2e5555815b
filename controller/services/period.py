"""A period as a person types it, as seconds: days and times without an offset are those of the town.

Never reads a clock.
Specification: ISO 8601 as datetime.fromisoformat takes it; README.md here, "Ledger".
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

DATE_LETTERS = len("2026-11-21")
END_S = 1 << 32  # of what a record's time can say


class NoPeriod(Exception):
    """The text is no period; the message says what would be."""


@dataclass(frozen=True, slots=True)
class Period:
    """from_s <= time < to_s, Unix seconds; `zone` is what they were typed in."""

    from_s: int
    to_s: int
    zone: ZoneInfo

    def words(self, time_s: int) -> str | None:
        """A bound with its offset, None for an open one."""
        return None if time_s in (0, END_S) else datetime.fromtimestamp(time_s, self.zone).isoformat()


def read_period(first: str | None, last: str | None, timezone: str) -> Period:
    """`last` as a day means until that day's end, as a time until that moment. Raises NoPeriod."""
    zone = ZoneInfo(timezone)
    from_s = 0 if first is None else int(_seconds(first, zone, days=0))
    to_s = END_S if last is None else int(_seconds(last, zone, days=1))
    if not 0 <= from_s < to_s <= END_S:
        raise NoPeriod(f"the period from {first} to {last} holds no moment: its end comes before its beginning")
    return Period(from_s, to_s, zone)


def moment(text: str, timezone: str) -> float:
    """Unix seconds of a time, or of the beginning of a day. Raises NoPeriod."""
    return _seconds(text, ZoneInfo(timezone), days=0)


def _seconds(text: str, zone: ZoneInfo, *, days: int) -> float:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise NoPeriod(f"{text!r} is no day or time: write 2026-11-21, 2026-11-21T08:00 or 2026-11-21T06:00Z") from None
    if len(text) == DATE_LETTERS:
        told += timedelta(days=days)
    return (told if told.tzinfo else told.replace(tzinfo=zone)).timestamp()

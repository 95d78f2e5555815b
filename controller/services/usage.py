"""What was consumed day by day and month by month, at a meter point and in a building; what is unsure says why.

Never spreads a step over the days it lasted and never fills a gap: a day in which no reading fell has no amount, not 0.
Specification: consumption.py, whose steps these are; README.md here, "Buildings".
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

from controller.services.buildings import Buildings
from controller.services.consumption import Stand, Step
from controller.services.units import factor, for_people
from controller.store.buildings import EpochRow, PointRow

STEPS = ("day", "month")
MOST_SHARES = 400
FRESH_S = 120  # meters are read every quarter of an hour at most
RAGGED = 0.1  # of a piece: readings that lie farther from its edges are told, and the first ones make it partial
SUM = "sum"  # behind the number of its first point: the account of several
_COUNTED_IN = ("kWh", "m^3")


class TooLong(Exception):
    """A period of more than MOST_SHARES pieces."""


@dataclass(frozen=True, slots=True)
class Account:
    """A meter point, or those of one building that count the same together. `unit` is for people."""

    id: str
    building: str
    address: str
    point: str
    medium: str
    unit: str
    points: tuple[PointRow, ...]
    meters: tuple[EpochRow, ...] = ()

    @property
    def is_sum(self) -> bool:
        """Several points together: it has the lowest of their numbers."""
        return self.id.endswith(SUM)


@dataclass(frozen=True, slots=True)
class Share:
    """What was consumed in a piece of time; `amount` is None where nobody knows.

    `first_ms` and `last_ms`: the readings that it lies between. `marks` are those of the steps, and: partial, of a part
    nobody knows how much; several, it holds what was consumed in pieces before it, in which no reading fell.
    """

    from_ms: int
    to_ms: int
    amount: float | None = None
    first_ms: int = 0
    last_ms: int = 0
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """What the list tells of an account; `last` is the last reading since the month before began."""

    shares: tuple[Share, Share, Share]  # yesterday, this month, the month before
    last: Stand | None = None
    meter: EpochRow | None = None


class Usage:
    """`timezone()` is the town's: its days and months."""

    def __init__(self, buildings: Buildings, timezone: Callable[[], str], now_s: Callable[[], float]) -> None:
        self.buildings = buildings
        self.now_s = now_s
        self._timezone = timezone
        self._kept: dict[str, tuple[float, Figures]] = {}

    @property
    def zone(self) -> ZoneInfo:
        """The town's."""
        return ZoneInfo(self._timezone())

    def accounts(self) -> list[Account]:
        """Building by building: its points, then the sums of those that count the same. Reads the database."""
        epochs = self.buildings.epochs()
        found: list[Account] = []
        for _, group in groupby(self.buildings.points(), lambda row: row.building):
            rows = list(group)
            found += (_account(str(row.id), (row,), epochs.get(row.id, ())) for row in rows)
            alike: dict[tuple[str, str], list[PointRow]] = {}
            for row in rows:
                alike.setdefault((row.medium, _counted(row.unit)[1]), []).append(row)
            several = (tuple(some) for some in alike.values() if len(some) > 1)
            found += (_account(f"{min(row.id for row in some)}{SUM}", some) for some in several)
        return found

    def kept(self, account: Account) -> tuple[Figures | None, bool]:
        """Figures that were worked out, and whether they are fresh."""
        until_s, figures = self._kept.get(account.id, (0.0, None))
        return figures, until_s > self.now_s()

    def forget(self) -> None:
        """Something was entered."""
        self._kept.clear()

    def figures(self, account: Account) -> Figures:
        """Slow: it reads two months and more of every point."""
        figures, is_fresh = self.kept(account)
        if figures is None or not is_fresh:
            figures = self._summed(account) if account.is_sum else self._figures(account)
            self._kept[account.id] = self.now_s() + FRESH_S, figures
        return figures

    def shares(self, account: Account, by: str, first: date | None = None, last: date | None = None) -> list[Share]:
        """Day by day or month by month, the last one the running one at most. Slow. Raises TooLong."""
        today = datetime.fromtimestamp(self.now_s(), self.zone).date()
        last = min(last or today, today)
        if first is None:
            first = _moved(last, -11).replace(day=1) if by == "month" else last - timedelta(days=30)
        bounds = self._bounds(first, last, by)
        return _together([self._of_point(row, bounds) for row in account.points], bounds)

    def _figures(self, account: Account) -> Figures:
        (row,) = account.points
        (day, month, before) = self._lately()
        found = self.buildings.account(row, before[0] // 1000, int(self.now_s()) + 1)
        steps = [step for _, _, step in found if step]
        scale = _counted(row.unit)[0]
        (one,), (two,), (three,) = (_shares(steps, span, scale) for span in (day, month, before))
        meter, stand = found[-1][:2] if found else (None, None)
        return Figures((one, two, three), stand, meter)

    def _summed(self, account: Account) -> Figures:
        parts = [self.figures(_account(str(row.id), (row,))) for row in account.points]
        sums = [_together([[part.shares[n]] for part in parts], span)[0] for n, span in enumerate(self._lately())]
        return Figures((sums[0], sums[1], sums[2]))

    def _lately(self) -> tuple[list[int], list[int], list[int]]:
        today = datetime.fromtimestamp(self.now_s(), self.zone).date()
        month = today.replace(day=1)
        yesterday = today - timedelta(days=1)
        return (
            self._bounds(yesterday, yesterday, "day"),
            self._bounds(month, month, "month"),
            self._bounds(_moved(month, -1), _moved(month, -1), "month"),
        )

    def _bounds(self, first: date, last: date, by: str) -> list[int]:
        """The beginnings of the pieces, and the end of the last one."""
        days = [first.replace(day=1) if by == "month" else first]
        while days[-1] <= last:
            if len(days) > MOST_SHARES:
                raise TooLong
            days.append(_moved(days[-1], 1) if by == "month" else days[-1] + timedelta(days=1))
        return [round(datetime.combine(day, time(), self.zone).timestamp()) * 1000 for day in days]

    def _of_point(self, row: PointRow, bounds: Sequence[int]) -> list[Share]:
        if len(bounds) < 2:
            return []
        found = self.buildings.account(row, bounds[0] // 1000, bounds[-1] // 1000 + 1)
        return _shares([step for _, _, step in found if step], bounds, _counted(row.unit)[0])


def _account(number: str, points: tuple[PointRow, ...], meters: Iterable[EpochRow] = ()) -> Account:
    row = points[0]
    name = "" if number.endswith(SUM) else row.name
    return Account(number, row.building, row.address, name, row.medium, _counted(row.unit)[1], points, tuple(meters))


def _counted(unit: str) -> tuple[float, str]:
    """(what one of this unit is, in this one): all energy in kWh, all volume in m³."""
    for common in _COUNTED_IN:
        if scale := factor(unit, common):
            return scale, for_people(common)[1]
    return for_people(unit)


def _moved(day: date, months: int) -> date:
    """The first day of another month."""
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def _shares(steps: Sequence[Step], bounds: Sequence[int], scale: float) -> list[Share]:
    """A step is of the piece in which it ends, its end included."""
    return [
        _share([step for step in steps if start < step.to_ms <= end], start, end, scale)
        for start, end in pairwise(bounds)
    ]


def _share(steps: Sequence[Step], start: int, end: int, scale: float) -> Share:
    if not steps:
        return Share(start, end)
    lasting = [step for step in steps if step.to_ms > step.from_ms]  # another meter's first reading lasts no time
    known = [step.amount for step in lasting if step.amount is not None]
    marks = dict.fromkeys(mark for step in steps for mark in step.marks)
    if len(known) < len(lasting) or steps[0].from_ms - start > RAGGED * (end - start):
        marks["partial"] = None
    if steps[0].from_ms <= start - (end - start):
        marks["several"] = None
    return Share(start, end, sum(known) * scale if known else None, steps[0].from_ms, steps[-1].to_ms, tuple(marks))


def _together(parts: Sequence[Sequence[Share]], bounds: Sequence[int]) -> list[Share]:
    """Sums over points, piece by piece; one that lacks a point's amount is partial."""
    if len(parts) == 1:
        return list(parts[0])
    return [_sum([part[n] for part in parts], start, end) for n, (start, end) in enumerate(pairwise(bounds))]


def _sum(shares: Sequence[Share], start: int, end: int) -> Share:
    known = [share for share in shares if share.amount is not None]
    if not known:
        return Share(start, end, marks=tuple(dict.fromkeys(mark for share in shares for mark in share.marks)))
    marks = dict.fromkeys(mark for share in shares for mark in share.marks)
    if len(known) < len(shares):
        marks["partial"] = None
    first_ms, last_ms = min(share.first_ms for share in known), max(share.last_ms for share in known)
    return Share(start, end, sum(share.amount or 0.0 for share in known), first_ms, last_ms, tuple(marks))

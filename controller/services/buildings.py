"""Buildings and their meter points: what people and programs enter of meters and readings, and what is in force.

Never overwrites an entry and never changes a reading: a correction is another row, and says that it is one.
Specification: controller/README.md, "Buildings"; consumption.py for what follows from it.
"""

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from controller.services.consumption import Stand, Step, account, of_epochs
from controller.services.history import History
from controller.services.period import END_S, NoPeriod, Period, moment
from controller.services.units import factor
from controller.store.buildings import BuildingTable, EnteredRow, Entries, EpochRow, PointRow
from controller.store.writing import WriterThread

LOOK_BACK_S = 62 * 86_400  # for the reading before a period: meters are read each month, or each other
MAX_DIGITS = 12


@dataclass(frozen=True, slots=True)
class MeterEntry:
    """A meter that stands at a point from a moment on. Building and point are made where they are new.

    `first`: what its display showed then, `final_before`: what that of the meter before it did. `unit` and `digits`
    (before the point) are the display's; `ratio`: what is consumed while it goes up by one; `weight`: what one of the
    source's values is on it, where units alone do not tell. `place` and `value` name the source as /api/v1/series does.
    """

    building: str
    point: str
    since: str
    unit: str
    medium: str = ""
    point_unit: str = ""
    address: str = ""
    area_m2: float | None = None
    serial: str = ""
    ratio: float = 1.0
    weight: float | None = None
    digits: int | None = None
    first: float | None = None
    final_before: float | None = None
    place: str = ""
    value: str = ""
    correction: bool = False


@dataclass(frozen=True, slots=True)
class ReadingEntry:
    """What somebody read off a display; a correction without a `reading` withdraws what was entered for that time."""

    building: str
    point: str
    time: str
    reading: float | None
    note: str = ""
    correction: bool = False


Entry = MeterEntry | ReadingEntry


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an entry cannot be taken; `index` counts the entries from 0."""

    index: int
    message: str


@dataclass(frozen=True, slots=True)
class EntryReport:
    """`entries` = `new` + `already_stored` + the problems; `stored` of the new ones are in the database now."""

    entries: int
    new: int
    already_stored: int
    stored: int
    problems: tuple[Problem, ...]


class Refused(Exception):
    """An entry cannot be taken: one sentence that says what to do."""


class Buildings:
    """Everything about meter points. `timezone()` is the town's: times without an offset are in it."""

    def __init__(
        self,
        table: BuildingTable,
        writer: WriterThread,
        history: History,
        timezone: Callable[[], str],
        now_s: Callable[[], float],
    ) -> None:
        self._table = table
        self._writer = writer
        self._history = history
        self._timezone = timezone
        self._now_s = now_s
        self._entering = asyncio.Lock()

    def points(self) -> list[PointRow]:
        """All of them, by building and name."""
        return self._table.points()

    def epochs(self) -> dict[int, list[EpochRow]]:
        """Point -> its meters in order."""
        return self._table.epochs()

    async def enter(
        self,
        entries: Sequence[Entry],
        actor: str,
        *,
        quality: Literal["manual", "pushed"] = "manual",
        dry_run: bool = False,
        partly: bool = False,
    ) -> EntryReport:
        """Check every entry; store what is new, where there is no problem at all or `partly` will do."""
        async with self._entering:
            draft = await asyncio.to_thread(self._draft, entries, quality)
            new = len(draft.epochs) + len(draft.readings)
            stores = new and not dry_run and (partly or not draft.problems)
            if stores:
                rows = Entries(draft.points, draft.epochs, draft.readings)
                await self._writer.run(self._table.enter, rows, int(self._now_s()), actor)
        already = len(entries) - new - len(draft.problems)
        return EntryReport(len(entries), new, already, new if stores else 0, tuple(draft.problems))

    def _draft(self, entries: Sequence[Entry], quality: str) -> "_Draft":
        draft = _Draft(self._table, self._timezone(), self._now_s())
        for index, entry in enumerate(entries):
            try:
                if isinstance(entry, MeterEntry):
                    draft.take_meter(entry)
                else:
                    draft.take_reading(entry, quality)
            except Refused as refused:
                draft.problems.append(Problem(index, str(refused)))
        return draft

    def stands(self, point: PointRow, from_s: int, to_s: int) -> tuple[list[EpochRow], list[list[Stand]]]:
        """What its meters stood at within a period, an epoch each: as they came, entered ones beside measured ones."""
        epochs = self._table.epochs().get(point.id, [])
        span = from_s * 1000, to_s * 1000
        found = list(self._entered(point, epochs, span))
        for epoch, following in zip(epochs, [*epochs[1:], None], strict=True):
            until_ms = min(span[1], following.from_ms if following else span[1])
            since_ms = max(span[0], epoch.from_ms)
            if epoch.place and since_ms < until_ms:
                found += self._measured(epoch, since_ms, until_ms)
        found.sort(key=lambda stand: stand.at_ms)
        of_each = of_epochs(epochs, found)
        return epochs, [[one for one in stands if span[0] <= one.at_ms < span[1]] for stands in of_each]

    def _entered(self, point: PointRow, epochs: Sequence[EpochRow], span: tuple[int, int]) -> Iterator[Stand]:
        for row in self._table.readings(point.id, *span):
            epoch = epoch_at(epochs, row.at_ms)
            if row.value is not None and epoch is not None:
                yield Stand(row.at_ms, row.value, epoch.unit, (row.quality,), "", row.value)

    def _measured(self, epoch: EpochRow, since_ms: int, until_ms: int) -> Iterator[Stand]:
        for one in self._history.points(epoch.place, epoch.value, since_ms // 1000, -(-until_ms // 1000)):
            at_ms = round(one.at_s * 1000)
            if since_ms <= at_ms < until_ms:
                weight = epoch.weight if epoch.weight is not None else factor(one.unit, epoch.unit)
                shown = None if weight is None else one.value * weight
                yield Stand(at_ms, one.value, one.unit, one.flags, one.identity, shown)

    def account(self, point: PointRow, from_s: int, to_s: int) -> list[tuple[EpochRow, Stand, Step | None]]:
        """The same in a row, each with what was consumed up to it."""
        since_s = max(0, from_s - LOOK_BACK_S)
        found = account(*self.stands(point, since_s, to_s), point.unit)
        return [one for one in found if one[1].at_ms >= from_s * 1000]

    def steps(self, point: PointRow, period: Period) -> list[Step]:
        """What was consumed from reading to reading; a step is of the period in which it ends, its end included."""
        found = self.account(point, period.from_s, min(period.to_s + 1, END_S))
        span = period.from_s * 1000, period.to_s * 1000
        return [step for _, _, step in found if step and span[0] < step.to_ms <= span[1]]


def epoch_at(epochs: Sequence[EpochRow], at_ms: int) -> EpochRow | None:
    """The meter that stood there then."""
    return next((epoch for epoch in reversed(epochs) if epoch.from_ms <= at_ms), None)


class _Draft:
    """What is in force, and what the entries taken so far add to it."""

    def __init__(self, table: BuildingTable, timezone: str, now_s: float) -> None:
        self._table = table
        self._timezone = timezone
        self._now_ms = now_s * 1000
        self._points = {(row.building, row.name): row for row in table.points()}
        epochs = table.epochs()
        self._epochs = {name: list(epochs.get(row.id, ())) for name, row in self._points.items()}
        self._readings: dict[tuple[str, str], dict[int, EnteredRow]] = {}
        self.points: list[tuple[str, str, float | None, str, str, str]] = []
        self.epochs: list[tuple[tuple[str, str], EpochRow]] = []
        self.readings: list[tuple[tuple[str, str], EnteredRow]] = []
        self.problems: list[Problem] = []

    def take_meter(self, entry: MeterEntry) -> None:
        """Raises Refused."""
        name = _name(entry)
        known = self._points.get(name)
        unit = entry.point_unit or (known.unit if known else entry.unit)
        if known and entry.point_unit not in ("", known.unit):
            raise Refused(f"{_words(name)} is counted in {known.unit}: keep that unit, or enter another point")
        if not entry.unit or factor(entry.unit, unit) is None:
            raise Refused(f"a display in {entry.unit!r} does not count {unit}: correct unit or point_unit")
        at_ms = self._moment(entry.since)
        row = _epoch(entry, at_ms)
        epochs = self._epochs.setdefault(name, [])
        standing = next((one for one in epochs if one.from_ms == at_ms), None)
        changes_building = known and (
            entry.address not in ("", known.address) or entry.area_m2 not in (None, known.area_m2)
        )
        if standing == row and not changes_building:
            return
        if standing and standing != row and not entry.correction:
            raise Refused(f"{_words(name)} has another meter since {entry.since}: say that this is a correction")
        if not known:
            known = PointRow(0, name[0], entry.address, entry.area_m2, name[1], entry.medium, unit)
            self._points[name] = known
        self.points.append((name[0], entry.address, entry.area_m2, name[1], entry.medium, unit))
        others = [one for one in epochs if one.from_ms != at_ms]
        self._epochs[name] = sorted([*others, row], key=lambda one: one.from_ms)
        self.epochs.append((name, row))

    def take_reading(self, entry: ReadingEntry, quality: str) -> None:
        """Raises Refused."""
        name = _name(entry)
        if name not in self._points:
            raise Refused(f"there is no {_words(name)}: enter its meter first, or correct the names")
        at_ms = self._moment(entry.time)
        epoch = epoch_at(self._epochs[name], at_ms)
        if epoch is None:
            raise Refused(f"no meter stood at {_words(name)} at {entry.time}: enter the meter, or correct the time")
        if entry.reading is None and not entry.correction:
            raise Refused("the reading is missing: write what the display shows")
        _check_reading("the reading", entry.reading, epoch.digits)
        standing = self._readings_of(name).get(at_ms)
        row = EnteredRow(at_ms, entry.reading, entry.note, quality)
        if standing is not None:
            if standing.value == entry.reading:
                return
            if not entry.correction:
                raise Refused(
                    f"{_words(name)} has {standing.value} at {entry.time} already: say that this is a correction"
                )
        self._readings_of(name)[at_ms] = row
        self.readings.append((name, row))

    def _readings_of(self, name: tuple[str, str]) -> dict[int, EnteredRow]:
        if name not in self._readings:
            self._readings[name] = {row.at_ms: row for row in self._table.readings(self._points[name].id)}
        return self._readings[name]

    def _moment(self, text: str) -> int:
        try:
            at_s = moment(text, self._timezone)
        except NoPeriod as error:
            raise Refused(str(error)) from None
        if not 0 < at_s < END_S or at_s * 1000 > self._now_ms:
            raise Refused(f"{text} has not come yet: correct the time")
        return round(at_s * 1000)


def _name(entry: Entry) -> tuple[str, str]:
    name = entry.building.strip(), entry.point.strip()
    if not all(name):
        raise Refused("building and point have to be named: write what people call them")
    return name


def _words(name: tuple[str, str]) -> str:
    return f"point {name[1]!r} in {name[0]!r}"


def _epoch(entry: MeterEntry, at_ms: int) -> EpochRow:
    for key, number in (("ratio", entry.ratio), ("weight", entry.weight), ("area_m2", entry.area_m2)):
        if number is not None and not (math.isfinite(number) and number > 0):
            raise Refused(f"{key} has to be above 0, not {number}")
    if entry.digits is not None and not 1 <= entry.digits <= MAX_DIGITS:
        raise Refused(f"digits has to be from 1 to {MAX_DIGITS}, not {entry.digits}")
    _check_reading("first", entry.first, entry.digits)
    _check_reading("final_before", entry.final_before, None)
    if bool(entry.place) != bool(entry.value):
        raise Refused("place and value belong together: take both from /api/v1/series, or leave both out")
    return EpochRow(
        at_ms,
        entry.serial,
        entry.unit,
        entry.ratio,
        entry.weight,
        entry.digits,
        entry.first,
        entry.final_before,
        entry.place,
        entry.value,
    )


def _check_reading(what: str, value: float | None, digits: int | None) -> None:
    if value is None:
        return
    if not (math.isfinite(value) and value >= 0):
        raise Refused(f"{what} has to be a number from 0 on, not {value}")
    if digits is not None and value >= 10**digits:
        raise Refused(f"{what} {value} has more than the {digits} digits of the display: correct it or digits")

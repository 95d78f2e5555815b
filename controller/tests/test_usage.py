"""What was consumed by day and by month: a gap is no nought, a sum says what it lacks; and what is no reading.

Never starts a server. Specification: controller/services/usage.py, by_eye.py.
"""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from controller.services.buildings import MeterEntry, ReadingEntry
from controller.services.by_eye import NotRead, check, read_number
from controller.services.usage import TooLong, Usage
from controller.tests.peer import START_MS
from controller.tests.playbook import Clock, Playbook, playing

SCHOOL = "Школа 7"
DAY_S = 86_400


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Playbook]:
    async with playing(tmp_path, [], clock=Clock(START_MS)) as playing_book:  # 2026-10-18, 11:00 in Kyiv
        yield playing_book


def usage_of(book: Playbook) -> Usage:
    return Usage(book.town.buildings, lambda: "Europe/Kyiv", book.town.now_s)


async def enter(book: Playbook, point: str, *readings: tuple[str, float], **meter: object) -> None:
    first = MeterEntry(SCHOOL, point, "2026-08-01", "kWh", **meter)  # type: ignore[arg-type]
    told = [ReadingEntry(SCHOOL, point, time, value) for time, value in readings]
    assert not (await book.town.buildings.enter([first, *told], "olena")).problems


async def amounts(book: Playbook, number: str, by: str, first: str, last: str) -> list[tuple[float | None, str]]:
    usage = usage_of(book)
    (account,) = (one for one in usage.accounts() if one.id == number)
    found = usage.shares(account, by, date.fromisoformat(first), date.fromisoformat(last))
    return [(share.amount, " ".join(mark for mark in share.marks if mark != "manual")) for share in found]


async def test_a_day_without_a_reading_is_a_gap_and_the_next_one_says_since_when(book: Playbook) -> None:
    await enter(book, "А", ("2026-10-12", 100), ("2026-10-13", 110), ("2026-10-16", 140), ("2026-10-17", 150))
    days = await amounts(book, "1", "day", "2026-10-12", "2026-10-16")
    assert days == [(10, ""), (None, ""), (None, ""), (30, "several"), (10, "")]
    assert await amounts(book, "1", "day", "2026-10-17", "2026-12-31") == [(None, ""), (None, "")]  # none is to come


async def test_months_are_the_towns_and_a_display_that_fell_leaves_them_partial(book: Playbook) -> None:
    readings = (("2026-08-01", 0), ("2026-09-01", 300), ("2026-09-20", 500), ("2026-09-25", 80), ("2026-10-01", 120))
    await enter(book, "А", *readings)
    assert await amounts(book, "1", "month", "2026-08-05", "2026-09-01") == [(300, ""), (240, "fell partial")]


async def test_before_the_first_reading_nobody_knows(book: Playbook) -> None:
    await enter(book, "А", ("2026-08-20", 7), ("2026-08-31", 40), ("2026-10-01", 50))
    assert await amounts(book, "1", "month", "2026-07-01", "2026-08-01") == [(None, ""), (33, "partial")]


async def test_a_meter_that_was_replaced_shows_in_the_sum_of_its_building(book: Playbook) -> None:
    await enter(book, "А", ("2026-10-10", 10), ("2026-10-11", 20))
    await enter(book, "Б", ("2026-10-10", 1), ("2026-10-12", 3))
    change = MeterEntry(SCHOOL, "А", "2026-10-11T12:00", "kWh", serial="2", first=5, final_before=24)
    await book.town.buildings.enter([change, ReadingEntry(SCHOOL, "А", "2026-10-12", 11)], "olena")
    assert [one.id for one in usage_of(book).accounts()] == ["1", "2", "1sum"]
    assert await amounts(book, "1sum", "day", "2026-10-10", "2026-10-11") == [
        (10, "partial"),
        (12, "replaced several"),
    ]


async def test_what_stands_in_the_list_is_worked_out_once_until_somebody_enters_a_reading(book: Playbook) -> None:
    await enter(book, "А", ("2026-09-01", 0), ("2026-10-01", 300), ("2026-10-17", 380), ("2026-10-18", 390))
    usage = usage_of(book)
    (account,) = usage.accounts()
    assert usage.kept(account) == (None, False)
    assert [share.amount for share in usage.figures(account).shares] == [10, 90, 300]
    assert usage.kept(account)[1]
    book.clock.advance(600)
    assert not usage.kept(account)[1]
    usage.forget()
    assert usage.kept(account) == (None, False)
    with pytest.raises(TooLong):
        usage.shares(account, "day", date(2020, 1, 1))


@pytest.mark.parametrize(("typed", "number"), [("12 345,6 kWh", 12345.6), ("7", 7.0), ("0.5квт·год", 0.5)])
def test_a_number_is_read_as_people_write_it(typed: str, number: float) -> None:
    assert read_number(typed, ("кВт·год", "kWh")) == number


@pytest.mark.parametrize(
    ("typed", "code"), [("", "no_number"), ("-5", "no_number"), ("1e9", "unit"), ("5 MWh", "unit")]
)
def test_what_is_no_number_or_has_another_unit_is_refused(typed: str, code: str) -> None:
    with pytest.raises(NotRead) as refused:
        read_number(typed, ("kWh",))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("days_ago", "reading", "code"),
    [
        (1, 99_999, ""),
        (1, 100_000, "digits"),
        (0, 3, ""),
        (0, 50_000, "lower"),
        (3, 99_998, "higher"),
        (99, 1, "no_meter"),
    ],
)
async def test_a_reading_goes_up_unless_the_display_went_over(
    book: Playbook, days_ago: int, reading: float, code: str
) -> None:
    await enter(book, "А", ("2026-10-15", 99_900), ("2026-10-16", 99_990), digits=5)
    row, at_s = book.town.buildings.points()[0], START_MS / 1000 - days_ago * DAY_S
    if not code:
        assert check(book.town.buildings, row, at_s, reading, correction=False).digits == 5
        return
    with pytest.raises(NotRead) as refused:
        check(book.town.buildings, row, at_s, reading, correction=False)
    assert refused.value.code == code

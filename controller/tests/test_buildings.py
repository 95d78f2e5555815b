"""Buildings: what people enter of meters and readings, and what was consumed, whatever became of the meters.

Never starts a server; the peer is the smallest honest node.
Specification: controller/services/buildings.py, consumption.py, entry_file.py; README.md, "Buildings".
"""

import contextlib
import csv
import io
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.services import entry_file
from controller.services.consumption import Stand, account
from controller.services.units import factor
from controller.store.buildings import EpochRow
from controller.tests.asking import asking
from controller.tests.peer import START_MS, Peer, make_entry
from controller.tests.playbook import Clock, Playbook, playing
from protocols.wire import meter_rows
from protocols.wire.messages import reading
from protocols.wire.meter_rows import Row
from protocols.wire.meter_units import UNITS

HOUSE = make_entry(3, "utility_meter")
PLACE = f"{HOUSE.node.hex()} 1"
REGISTER = "000600 Instantaneous value  Wh"
DAY_MS = 86_400_000
SCHOOL = {"building": "Школа 7", "point": "Електрика", "since": "2026-10-18T11:00", "unit": "kWh"}
BY_ITSELF = SCHOOL | {"place": PLACE, "value": REGISTER}


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Playbook]:
    async with playing(tmp_path, [HOUSE], clock=Clock(START_MS + 90 * DAY_MS)) as playing_book:
        yield playing_book


def read_kwh(house: Peer, kwh: int, day: float, identity: bytes = b"12345678", flags: int = 0) -> None:
    packed = meter_rows.build(Row(0x0600, 0, 0, 0, 0, UNITS.index("Wh"), 3, kwh))
    body = reading.Reading(1, reading.PROTOCOL_MBUS, reading.OUTCOME_READ, flags, identity, b"ELS", 1, 4, 9, 0, packed)
    house.write(reading.KIND, reading.build(body), time_ms=START_MS + round(day * DAY_MS))


async def enter(book: Playbook, what: str, *entries: dict[str, Any], status: int = 200) -> dict[str, Any]:
    async with asking(book) as client:
        told = await client.post(f"/api/v1/points/{what}", json=entries)
    assert told.status_code == status, told.text
    return dict(told.json())


async def put_file(book: Playbook, text: str | bytes, *, dry_run: bool = False) -> dict[str, Any]:
    async with asking(book) as client:
        told = await client.put(f"/api/v1/points/file?dry_run={dry_run}", content=text)
    assert told.status_code == (422 if told.json()["problems"] else 200)
    return dict(told.json())


async def ask(book: Playbook, path: str, **parameters: str) -> Any:
    async with asking(book) as client:
        told = await client.get(f"/api/v1/{path}", params=parameters)
    assert told.status_code == 200, told.text
    return told.json()


async def consumption(book: Playbook, **period: str) -> tuple[float, int, list[str]]:
    """(amount, unknown steps, marks) of the first point."""
    told = await ask(book, "points/1/consumption", **period)
    return told["amount"], told["unknown"], [" ".join(step["marks"]) for step in told["remarkable"]]


async def test_what_a_meter_tells_by_itself_is_counted_in_the_unit_of_its_point(book: Playbook) -> None:
    house = Peer(HOUSE)
    for day, kwh in enumerate((100, 130, 180)):
        read_kwh(house, kwh, day)
    await book.send(house, house.batch())
    (series,) = await ask(book, "series")
    assert (series["place"], series["value"], series["unit"]) == (PLACE, REGISTER, "Wh")
    await enter(book, "meters", BY_ITSELF | {"address": "вул. Шкільна, 5/7", "area_m2": 4200})
    (point,) = await ask(book, "points")
    assert (point["building"], point["address"], point["unit"]) == ("Школа 7", "вул. Шкільна, 5/7", "kWh")
    assert await consumption(book) == (80, 0, [])
    ((first, *_),) = (await ask(book, "points/1/readings"))["readings"]
    assert (first["reading"], first["unit"], first["shown"]) == (100_000, "Wh", 100)


async def test_consumption_goes_on_over_a_replaced_meter_with_its_final_and_first_reading(book: Playbook) -> None:
    house = Peer(HOUSE)
    read_kwh(house, 9_000, 0)
    read_kwh(house, 9_100, 1)
    read_kwh(house, 7, 3, identity=b"99999999")
    read_kwh(house, 27, 4, identity=b"99999999")
    await book.send(house, house.batch())
    await enter(book, "meters", BY_ITSELF | {"serial": "12345678"})
    assert await consumption(book) == (120, 1, ["not_entered"])  # two days of which nobody knows
    replaced = BY_ITSELF | {"since": "2026-10-20T11:00", "serial": "99999999", "final_before": 9_150, "first": 2}
    await enter(book, "meters", replaced)
    assert await consumption(book) == (100 + 50 + 5 + 20, 0, ["replaced"])
    assert [meter["serial"] for meter in (await ask(book, "points"))[0]["meters"]] == ["12345678", "99999999"]


async def test_a_display_that_went_over_is_no_loss_and_one_that_fell_is_not_guessed_at(book: Playbook) -> None:
    house = Peer(HOUSE)
    for day, kwh in enumerate((99_990, 15, 40, 30, 31)):
        read_kwh(house, kwh, day)
    await book.send(house, house.batch())
    await enter(book, "meters", BY_ITSELF | {"digits": 5})
    assert await consumption(book) == (25 + 25 + 1, 1, ["rollover", "fell"])


async def test_transformers_and_pulses_scale_what_is_consumed_not_what_was_read(book: Playbook) -> None:
    await enter(
        book,
        "meters",
        SCHOOL | {"ratio": 40, "first": 10},
        SCHOOL | {"point": "Вода", "unit": "m^3", "first": 5.2, "weight": 0.01},
    )
    await enter(book, "readings", SCHOOL_READING | {"reading": 12.5})
    by_name = {point["point"]: point["id"] for point in await ask(book, "points")}
    electricity = await ask(book, f"points/{by_name['Електрика']}/consumption")
    assert (electricity["amount"], electricity["point"]["unit"]) == (100, "kWh")
    ((_, second),) = (await ask(book, f"points/{by_name['Електрика']}/readings"))["readings"]
    assert (second["reading"], second["shown"]) == (12.5, 12.5)


SCHOOL_READING = {"building": "Школа 7", "point": "Електрика", "time": "2026-10-25", "reading": 0.0}


async def test_readings_by_eye_stand_beside_those_that_come_by_themselves(book: Playbook) -> None:
    house = Peer(HOUSE)
    read_kwh(house, 100, 0)
    read_kwh(house, 200, 20, flags=reading.FLAGS_ESTIMATED)
    await book.send(house, house.batch())
    await enter(book, "meters", BY_ITSELF)
    await enter(book, "readings", SCHOOL_READING | {"reading": 149, "note": "обхід"})
    assert await consumption(book) == (100, 0, [])
    (stands,) = (await ask(book, "points/1/readings"))["readings"]
    assert [(one["shown"], one["quality"]) for one in stands] == [(100, []), (149, ["manual"]), (200, ["estimated"])]
    halves = [await consumption(book, to="2026-10-24"), await consumption(book, **{"from": "2026-10-25"})]
    assert [amount for amount, _, _ in halves] == [49, 51]  # a step is of the period in which it ends


async def test_a_correction_is_another_row_and_says_so(book: Playbook, tmp_path: Path) -> None:
    await enter(book, "meters", SCHOOL | {"first": 100})
    await enter(book, "readings", SCHOOL_READING | {"reading": 1_500})
    again = await enter(book, "readings", SCHOOL_READING | {"reading": 1_500})
    assert (again["already_stored"], again["stored"]) == (1, 0)
    refused = await enter(book, "readings", SCHOOL_READING | {"reading": 150}, status=422)
    assert "has 1500.0 at 2026-10-25 already: say that this is a correction" in refused["problems"][0]["message"]
    assert await consumption(book) == (1_400, 0, [])
    await enter(book, "readings", SCHOOL_READING | {"reading": 150, "correction": True})
    assert await consumption(book) == (50, 0, [])
    await enter(book, "readings", SCHOOL_READING | {"reading": None, "correction": True})
    assert await consumption(book) == (0, 0, [])
    await enter(book, "meters", SCHOOL | {"first": 100}, SCHOOL | {"first": 90, "correction": True})
    with sqlite3.connect(tmp_path / "vuzol.sqlite3") as db:
        assert db.execute("SELECT value FROM entered_reading ORDER BY id").fetchall() == [(1_500,), (150,), (None,)]
        assert db.execute("SELECT first FROM meter_epoch ORDER BY id").fetchall() == [(100,), (90,)]


async def test_after_a_restart_what_was_entered_is_there(tmp_path: Path) -> None:
    for expected in ([], [50]):
        async with playing(tmp_path, [HOUSE], clock=Clock(START_MS + 90 * DAY_MS)) as book:
            points = await ask(book, "points")
            assert [(await consumption(book))[0] for _ in points] == expected
            await enter(book, "meters", SCHOOL | {"first": 100})
            await enter(book, "readings", SCHOOL_READING | {"reading": 150})


async def test_a_sheet_of_meters_and_one_of_readings_are_taken_whole(book: Playbook, tmp_path: Path) -> None:
    meters = (
        "building;address;area_m2;point;unit;point_unit;since;first;digits\r\n"
        "Школа 7;вул. Шкільна, 5;4\u00a0200,5;Тепло;Gcal;kWh;2026-10-18;12,5;5\r\n"
        'Садок 2;"пров. Тихий; 1";;Вода;m^3;;2026-10-18;0;\r\n'
    )
    told = await put_file(book, meters, dry_run=True)
    assert (told["entries"], told["new"], told["stored"]) == (2, 2, 0)
    assert await ask(book, "points") == []
    assert (await put_file(book, meters))["stored"] == 2
    readings = (
        "building,point,time,reading,note\nШкола 7,Тепло,2026-10-25,13.5,\nСадок 2,Вода,2026-10-25T09:00,4,лист\n"
    )
    assert (await put_file(book, readings.encode("utf-8-sig")))["stored"] == 2
    again = await put_file(book, meters.encode("cp1251"))
    assert (again["already_stored"], again["stored"]) == (2, 0)
    by_name = {point["building"]: point for point in await ask(book, "points")}
    assert (by_name["Садок 2"]["address"], by_name["Школа 7"]["area_m2"]) == ("пров. Тихий; 1", 4200.5)
    heat = await ask(book, f"points/{by_name['Школа 7']['id']}/consumption")
    assert heat["amount"] == pytest.approx(1163)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "'building' is missing"),
        ("building,point,time\n", 1, "'reading' is missing"),
        ("building,point,time,reading,colour\n", 1, "no column 'colour'"),
        ("building,point,point,time,reading\n", 1, "'point' is there twice"),
        ("building,point,time,reading\n", 1, "no line below"),
        ("building,point,time,reading\nШкола 7,Електрика,2026-10-25,багато\n", 2, "a number, not 'багато'"),
        (
            "building,point,time,reading\n\nШкола 7,Електрика,2026-10-25,1,5\n",
            3,
            "put text with separators into quotes",
        ),
        ("building,point,time,reading\nШкола 7,Електрика,учора,1\n", 2, "no day or time"),
        ("building,point,time,reading\nШкола 7,Електрика,2036-10-25,1\n", 2, "has not come yet"),
        ("building,point,time,reading\nШкола 7,Електрика,2026-10-01,1\n", 2, "no meter stood"),
        ("building,point,time,reading\nШкола 8,Електрика,2026-10-25,1\n", 2, "there is no point 'Електрика' in"),
        ("building,point,time,reading\nШкола 7,Електрика,2026-10-25,\n", 2, "the reading is missing"),
        ("building,point,time,reading\nШкола 7,Електрика,2026-10-25,-1\n", 2, "from 0 on"),
        ("building,point,time,reading\nШкола 7,Електрика,2026-10-25,100000\n", 2, "more than the 5 digits"),
        ("building,point,since,unit\n,Газ,2026-10-18,m^3\n", 2, "have to be named"),
        ("building,point,since,unit\nШкола 7,Електрика,2026-10-18,m^3\n", 2, "does not count kWh"),
        ("building,point,since,unit,point_unit\nШкола 7,Електрика,2026-10-18,MWh,MWh\n", 2, "is counted in kWh"),
        ("building,point,since,unit,ratio\nШкола 7,Газ,2026-10-18,m^3,0\n", 2, "ratio has to be above 0"),
        ("building,point,since,unit,digits\nШкола 7,Газ,2026-10-18,m^3,40\n", 2, "digits has to be from 1 to 12"),
        ("building,point,since,unit,place\nШкола 7,Газ,2026-10-18,m^3,x\n", 2, "belong together"),
        ("building,point,since,unit,first\nШкола 7,Електрика,2026-10-18T11:00,kWh,3\n", 2, "another meter since"),
        ('building,point,since,unit\nШкола 7,"Газ,2026-10-18,m^3\n', 2, "save the sheet as CSV again"),
    ],
)
async def test_a_mistake_is_told_by_its_line_and_nothing_is_stored(
    book: Playbook, text: str, line: int, says: str
) -> None:
    await enter(book, "meters", SCHOOL | {"digits": 5})
    before = await ask(book, "points/1/readings")
    told = await put_file(book, text)
    assert (told["stored"], told["problems"][0]["line"]) == (0, line), told
    assert says in told["problems"][0]["message"]
    assert await ask(book, "points/1/readings") == before


async def test_the_account_of_a_point_is_exported_with_what_it_is_made_of(book: Playbook) -> None:
    house = Peer(HOUSE)
    read_kwh(house, 100, 0)
    read_kwh(house, 130, 2)
    await book.send(house, house.batch())
    await enter(book, "meters", BY_ITSELF | {"serial": "А-1", "area_m2": 4200})
    await enter(book, "readings", SCHOOL_READING | {"reading": 155})
    async with asking(book) as client:
        text = (await client.get("/api/v1/export/points.csv", params={"node": "Школа 7"})).text
        assert (await client.get("/api/v1/export/points.csv", params={"node": "Школа 8"})).status_code == 404
    first, second, third = csv.DictReader(io.StringIO(text))
    assert (first["building"], first["serial"], first["reading"], first["reading_unit"], first["consumed"]) == (
        "Школа 7", "А-1", "100000", "Wh", "",
    )  # fmt: skip
    assert (second["display"], second["consumed"], second["unit"], second["identity"]) == (
        "130",
        "30",
        "kWh",
        "12345678",
    )
    assert (third["reading"], third["reading_unit"], third["quality"], third["consumed"], third["marks"]) == (
        "155", "kWh", "manual", "25", "manual",
    )  # fmt: skip


async def test_who_asks_for_a_point_that_is_not_there_is_told(book: Playbook) -> None:
    async with asking(book) as client:
        for path in ("readings", "consumption"):
            assert (await client.get(f"/api/v1/points/9/{path}")).status_code == 404


EPOCH = EpochRow(0, "", "kWh", 1.0, None, 4, None, None, "", "")


@given(st.lists(st.integers(0, 900), min_size=1, max_size=60), st.integers(0, 9_999))
def test_whatever_a_meter_counts_over_its_display_adds_up(amounts: list[int], start: int) -> None:
    counted, stands = start, [Stand(0, start, "kWh", (), "", start)]
    for at, amount in enumerate(amounts, 1):
        counted += amount
        stands.append(Stand(at, counted % 10_000, "kWh", (), "", counted % 10_000))
    found = [step.amount for _, _, step in account([EPOCH], [stands], "kWh") if step]
    assert sum(amount for amount in found if amount is not None) == sum(amounts)


def test_units_of_one_kind_convert_and_others_do_not() -> None:
    assert factor("Gcal", "kWh") == pytest.approx(1163)
    assert factor("GJ", "kWh") == pytest.approx(277.7778, rel=1e-6)
    assert factor("l", "m^3") == pytest.approx(0.001)
    assert factor("pulse", "m^3") is None
    assert factor("Feet", "Feet") == 1


@given(st.binary(max_size=200))
def test_any_file_is_entries_or_a_line_with_its_mistake(data: bytes) -> None:
    with contextlib.suppress(entry_file.FileRefused):
        assert entry_file.read(b"building,point,time,reading\n" + data)

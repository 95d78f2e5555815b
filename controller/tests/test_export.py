"""Export: every value of a period with its quality, the same as CSV and as Parquet, and a word on every column.

Never starts a server; the peers are the smallest honest nodes.
Specification: controller/services/datasets.py; README.md, "Export".
"""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from controller.services.datasets import DATASETS
from controller.tests.asking import asking
from controller.tests.peer import START_MS, Peer, make_entry
from controller.tests.playbook import Playbook, playing
from protocols.wire import air_rows, meter_rows
from protocols.wire.air_rows import FLAG_HUMIDITY, FLAG_WARM_UP, NUMBERS
from protocols.wire.messages import air_means, reading
from protocols.wire.meter_units import UNITS

BUS = make_entry(1)
HOUSE = make_entry(3, "utility_meter")
POST = make_entry(4, "air_sensor")
ENERGY = meter_rows.Row(0x0600, 0, 0, 0, 0, UNITS.index("Wh"), 3, 37_351)
VOLUME = meter_rows.Row(0x1300, 1, 1, 2, 0, UNITS.index("m^3"), -3, 561_080)
NO2 = air_rows.Row(NUMBERS["no2"], 60, 0, -7, -20, 5, 6, 4602, 4800)
PM10 = air_rows.Row(NUMBERS["pm10"], 58, FLAG_WARM_UP | FLAG_HUMIDITY, 200, 180, 231, 12, None, None)
START_S = START_MS // 1000


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Playbook]:
    async with playing(tmp_path, [HOUSE, POST, BUS]) as playing_book:
        yield playing_book


def read(house: Peer, *rows: meter_rows.Row, outcome: int = reading.OUTCOME_READ, flags: int = 0, **more: Any) -> int:
    packed = b"".join(map(meter_rows.build, rows))
    body = reading.Reading(1, reading.PROTOCOL_MBUS, outcome, flags, b"12345678", b"ELS", 1, 4, 9, 0, packed)
    return house.write(reading.KIND, reading.build(body), **more)


def measure(post: Peer, *rows: air_rows.Row, start_s: int = START_S, **more: Any) -> int:
    body = air_means.AirMeans(start_s, 1, 7, air_rows.build(list(rows), 60))
    return post.write(air_means.KIND, air_means.build(body), **{"time_ms": (start_s + 60) * 1000} | more)


async def answer(book: Playbook, path: str, parameters: Mapping[str, str] | None = None) -> bytes:
    async with asking(book) as client:
        told = await client.get(f"/api/v1/export/{path}", params=parameters)
    assert told.status_code == 200, told.text
    return told.content


async def as_csv(book: Playbook, dataset: str, **parameters: str) -> list[dict[str, str]]:
    text = (await answer(book, f"{dataset}.csv", parameters)).decode()
    return list(csv.DictReader(io.StringIO(text)))


async def as_parquet(book: Playbook, dataset: str) -> pa.Table:
    return pq.read_table(pa.BufferReader(await answer(book, f"{dataset}.parquet")))


async def test_a_reading_has_a_row_a_value_and_one_without_a_value_when_the_meter_was_silent(book: Playbook) -> None:
    house = Peer(HOUSE)
    read(house, ENERGY, VOLUME, flags=reading.FLAGS_STALE | reading.FLAGS_ESTIMATED)
    read(house, outcome=reading.OUTCOME_SILENT)
    await book.send(house, house.batch())
    energy, volume, silent = await as_csv(book, "readings")
    assert (energy["node"], energy["name"], energy["seq"]) == (HOUSE.node.hex(), HOUSE.name, "1")
    assert (energy["time_utc"], energy["clock"]) == ("2026-10-18 08:00:01.000Z", "gnss")
    assert (energy["identity"], energy["maker"], energy["medium"]) == ("12345678", "ELS", "Heat: Outlet")
    assert (energy["value"], energy["unit"], energy["raw"], energy["exponent"]) == ("37351000", "Wh", "37351", "3")
    assert (energy["flags"], energy["imported"]) == ("stale estimated", "false")
    assert (volume["function"], volume["storage"], volume["value"]) == ("Maximum value", "1", "561.08")
    assert (silent["outcome"], silent["value"], silent["raw"], silent["flags"]) == ("silent", "", "", "")


async def test_a_sample_of_a_post_keeps_its_flags_bounds_electrodes_and_class(book: Playbook) -> None:
    post = Peer(POST)
    measure(post, NO2, PM10)
    await book.send(post, post.batch())
    no2, pm10 = await as_csv(book, "air")
    assert (no2["start_utc"], no2["period_s"], no2["time_utc"]) == (
        "2026-10-18 08:00:00.000Z",
        "60",
        "2026-10-18 08:01:00.000Z",
    )
    assert (no2["channel"], no2["unit"], no2["mean"], no2["minimum"], no2["maximum"]) == (
        "no2", "ppb", "-0.7", "-2", "0.5",
    )  # fmt: skip
    assert (no2["working_mv"], no2["calibration"], no2["class"], no2["flags"]) == ("287.625", "7", "indicative", "")
    assert (pm10["flags"], pm10["count_s"], pm10["working_mv"]) == ("warm_up humidity", "58", "")


async def test_taps_and_positions_are_exported_without_a_card(book: Playbook) -> None:
    bus = Peer(BUS)
    bus.tap(trip_ref=5)
    bus.position(47.91, 33.4)
    await book.send(bus, bus.batch())
    (tap,) = await as_csv(book, "taps")
    assert (tap["result"], tap["medium"], tap["flags"], tap["trip_ref"]) == ("accepted", "desfire", "id_stable", "5")
    assert (tap["decision_ms"], tap["lat_deg"]) == ("210", "")  # nobody knew where
    assert not [name for name in tap if "token" in name or "card" in name]
    assert b"\x5a".hex() * 8 not in (await answer(book, "taps.csv")).decode()
    (place,) = await as_csv(book, "positions")
    assert (place["lat_deg"], place["lon_deg"], place["speed_mps"], place["hdop"]) == ("47.91", "33.4", "8.3", "0.9")


async def test_parquet_holds_the_same_rows_with_types_and_the_dictionary(book: Playbook) -> None:
    post = Peer(POST)
    measure(post, NO2, PM10)
    await book.send(post, post.batch())
    table = await as_parquet(book, "air")
    assert table.schema.field("start_utc").type == pa.timestamp("ms", tz="UTC")
    assert table.schema.field("working_mv").metadata[b"unit"] == b"mV"
    written = io.BytesIO()
    pa.csv.write_csv(table, written)
    assert written.getvalue() == await answer(book, "air.csv")


async def test_a_period_goes_by_record_time_in_the_towns_zone_and_a_node_can_be_chosen(book: Playbook) -> None:
    post = Peer(POST)
    for hour in range(3):  # 11, 12 and 13 o'clock in Kyiv
        measure(post, NO2, start_s=START_S + 3600 * hour)
    await book.send(post, post.batch())
    chosen = {"from": "2026-10-18T12:00", "to": "2026-10-18T10:00Z"}
    assert [row["start_utc"] for row in await as_csv(book, "air", **chosen)] == ["2026-10-18 09:00:00.000Z"]
    assert len(await as_csv(book, "air", **{"from": "2026-10-18", "to": "2026-10-18"})) == 3
    assert await as_csv(book, "air", to="2026-10-17") == []
    assert len(await as_csv(book, "air", node=POST.node.hex().upper())) == 3
    assert await as_csv(book, "air", node=HOUSE.node.hex()) == []


async def test_what_was_measured_before_the_clock_was_set_is_dated_by_what_the_node_learned_later(
    book: Playbook,
) -> None:
    post = Peer(POST)
    post.boot()
    measure(post, NO2, start_s=10, time_ms=70_000)
    post.clock_set(uptime_ms=600_000)  # at START + 3 s
    await book.send(post, post.batch())
    (row,) = await as_csv(book, "air", **{"from": "2026-10-18", "to": "2026-10-18"})
    assert (row["clock"], row["start_utc"], row["time_utc"]) == (
        "corrected",
        "2026-10-18 07:50:13.000Z",
        "2026-10-18 07:51:13.000Z",
    )


async def test_many_parts_make_one_file_in_the_order_of_recording(
    book: Playbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.services.export.NUMBERS_A_LOOK", 7)
    monkeypatch.setattr("controller.services.export.ROWS_A_PART", 5)
    house = Peer(HOUSE)
    for _ in range(30):
        read(house, ENERGY, VOLUME)
    await book.send(house, house.batch(1, 10), house.batch(12, 30))  # 11 is still owed
    expected = [seq for seq in range(1, 31) if seq != 11 for _ in range(2)]
    assert [int(row["seq"]) for row in await as_csv(book, "readings")] == expected
    parts = pq.ParquetFile(pa.BufferReader(await answer(book, "readings.parquet")))
    assert parts.read()["seq"].to_pylist() == expected
    assert parts.num_row_groups == len(expected) // 5 + 1


async def test_a_body_that_cannot_be_read_stays_in_the_ledger_alone(book: Playbook) -> None:
    house = Peer(HOUSE)
    house.write(reading.KIND, b"\x01")
    read(house, ENERGY)
    await book.send(house, house.batch())
    assert [row["seq"] for row in await as_csv(book, "readings")] == ["2"]
    assert set(book.stored(house)) == {1, 2}


@pytest.mark.parametrize("dataset", [*DATASETS, "devices", "points"])
async def test_an_export_of_nothing_has_its_columns_and_each_is_explained(book: Playbook, dataset: str) -> None:
    async with asking(book) as client:
        told = (await client.get(f"/api/v1/export/{dataset}/columns")).json()
    names = [column["name"] for column in told]
    assert all(column["meaning"] and column["source"] and column["type"] for column in told)
    assert next(csv.reader(io.StringIO((await answer(book, f"{dataset}.csv")).decode()))) == names
    assert (await as_parquet(book, dataset)).column_names == names


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("nothing.csv", 404, "readings, air, taps, positions, devices, points"),
        ("nothing/columns", 404, "readings, air, taps, positions, devices, points"),
        ("air.xlsx", 404, "csv or parquet"),
        ("air.csv?node=00000000000000ff", 404, "no such node"),
        ("air.csv?node=xyz", 404, "16 hexadecimal digits"),
        ("air.csv?from=yesterday", 422, "write 2026-11-21"),
        ("air.csv?from=2026-11-21&to=2026-11-20", 422, "holds no moment"),
    ],
)
async def test_what_cannot_be_exported_is_said_with_what_can(book: Playbook, path: str, status: int, says: str) -> None:
    async with asking(book) as client:
        told = await client.get(f"/api/v1/export/{path}")
    assert told.status_code == status
    assert says in told.json()["detail"]

"""The API: what it answers, what it refuses, and that its OpenAPI tells all of it.

Never starts a server: the application is asked in memory, over a real database.
Specification: /openapi.json.
"""

import zlib
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from controller.tests.asking import asking
from controller.tests.feed_files import street_feed, zipped
from controller.tests.peer import START_MS, Peer, make_entry
from controller.tests.playbook import Playbook, playing

BUS = make_entry(1, vehicle=17, vehicle_id="17")
SIGN = make_entry(2, "stop_display", stop_id="s3", width=16, height=8)
BUS_PATH = "/api/v1/nodes/0000000000000001"

SIGN_PATH = "/api/v1/nodes/0000000000000002"


def bus_tap() -> tuple[int, bytes]:
    """Kind and body of a tap."""
    other = Peer(BUS)
    raw = other.journal[other.tap()]
    return raw[0], raw[18:]


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Playbook]:
    async with playing(tmp_path, [BUS, SIGN]) as playing_book:
        yield playing_book


async def test_records_come_page_by_page_as_they_were_journalled(book: Playbook) -> None:
    bus = Peer(BUS)
    for _ in range(5):
        bus.tap()
    await book.send(bus, bus.batch())
    async with asking(book) as client:
        page = (await client.get(f"{BUS_PATH}/records", params={"limit": 3})).json()
        assert [one["seq"] for one in page["records"]] == [1, 2, 3]
        assert page["next_seq"] == 4
        first = page["records"][0]
        assert bytes.fromhex(first["hex"]) == bus.journal[1]
        assert (first["crc32"], first["kind"]) == (zlib.crc32(bus.journal[1]), 16)
        page = (await client.get(f"{BUS_PATH}/records", params={"limit": 3, "from_seq": 4})).json()
        assert ([one["seq"] for one in page["records"]], page["next_seq"]) == ([4, 5], None)


async def test_what_was_recorded_before_the_node_knew_the_time_is_dated_once_the_node_has_told_it(
    book: Playbook,
) -> None:
    bus = Peer(BUS)
    bus.write(*bus_tap(), time_ms=7_000)
    bus.boot()
    bus.write(*bus_tap(), time_ms=5_000)
    bus.clock_set(uptime_ms=60_000)  # stamped START_MS + 4 s
    bus.tap()
    await book.send(bus, bus.batch())
    async with asking(book) as client:
        page = (await client.get(f"{BUS_PATH}/records")).json()
    told = [(one["taken_ms"] - START_MS, one["clock"]) for one in page["records"]]
    assert told == [(0, "received"), (2_000, "gnss"), (4_000 - 55_000, "corrected"), (4_000, "gnss"), (5_000, "gnss")]


async def test_the_ledger_adds_up_and_a_row_missing_in_the_database_is_found_by_verification(book: Playbook) -> None:
    bus = Peer(BUS)
    for _ in range(4):
        bus.tap()
    await book.send(bus, bus.batch(), bus.batch(2, 2))
    async with asking(book) as client:
        told = (await client.get("/api/v1/ledger")).json()
        assert (told["reconciles"], told["verified"]) == (True, False)
        assert told["totals"] == {
            "journalled": 4, "receipted": 4, "stored": 4, "missing": 0, "declared_gaps": 0, "refused_duplicates": 1,
            "conflicting": 0, "imported": 0, "gap_reasons": {},
        }  # fmt: skip
        verified = (await client.get("/api/v1/ledger", params={"verify": True})).json()
        assert verified["rows"] == told["rows"]
        await book.writer.run(book.store._writer.execute, "DELETE FROM record WHERE seq = 2")
        assert not (await client.get("/api/v1/ledger", params={"verify": True})).json()["reconciles"]


async def test_a_feed_is_put_whole_or_refused_with_file_and_line(book: Playbook) -> None:
    async with asking(book) as client:
        assert (await client.get("/api/v1/feed")).status_code == 404
        files = street_feed()
        files["stop_times.txt"] += b"t0500,25:61:00,x,s9,9\n"
        broken = await client.put("/api/v1/feed", content=zipped(files))
        assert broken.status_code == 422
        first = broken.json()["errors"][0]
        assert (first["file"], first["line"]) == ("stop_times.txt", 410)
        assert (await client.put("/api/v1/feed", content=b"no zip")).status_code == 422
        assert (await client.get("/api/v1/feed")).status_code == 404
        put = await client.put("/api/v1/feed", content=zipped(street_feed()))
        assert (put.status_code, put.json()) == (
            200, {"name": "Street", "version": "1", "routes": 1, "stops": 4, "trips": 102},
        )  # fmt: skip
        assert (await client.get("/api/v1/feed")).json() == put.json()
    async with asking(book, max_upload_bytes=100) as client:
        assert (await client.put("/api/v1/feed", content=zipped(street_feed()))).status_code == 413


async def test_arrivals_at_a_stop_are_asked_by_its_id(book: Playbook) -> None:
    await book.town.feeds.put(zipped(street_feed()))
    async with asking(book) as client:
        told = (await client.get("/api/v1/stops/s2/arrivals", params={"limit": 2})).json()
        assert told["name"] == "Зупинка 1"
        assert [one["scheduled_s"] - START_MS // 1000 for one in told["arrivals"]] == [180, 780]
        assert told["arrivals"][0]["expected_s"] is None
        assert (await client.get("/api/v1/stops/nowhere/arrivals")).status_code == 404


async def test_a_picture_is_a_png_of_every_lamp(book: Playbook) -> None:
    sign = Peer(SIGN)
    async with asking(book) as client:
        assert (await client.get(f"{SIGN_PATH}/picture.png")).status_code == 404
        await book.send(sign, sign.picture(10, 2, bytes((0x80, 0x40, 0xFF, 0xC0))))
        answer = await client.get(f"{SIGN_PATH}/picture.png", params={"scale": 3})
        assert answer.headers["content-type"] == "image/png"
        image = Image.open(BytesIO(answer.content))
        assert image.size == (30, 6)
        lit = [(x, y) for y in range(2) for x in range(10) if image.getpixel((x * 3 + 1, y * 3 + 1))]
        assert lit == [(0, 0), (9, 0)] + [(x, 1) for x in range(10)]
        assert (await client.get(f"{BUS_PATH}/picture.png")).status_code == 404
        assert (await client.get(f"{SIGN_PATH}/picture.png", params={"scale": 999})).status_code == 422


async def test_the_town_is_told_whole_and_its_parts_apart(book: Playbook) -> None:
    await book.town.feeds.put(zipped(street_feed()))
    bus, sign = Peer(BUS), Peer(SIGN)
    seq = bus.position(47.91, 33.4, time_ms=START_MS)
    await book.send(bus, bus.batch(seq, seq))
    await book.send(sign, sign.picture(16, 8, bytes(16)))
    async with asking(book) as client:
        town = (await client.get("/api/v1/town")).json()
        assert (town["site"], town["feed_name"], len(town["stops"]), len(town["shapes"])) == ("demo", "Street", 4, 1)
        assert town["displays"][0]["picture"] == f"{SIGN_PATH}/picture.png"
        assert town["nodes"] == (await client.get("/api/v1/nodes")).json()
        assert town["nodes"][0] == (await client.get(BUS_PATH)).json()
        assert town["vehicles"] == (await client.get("/api/v1/vehicles")).json()
        assert town["counters"]["positions"] == 1
        assert (await client.get("/api/v1/town", params={"shapes": False})).json()["shapes"] == []
        assert (await client.get("/healthz")).json() == {
            "status": "ok", "broker": True, "storing": True, "nodes_online": 1, "nodes": 2,
        }  # fmt: skip
        assert "vuzol_commit_seconds_bucket" in (await client.get("/metrics")).text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/nodes/00000000000000ff", 404),
        ("/api/v1/nodes/zz", 404),
        ("/api/v1/nodes/zz/records", 404),
        (f"{BUS_PATH}/records?from_seq=9223372036854775808", 422),
        (f"{BUS_PATH}/records?limit=0", 422),
        (f"{BUS_PATH}/records?limit=999999", 422),
    ],
)
async def test_what_does_not_exist_is_404_and_what_makes_no_sense_422(book: Playbook, path: str, status: int) -> None:
    async with asking(book) as client:
        assert (await client.get(path)).status_code == status


async def test_openapi_tells_a_summary_of_every_operation(book: Playbook) -> None:
    async with asking(book) as client:
        document = (await client.get("/openapi.json")).json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) >= 12
    assert all(operation.get("summary") and operation.get("tags") for operation in operations)

"""Air posts: what they measure is kept as it came, with its quality, and is given out in its units, over restarts too.

Never starts a server; the peer is the smallest honest node.
Specification: protocols/schema/air_sensor.py; protocols/wire/air_rows.py.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from controller import nodes
from controller.events import AirMeasured
from controller.tests.asking import asking
from controller.tests.peer import Peer, make_entry
from controller.tests.playbook import Playbook, playing
from protocols import air_archive
from protocols.air_archive import Period
from protocols.wire import air_rows, record
from protocols.wire.air_rows import FLAG_HUMIDITY, FLAG_WARM_UP, NUMBERS, Row
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import air_means

POST = make_entry(4, "air_sensor")
BUS = make_entry(1)
NAME = POST.node.hex()
MINUTE_S = 1_795_000_020
NO2 = Row(NUMBERS["no2"], 60, 0, -7, -20, 5, 6, 4602, 4800)
PM10 = Row(NUMBERS["pm10"], 58, FLAG_WARM_UP | FLAG_HUMIDITY, 200, 180, 231, 12, None, None)
WIND = Row(NUMBERS["wind_direction"], 60, 0, 2705, None, None, None, None, None)


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Playbook]:
    async with playing(tmp_path, [POST, BUS]) as playing_book:
        yield playing_book


def measure(post: Peer, *rows: Row, start_s: int = MINUTE_S, minutes: int = 1) -> int:
    body = air_means.AirMeans(start_s, minutes, 7, air_rows.build(list(rows), minutes * 60))
    return post.write(air_means.KIND, air_means.build(body), time_ms=(start_s + minutes * 60) * 1000)


async def ask(book: Playbook, path: str) -> Any:
    async with asking(book) as client:
        return (await client.get(f"/api/v1/air{path}")).json()


def test_a_period_becomes_an_event_with_every_row() -> None:
    post = Peer(POST)
    one, _ = record.parse(post.journal[measure(post, NO2, PM10)])
    event = nodes.event_of(nodes.READERS["air_sensor"], POST.node, one)
    assert event == AirMeasured(POST.node, 1, MINUTE_S, 60, True, 7, (NO2, PM10))


def test_rows_that_are_cut_short_are_malformed() -> None:
    post = Peer(POST)
    body = air_means.build(air_means.AirMeans(MINUTE_S, 1, 7, air_rows.build([NO2], 60)[:-1]))
    one, _ = record.parse(post.journal[post.write(air_means.KIND, body)])
    with pytest.raises(MalformedFrame):
        nodes.event_of(nodes.READERS["air_sensor"], POST.node, one)


async def test_the_last_means_of_a_post_are_told_in_their_units_as_indicative(book: Playbook) -> None:
    post = Peer(POST)
    measure(post, NO2, PM10, WIND)
    await book.send(post, post.batch())
    (view,) = await ask(book, "")
    assert (view["node"], view["class_name"]) == (NAME, "indicative")
    no2, pm10, wind = view["samples"]
    assert (no2["channel"], no2["unit"], no2["mean"], no2["minimum"], no2["maximum"]) == ("no2", "ppb", -0.7, -2.0, 0.5)
    assert (no2["working_mv"], no2["auxiliary_mv"], no2["calibration"]) == (287.625, 300.0, 7)
    assert (pm10["mean"], pm10["count"], pm10["flags"]) == (20.0, 58, ["warm_up", "humidity"])
    assert (wind["mean"], wind["minimum"], wind["deviation"]) == (270.5, None, None)
    assert book.town.live.counters().air_samples == 1


async def test_backlog_is_stored_and_does_not_replace_what_is_newer(book: Playbook) -> None:
    post = Peer(POST)
    measure(post, NO2)
    measure(post, PM10, start_s=MINUTE_S + 60)
    await book.send(post, post.batch(2, 2))
    await book.send(post, post.batch(1, 1))
    (view,) = await ask(book, "")
    assert [sample["channel"] for sample in view["samples"]] == ["pm10"]
    stored = await ask(book, f"/{NAME}/samples")
    assert [sample["channel"] for sample in stored["samples"]] == ["no2", "pm10"]


async def test_a_sample_that_comes_again_with_other_values_does_not_overwrite(book: Playbook) -> None:
    post = Peer(POST)
    measure(post, NO2)
    await book.send(post, post.batch())
    post.journal.clear()
    measure(post, PM10)
    await book.send(post, post.batch())
    stored = await ask(book, f"/{NAME}/samples")
    assert [sample["channel"] for sample in stored["samples"]] == ["no2"]
    assert book.town.ledger.rows()[0].conflicting + book.town.ledger.rows()[1].conflicting == 1


async def test_stored_samples_come_in_pages_and_pass_over_other_records(book: Playbook) -> None:
    post = Peer(POST)
    post.boot()
    for minute in range(3):
        measure(post, NO2, start_s=MINUTE_S + minute * 60)
    await book.send(post, post.batch())
    first = await ask(book, f"/{NAME}/samples?limit=2")
    assert ([sample["seq"] for sample in first["samples"]], first["next_seq"]) == ([2], 3)
    rest = await ask(book, f"/{NAME}/samples?limit=10&from_seq=3")
    assert ([sample["start_s"] for sample in rest["samples"]], rest["next_seq"]) == ([MINUTE_S + 60, MINUTE_S + 120], 0)


async def test_every_channel_is_explained(book: Playbook) -> None:
    told = {row["channel"]: row for row in await ask(book, "/channels")}
    assert set(told) == set(NUMBERS)
    assert told["no2"]["resolution"] == pytest.approx(0.1)


async def test_the_archive_holds_every_mean_and_its_flags(book: Playbook) -> None:
    post = Peer(POST)
    for minute in range(3):
        measure(post, NO2, PM10, start_s=MINUTE_S + 60 * minute)
    await book.send(post, post.batch())
    async with asking(book) as client:
        data = (await client.get(f"/api/v1/air/{NAME}/archive")).content
    node, periods = air_archive.unpack(data)
    assert node == POST.node
    starts = [MINUTE_S + 60 * minute for minute in range(3)]
    expected = [Period(NUMBERS["pm10"], start_s, 1, 200, PM10.flags) for start_s in starts]
    assert periods == expected + [Period(NUMBERS["no2"], start_s, 1, -7, 0) for start_s in starts]


async def test_who_is_no_post_has_no_samples(book: Playbook) -> None:
    async with asking(book) as client:
        for node in (BUS.node.hex(), "00000000000000ff", "nonsense"):
            for what in ("samples", "archive"):
                assert (await client.get(f"/api/v1/air/{node}/{what}")).status_code == 404


async def test_after_a_restart_the_samples_are_still_there(tmp_path: Path) -> None:
    post = Peer(POST)
    measure(post, NO2)
    async with playing(tmp_path, [POST]) as before:
        await before.send(post, post.batch())
    async with playing(tmp_path, [POST]) as after:
        stored = await ask(after, f"/{NAME}/samples")
        assert [sample["mean"] for sample in stored["samples"]] == [-0.7]
        assert after.town.live.counters().air_samples == 1

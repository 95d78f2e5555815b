"""The push API: devices of others join by it, each sample is stored once, and an item that is wrong is told alone.

Never starts a server. Specification: controller/services/pushing.py; README.md, "Push".
"""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.http_push import MAX_ITEMS
from controller.services.history import DEVICE
from controller.tests.asking import asking
from controller.tests.peer import START_MS
from controller.tests.playbook import Clock, Playbook, playing
from controller.tests.test_buildings import SCHOOL, consumption, enter

POST: dict[str, Any] = {
    "name": "Пост 12, металургійний",
    "kind": "industrial post",
    "channels": {"so2": "ug/m3", "t": "°C"},
}
NOW = "2026-10-18T08:00:00.250Z"


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Playbook]:
    async with playing(tmp_path, [], clock=Clock(START_MS + 1000)) as playing_book:
        yield playing_book


def sample(value: float | None, channel: str = "so2", time: str = NOW, **more: Any) -> dict[str, Any]:
    return {"device": POST["name"], "channel": channel, "time": time, "value": value, **more}


async def call(book: Playbook, method: str, path: str, body: Any = None) -> httpx.Response:
    async with asking(book) as client:
        return await client.request(method, f"/api/v1/{path}", json=body)


async def push(book: Playbook, *items: dict[str, Any]) -> tuple[int, int, list[tuple[int, str]]]:
    """(stored, already stored, refused ones with their reasons)."""
    answer = await call(book, "POST", "push/samples", items)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    return told["stored"], told["already_stored"], [(one["index"], one["reason"]) for one in told["refused"]]


async def samples(book: Playbook) -> list[tuple[str, float | None]]:
    return [(one.point, one.value) for one in book.store.samples.read(POST["name"], "", (0, 1 << 60), 0, 1000)]


async def test_a_registered_device_is_stored_once_however_often_it_sends(book: Playbook) -> None:
    assert (await call(book, "PUT", "push/devices", POST)).status_code == 200
    items = sample(41.5), sample(-3.25, "t")
    assert await push(book, *items) == (2, 0, [])
    assert await push(book, *items, sample(42, time="2026-10-18T11:00:00.251+03:00")) == (1, 2, [])
    assert await samples(book) == [("so2", 41.5), ("t", -3.25), ("so2", 42)]


async def test_two_samples_of_a_millisecond_are_kept_by_their_sequence(book: Playbook) -> None:
    await call(book, "PUT", "push/devices", POST)
    assert await push(book, sample(1, sequence=1), sample(2, sequence=2), sample(2, sequence=2)) == (2, 1, [])
    assert await push(book, sample(3, sequence=2)) == (0, 0, [(0, "conflict")])
    assert await samples(book) == [("so2", 1), ("so2", 2)]


async def test_what_is_wrong_with_an_item_is_told_by_its_place_and_the_others_are_stored(book: Playbook) -> None:
    await call(book, "PUT", "push/devices", POST)
    wrong = [
        sample(1, device="nobody"),
        sample(1, "pm10"),
        sample(1, time="2026-10-18T08:00:00"),
        sample(1, time="yesterday"),
        sample(1, time="2026-10-18T09:00:00Z"),
        sample(1, sequence=-1),
    ]
    reasons = ["unknown_device", "unknown_channel", "time", "time", "time", "sequence"]
    assert await push(book, sample(7), *wrong, sample(None, "t")) == (2, 0, list(enumerate(reasons, 1)))
    assert await samples(book) == [("so2", 7), ("t", None)]
    for body in ([{"device": "x"}], [sample(1)] * (MAX_ITEMS + 1), [sample("much")], {"device": "x"}):  # type: ignore[arg-type]
        assert (await call(book, "POST", "push/samples", body)).status_code == 422


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": " x"}, "no space around it"),
        ({"name": ""}, "1 to 100 letters"),
        ({"channels": {}}, "1 to 200 channels"),
        ({"channels": {"so2": "ppb"}}, "is stored in 'ug/m3'"),
        ({"speaks_s": 0}, "how often it speaks"),
        ({"name": "Щит 1"}, "is on one of our buses"),
    ],
)
async def test_a_device_that_cannot_be_registered_is_told_why(
    book: Playbook, change: dict[str, Any], says: str
) -> None:
    book.town.pushing.taken = lambda: ["Щит 1"]
    await call(book, "PUT", "push/devices", POST)
    answer = await call(book, "PUT", "push/devices", POST | change)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    (device,) = (await call(book, "GET", "push/devices")).json()
    assert device["channels"] == POST["channels"]


async def test_a_device_is_seen_with_its_last_values_until_it_has_been_silent_for_too_long(tmp_path: Path) -> None:
    clock = Clock(START_MS + 1000)
    async with playing(tmp_path, [], clock=clock) as book:
        await call(book, "PUT", "push/devices", POST | {"speaks_s": 60})
        await call(book, "PUT", "push/devices", POST | {"speaks_s": 60, "channels": {"pm10": "ug/m3"}})
        await push(book, sample(41.5), sample(30, "pm10"), sample(9, time="2026-10-18T07:00:00Z"))
    async with playing(tmp_path, [], clock=clock) as book:
        for passes_s, online in ((0, True), (181, False)):
            clock.advance(passes_s)
            (view,) = book.town.pushing.devices()
            assert (view.online, view.template) == (online, "industrial post")
            assert [(one.name, one.value, one.unit) for one in view.points] == [
                ("pm10", 30, "ug/m3"), ("so2", 41.5, "ug/m3"),
            ]  # fmt: skip
        assert book.town.live.sources.devices() == (view,)


async def test_a_pushed_device_has_a_chart_and_stands_in_the_export(book: Playbook) -> None:
    await call(book, "PUT", "push/devices", POST)
    await push(book, sample(41.5), sample(40, time="2026-10-18T07:00:00Z"), sample(None, "t"))
    (place,) = book.town.history.places()
    assert (place.id, place.name) == (f"{DEVICE}{POST['name']}", POST["name"])
    so2, temperature = book.town.history.values(place.id)
    assert [(point.value, point.unit) for point in book.town.history.last_day(place.id, so2.id)] == [
        (40, "ug/m3"), (41.5, "ug/m3"),
    ]  # fmt: skip
    assert book.town.history.last_day(place.id, temperature.id) == ()
    async with asking(book) as client:
        text = (await client.get("/api/v1/export/devices.csv", params={"node": POST["name"]})).text
        assert (await client.get("/api/v1/export/devices.csv", params={"node": "nobody"})).status_code == 404
    rows = [(row["point"], row["time_utc"], row["value"], row["unit"], row["quality"]) for row in table(text)]
    assert rows == [
        ("so2", "2026-10-18 07:00:00.000Z", "40", "ug/m3", "good"),
        ("so2", "2026-10-18 08:00:00.250Z", "41.5", "ug/m3", "good"),
        ("t", "2026-10-18 08:00:00.250Z", "", "°C", "invalid"),
    ]


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


async def test_a_meter_of_others_is_counted_by_its_samples_or_by_pushed_readings(book: Playbook) -> None:
    await call(book, "PUT", "push/devices", POST | {"channels": {"energy": "MWh"}})
    times = "2026-10-18T06:00:00Z", "2026-10-18T07:00:00Z"
    await push(book, *(sample(value, "energy", time) for value, time in zip((1.5, 1.75), times, strict=True)))
    by_itself = {"place": f"{DEVICE}{POST['name']}", "value": "energy"}
    await enter(book, "meters", SCHOOL | by_itself | {"since": "2026-10-18"})
    assert await consumption(book) == (250, 0, [])
    items = [
        {"building": SCHOOL["building"], "point": SCHOOL["point"], "time": NOW, "reading": 1760},
        {"building": "nowhere", "point": "x", "time": NOW, "reading": 1},
    ]
    for stored, already in ((1, 0), (0, 1)):
        told = (await call(book, "POST", "push/readings", items)).json()
        assert (told["stored"], told["already_stored"], told["problems"][0]["index"]) == (stored, already, 1)
    assert await consumption(book) == (260, 0, [])

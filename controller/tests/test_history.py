"""What a chart is drawn from: the last day of one value as it is stored, with its marks, and nothing of another's.

Never starts a server; the peers are the smallest honest nodes.
Specification: controller/services/history.py.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.services.history import Choice, History, Point
from controller.tests.peer import START_MS, Peer
from controller.tests.playbook import Playbook, playing
from controller.tests.test_export import ENERGY, HOUSE, NO2, PM10, POST, VOLUME, measure, read
from protocols.wire.messages import reading
from protocols.wire.meter_units import UNITS

START_S = START_MS // 1000
DAY_S = 86_400


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Playbook]:
    async with playing(tmp_path, [HOUSE, POST]) as playing_book:
        yield playing_book


def history(book: Playbook) -> History:
    return book.town.history


async def test_only_who_was_heard_can_be_chosen(book: Playbook) -> None:
    assert history(book).places() == ()
    house, post = Peer(HOUSE), Peer(POST)
    read(house, ENERGY, VOLUME)
    measure(post, NO2, PM10)
    await book.send(house, house.batch())
    await book.send(post, post.batch())
    of_post, of_meter = history(book).places()
    assert (of_post.name, of_meter.name) == (POST.name, f"{HOUSE.name} · 12345678")
    assert history(book).values(of_post.id) == (Choice("no2", "no2", "ppb"), Choice("pm10", "pm10", "ug/m3"))
    energy, volume = history(book).values(of_meter.id)
    assert (energy.name, energy.unit, energy.register) == ("Energy", "Wh", "")
    assert (volume.name, volume.unit, volume.register) == ("Volume", "m^3", "1/2/0")


async def test_a_channel_of_a_post_over_the_last_day_with_its_marks(book: Playbook) -> None:
    post = Peer(POST)
    measure(post, PM10, start_s=START_S - DAY_S - 120)  # too old
    measure(post, PM10, NO2, start_s=START_S - 120)
    measure(post, NO2, start_s=START_S - 60)
    await book.send(post, post.batch())
    told = history(book)
    assert told.last_day(POST.node.hex(), "pm10") == (Point(START_S - 60, 20.0, ("warm_up", "humidity"), "ug/m3"),)
    assert [point.at_s for point in told.last_day(POST.node.hex(), "no2")] == [START_S - 60, START_S]


async def test_a_register_of_one_meter_and_no_point_where_the_meter_was_silent(book: Playbook) -> None:
    house = Peer(HOUSE)
    read(house, ENERGY, ENERGY._replace(unit=UNITS.index("pulse")), time_ms=START_MS - 7_200_000)
    read(house, outcome=reading.OUTCOME_SILENT, time_ms=START_MS - 3_600_000)
    read(house, ENERGY._replace(raw=37_352), flags=reading.FLAGS_STALE, time_ms=START_MS)
    await book.send(house, house.batch())
    (meter,) = history(book).places()
    (energy,) = history(book).values(meter.id)
    assert history(book).last_day(meter.id, energy.id) == (
        Point(START_S - 7200, 37_351_000.0, (), "Wh", "12345678"),
        Point(START_S, 37_352_000.0, ("stale",), "Wh", "12345678"),
    )

"""Meters: what they say is kept as it came, with its quality, and given out in its units; a new meter is a new epoch.

Never starts a server; the peer is the smallest honest node.
Specification: protocols/schema/utility_meter.py; protocols/wire/meter_rows.py.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from controller import nodes
from controller.commands import ScanMeters
from controller.events import CoverChanged, MeterFound, MeterRead, MeterValue
from controller.tests.asking import asking
from controller.tests.peer import START_MS, Peer, make_entry
from controller.tests.playbook import Playbook, playing
from protocols.wire import meter_rows, record
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import found_meter, reading, result, scan_meters, tamper
from protocols.wire.meter_rows import Row
from protocols.wire.meter_units import UNITS

HOUSE = make_entry(3, "utility_meter")
BUS = make_entry(1)
NAME = HOUSE.node.hex()
ENERGY = Row(0x0600, 0, 0, 0, 0, UNITS.index("Wh"), 3, 37_351)
VOLUME = Row(0x1300, 0, 1, 2, 0, UNITS.index("m^3"), -3, 561_080)


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Playbook]:
    async with playing(tmp_path, [HOUSE, BUS]) as playing_book:
        yield playing_book


def read(
    house: Peer,
    *rows: Row,
    identity: bytes = b"12345678",
    outcome: int = reading.OUTCOME_READ,
    flags: int = 0,
    **more: Any,
) -> int:
    packed = b"".join(map(meter_rows.build, rows))
    body = reading.Reading(1, reading.PROTOCOL_MBUS, outcome, flags, identity, b"ELS", 1, 4, 9, 0, packed)
    return house.write(reading.KIND, reading.build(body), **more)


def event_of(house: Peer, seq: int) -> object:
    one, _ = record.parse(house.journal[seq])
    return nodes.event_of(nodes.READERS["utility_meter"], HOUSE.node, one)


async def ask(book: Playbook, path: str) -> Any:
    async with asking(book) as client:
        return (await client.get(f"/api/v1/meters{path}")).json()


def test_a_reading_becomes_an_event_with_every_value() -> None:
    house = Peer(HOUSE)
    event = event_of(house, read(house, ENERGY, VOLUME, flags=reading.FLAGS_STALE))
    assert isinstance(event, MeterRead)
    assert (event.meter, event.identity, event.maker, event.flags) == (1, "12345678", "ELS", reading.FLAGS_STALE)
    assert event.values == (
        MeterValue(0x0600, 0, 0, 0, 0, "Wh", 3, 37_351),
        MeterValue(0x1300, 0, 1, 2, 0, "m^3", -3, 561_080),
    )


def test_found_meters_and_tampering_become_events_and_a_search_a_message() -> None:
    house = Peer(HOUSE)
    found = found_meter.FoundMeter(1, 253, found_meter.COLLIDED_YES, b"1234FFFF", b"\0\0\0", 0, 255)
    assert event_of(house, house.write(found_meter.KIND, found_meter.build(found))) == MeterFound(
        HOUSE.node, START_MS + 1000, 1, 253, True, "1234FFFF", "", 0, 255
    )
    opened = tamper.build(tamper.Tamper(tamper.COVER_OPEN))
    assert event_of(house, house.write(tamper.KIND, opened)) == CoverChanged(HOUSE.node, START_MS + 2000, True, True)
    kind, version, body = nodes.message_of("utility_meter", ScanMeters(250))
    assert (kind, version, scan_meters.parse(body).primary_last) == (scan_meters.KIND, 1, 250)


def test_values_that_are_cut_short_are_malformed() -> None:
    house = Peer(HOUSE)
    body = reading.Reading(1, 1, 0, 0, bytes(8), bytes(3), 0, 255, 0, 0, meter_rows.build(ENERGY)[:-1])
    with pytest.raises(MalformedFrame):
        event_of(house, house.write(reading.KIND, reading.build(body)))


async def test_the_last_reading_of_a_meter_is_told_in_its_unit(book: Playbook) -> None:
    house = Peer(HOUSE)
    read(house, ENERGY, VOLUME)
    await book.send(house, house.batch())
    (view,) = await ask(book, "")
    assert (view["node"], view["meter"], view["maker"], view["medium"]) == (NAME, 1, "ELS", "Heat: Outlet")
    energy, volume = view["samples"]
    assert (energy["value"], energy["unit"], energy["raw"], energy["exponent"]) == (37_351_000, "Wh", 37_351, 3)
    assert (volume["value"], volume["storage"], volume["tariff"]) == (561.08, 1, 2)
    assert book.town.live.counters().readings == 1


async def test_the_page_shows_a_meter_beside_other_devices_after_a_restart_too(tmp_path: Path) -> None:
    house = Peer(HOUSE)
    async with playing(tmp_path, [HOUSE]) as book:
        read(house, ENERGY, VOLUME)
        await book.send(house, house.batch())
    async with playing(tmp_path, [HOUSE]) as book:
        (device,) = book.town.meters.devices()
    assert (device.name, device.template, device.online) == (f"{HOUSE.name} · 12345678", "Heat: Outlet", True)
    assert [(point.name, point.value, point.unit) for point in device.points] == [
        ("Energy", 37_351, "kWh"),
        ("Volume", 561.08, "m³"),
    ]


async def test_readings_are_given_out_as_they_were_stored_failures_too(book: Playbook) -> None:
    house = Peer(HOUSE)
    read(house, ENERGY, flags=reading.FLAGS_CLOCK_UNSURE | reading.FLAGS_ESTIMATED)
    read(house, outcome=reading.OUTCOME_SILENT)
    await book.send(house, house.batch())
    answer = await ask(book, f"/{NAME}/readings")
    assert answer["next_seq"] == 0
    first, second = answer["samples"]
    assert (first["outcome"], first["flags"]) == ("read", ["clock_unsure", "estimated"])
    assert (second["outcome"], second["value"], second["raw"]) == ("silent", None, None)


async def test_another_number_on_the_label_is_another_epoch(book: Playbook) -> None:
    house = Peer(HOUSE)
    for raw in (100, 105, 103):  # a register that runs backwards is the meter's, and no other epoch
        read(house, ENERGY._replace(raw=raw))
    read(house, outcome=reading.OUTCOME_SILENT, identity=bytes(8))
    read(house, ENERGY._replace(raw=2), identity=b"87654321")
    await book.send(house, house.batch())
    old, new = await ask(book, f"/{NAME}/epochs")
    assert (old["identity"], old["first"]["raw"], old["final"]["raw"], old["readings"]) == ("12345678", 100, 103, 3)
    assert (new["identity"], new["first"]["raw"], new["final"]["raw"], new["readings"]) == ("87654321", 2, 2, 1)


async def test_a_reading_of_before_the_clock_was_set_is_dated_by_what_the_node_learned_later(book: Playbook) -> None:
    house = Peer(HOUSE)
    house.boot()
    read(house, ENERGY, time_ms=5_000)
    house.clock_set(uptime_ms=60_000)
    await book.send(house, house.batch())
    (sample,) = (await ask(book, f"/{NAME}/readings"))["samples"]
    assert (sample["at_ms"], sample["clock_set"]) == (START_MS + 3_000 - 60_000 + 5_000, True)


async def test_what_is_no_meter_node_is_said(book: Playbook) -> None:
    async with asking(book) as client:
        for path in (f"{BUS.node.hex()}/readings", "xyz/readings", "00000000000000ff/epochs"):
            assert (await client.get(f"/api/v1/meters/{path}")).status_code == 404


async def test_a_search_is_asked_for_and_what_it_meets_is_told_until_it_ends(book: Playbook) -> None:
    house = Peer(HOUSE)
    book.attach(house)

    async def search(method: str, path: str) -> tuple[int, Any]:
        async with asking(book) as client:
            told = await client.request(method, f"/api/v1/meters/{path}")
        return told.status_code, told.json()

    assert (await search("POST", f"{NAME}/search"))[0] == 409  # nobody is there
    assert (await search("POST", f"{BUS.node.hex()}/search"))[0] == 404
    assert (await search("GET", "xyz/found"))[0] == 404
    book.town.ingest.receive(house.state_topic, house.state(online=True))
    status, begun = await search("POST", f"{NAME}/search?primary_last=5")
    assert (status, begun["outcome"], begun["meters"]) == (200, "", [])
    met = found_meter.FoundMeter(1, 5, found_meter.COLLIDED_NO, b"12345678", b"ELS", 1, 4)
    for one in (met, met, met._replace(address=6, collided=found_meter.COLLIDED_YES, medium=255)):
        house.write(found_meter.KIND, found_meter.build(one))
    await book.send(house, house.batch())
    _, going_on = await search("GET", f"{NAME}/found")
    assert [(meter["address"], meter["collided"], meter["medium"]) for meter in going_on["meters"]] == [
        (5, False, "Heat: Outlet"), (6, True, ""),
    ]  # fmt: skip
    assert (going_on["command"], going_on["outcome"]) == (begun["command"], "")
    for command in (begun["command"] - 1, begun["command"]):
        ended = result.Result(command, result.OUTCOME_FAILED, result.REASON_INTERRUPTED)
        seq = house.write(result.KIND, result.build(ended))
        await book.send(house, house.batch(seq, seq))
        _, told = await search("GET", f"{NAME}/found")
        assert told["outcome"] == ("failed" if command == begun["command"] else "")

"""Positions in, trips and boards out: the services together, on a street with one route.

Never tests the predictor's judgement: test_arrivals does.
Specification: README.md beside the controller's code, "Who hears what".
"""

import asyncio
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from controller.config import TransitConfig
from controller.tests.feed_files import place, street_feed, zipped
from controller.tests.peer import START_MS, Peer, make_entry
from controller.tests.playbook import Playbook, playing
from controller.tests.waiting import until
from protocols.wire import text
from protocols.wire.messages import arrival_row, assign_trip, show_arrivals

BUS = make_entry(1, vehicle=17, vehicle_id="17")
SIGN = make_entry(2, "stop_display", stop_id="s3", width=16, height=8)


@pytest.fixture
async def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Playbook]:
    monkeypatch.setattr("controller.services.trips.CHECK_S", 0.01)
    (tmp_path / "street.zip").write_bytes(zipped(street_feed()))
    (tmp_path / "roster.csv").write_text("service_date,vehicle_id,block_id\n2026-10-18,17,b1100\n")
    transit = TransitConfig(str(tmp_path / "street.zip"), str(tmp_path / "roster.csv"))
    async with playing(tmp_path, [BUS, SIGN], transit=transit) as playing_book:
        yield playing_book


async def _drive(book: Playbook, bus: Peer, seconds: float, kilometres: float, trip_ref: int = 0) -> None:
    """The bus tells its place so many seconds after the start."""
    book.clock.now_ms = START_MS + round(seconds * 1000)
    seq = bus.position(*place(kilometres), time_ms=book.clock(), trip_ref=trip_ref)
    await book.send(bus, bus.batch(seq, seq))


async def test_a_bus_on_its_trip_is_found_and_told_which_trip_it_is_until_it_says_so_itself(book: Playbook) -> None:
    bus = Peer(BUS)
    book.attach(bus)
    await _drive(book, bus, 150, 0.5)
    await until(lambda: bool(bus.commands))
    told = bus.commands[0]
    m = assign_trip.parse(told.body)
    assert (told.kind, text.unpad(m.route)) == (assign_trip.KIND, "5")
    assert book.store.trip_runs([m.trip_ref]) == {m.trip_ref: ("2026-10-18", "t1100")}
    (vehicle,) = book.town.live.snapshot().vehicles
    assert (vehicle.vehicle_id, vehicle.route, vehicle.headsign, vehicle.trip_id, vehicle.delay_s) == (
        "17", "5", "Вокзал", "t1100", 60,
    )  # fmt: skip
    await _drive(book, bus, 240, 1.0)  # it does not say so: the command was lost
    await until(lambda: len(bus.commands) == 2)
    assert assign_trip.parse(bus.commands[1].body) == m
    assert bus.commands[1].command_id > told.command_id
    await _drive(book, bus, 300, 1.3, trip_ref=m.trip_ref)
    told_so_far = len(bus.commands)
    await _drive(book, bus, 390, 1.8, trip_ref=m.trip_ref)
    assert len(bus.commands) == told_so_far


async def test_a_database_that_fails_for_a_while_only_delays_the_trip(book: Playbook) -> None:
    bus = Peer(BUS)
    book.attach(bus)
    rename = "ALTER TABLE {} RENAME TO {}"
    await book.writer.run(book.store._writer.execute, rename.format("trip_run", "away"))
    with capture_logs() as logs:
        await _drive(book, bus, 150, 0.5)
        await until(lambda: bool(logs))
    assert {(one["event"], one["error"]) for one in logs} == {("trip not assigned", "no such table: trip_run")}
    assert not bus.commands
    await book.writer.run(book.store._writer.execute, rename.format("away", "trip_run"))
    await until(lambda: bool(bus.commands))


async def test_a_bus_whose_trip_is_over_is_told_that_it_is_on_none(book: Playbook) -> None:
    bus = Peer(BUS)
    book.attach(bus)
    await _drive(book, bus, 180, 1.0)
    await until(lambda: bool(bus.commands))
    ref = assign_trip.parse(bus.commands[0].body).trip_ref
    for seconds in range(240, 541, 60):
        await _drive(book, bus, seconds, seconds / 180, trip_ref=ref)
    await until(lambda: assign_trip.parse(bus.commands[-1].body).trip_ref == 0)


async def test_positions_that_are_no_news_move_no_bus(book: Playbook) -> None:
    bus = Peer(BUS)
    await _drive(book, bus, 180, 1.0)
    now_ms = book.clock()
    for time_ms in (now_ms, now_ms - 10_000, now_ms - 3_600_000, now_ms + 3_600_000):
        seq = bus.position(*place(2.5), time_ms=time_ms)
        await book.send(bus, bus.batch(seq, seq))
    (vehicle,) = book.town.live.snapshot().vehicles
    assert (vehicle.updated_s, round(vehicle.lon, 4)) == (now_ms / 1000, round(place(1.0)[1], 4))
    assert book.town.live.counters().positions == 5  # they are stored and counted all the same


def _rows(sign: Peer, number: int = -1) -> list[tuple[int, str, int]]:
    """(seconds from START_MS, route, flags) of a board."""
    rows = show_arrivals.parse(sign.commands[number].body).rows
    parsed = [arrival_row.parse(rows[i : i + arrival_row.SIZE]) for i in range(0, len(rows), arrival_row.SIZE)]
    return [(row.arrival_s - START_MS // 1000, text.unpad(row.route), row.flags) for row in parsed]


async def test_a_display_is_told_the_next_arrivals_when_it_comes_online_and_when_one_of_them_moves(
    book: Playbook,
) -> None:
    bus, sign = Peer(BUS), Peer(SIGN)
    book.attach(sign)
    await _drive(book, bus, 90, 0.5)
    book.town.ingest.receive(sign.state_topic, sign.state())
    await until(lambda: bool(sign.commands))
    assert (sign.commands[0].kind, sign.commands[0].ttl_s) == (show_arrivals.KIND, 60)
    assert show_arrivals.parse(sign.commands[0].body).data_s == START_MS // 1000 + 90
    assert [row[1:] for row in _rows(sign)] == [("5", arrival_row.FLAGS_REALTIME), ("5", 0), ("5", 0), ("5", 0)]
    assert abs(_rows(sign)[0][0] - 360) < 30
    assert [row[0] for row in _rows(sign)[1:]] == [960, 1560, 2160]
    book.clock.advance(5)
    await _look_again()
    assert len(sign.commands) == 1  # nothing that people would see has changed
    await _drive(book, bus, 100, 0.5)
    await _drive(book, bus, 180, 0.5)  # it stands: a minute and a half late
    await until(lambda: len(sign.commands) >= 2 and _rows(sign)[0][0] > 380)
    boards = len(sign.commands)
    book.clock.advance(21)
    await until(lambda: len(sign.commands) > boards)  # refreshed, changed or not


async def _look_again() -> None:
    """The boards are looked at a few times more: `check_s` is 10 ms here."""
    await asyncio.sleep(0.1)


async def test_a_display_that_started_anew_gets_its_board_at_once(book: Playbook) -> None:
    sign = Peer(SIGN)
    book.attach(sign)
    book.town.ingest.receive(sign.state_topic, sign.state())
    await until(lambda: len(sign.commands) == 1)
    sign.boot_id += 1
    sign.boot()
    await book.send(sign, sign.batch())
    await until(lambda: len(sign.commands) == 2)


async def test_a_display_that_is_offline_or_a_link_that_is_down_costs_no_command(book: Playbook) -> None:
    sign = Peer(SIGN)
    book.attach(sign)
    await _look_again()
    assert sign.commands == []
    book.linked = False
    book.town.ingest.receive(sign.state_topic, sign.state())
    await _look_again()
    book.linked = True
    await until(lambda: len(sign.commands) == 1)


async def test_the_glass_is_known_by_its_picture_and_proven_by_its_record(book: Playbook) -> None:
    sign = Peer(SIGN)
    bits = bytes(range(16))
    await book.send(sign, sign.picture(16, 8, bits))
    sign.shown(zlib.crc32(bits), time_ms=START_MS)
    sign.shown(0, rows=0, time_ms=START_MS + 1)
    await book.send(sign, sign.batch(1, 1))
    (display,) = book.town.live.snapshot().displays
    assert (display.bits, display.picture_crc, display.mode) == (bits, zlib.crc32(bits), "arrivals")
    assert display.shown_at_s == START_MS / 1000
    await book.send(sign, sign.batch(2, 2))
    await book.send(sign, sign.batch(1, 1))
    assert book.town.displays.views()[0].picture_crc == 0
    assert book.town.live.counters().arrivals_shown == 1


async def test_a_node_that_falls_silent_goes_offline_and_is_seen_again_with_its_next_batch(book: Playbook) -> None:
    bus = Peer(BUS)
    bus.tap()
    bus.tap()
    await book.send(bus, bus.batch(1, 1))
    node = book.town.live.snapshot().nodes[0]
    assert (node.online, node.last_seen_s, node.records, node.place) == (True, START_MS / 1000, 1, "17")
    book.clock.advance(151)
    book.town.live.changed()
    assert not book.town.live.snapshot().nodes[0].online
    await book.send(bus, bus.batch(2, 2))
    assert book.town.live.snapshot().nodes[0].online


async def test_a_snapshot_is_made_once_a_change(book: Playbook) -> None:
    live = book.town.live
    first = live.snapshot()
    version = live.version
    assert live.snapshot() is first
    bus = Peer(BUS)
    bus.tap()
    await book.send(bus, bus.batch())
    assert live.version > version
    second = live.snapshot()
    assert (second.counters.taps, first.counters.taps) == (1, 0)
    assert [stop.displays for stop in second.stops] == [(), (), ("0000000000000002",), ()]
    assert second.nodes[1].place == "Зупинка 2"
    assert second.shapes == (("5", "0A7D3C", tuple(place(k) for k in range(4))),)


async def test_a_batch_that_waits_for_its_commit_does_not_outdo_the_last_will_behind_it(book: Playbook) -> None:
    bus = Peer(BUS)
    bus.boot()
    await book.send(bus, bus.batch())
    bus.tap()
    book.clock.advance(1)
    book.town.ingest.receive(bus.up, bus.batch())
    book.clock.advance(0.5)
    book.town.ingest.receive(bus.state_topic, bus.state(online=False))
    await book.settle()
    assert not book.town.fleet.is_online(BUS.node, book.clock() / 1000)
    book.clock.advance(1)
    bus.tap()
    await book.send(bus, bus.batch())
    assert book.town.fleet.is_online(BUS.node, book.clock() / 1000)

"""Each node kind has its counterparts on every side; records become events, commands become messages.

Never tests a codec: the vectors of protocols/ do.
Specification: architecture.md, "A fifth kind must cost this".
"""

from importlib.util import find_spec
from pathlib import Path

import pytest

from controller import nodes
from controller.commands import ArrivalLine, AssignTrip, ShowArrivals
from controller.events import ArrivalsShown, CashPaid, GlassChanged, MediumTapped, VehicleMoved
from controller.tests.peer import START_MS, Peer, make_entry
from protocols.wire import record, text
from protocols.wire.errors import EncodeError, MalformedFrame
from protocols.wire.messages import arrival_row, assign_trip, show_arrivals, shown_on_glass, tap
from protocols.wire.messages.index import KINDS
from protocols.wire.node_kinds import COMMON_RECORDS, NODE_KINDS

ROOT = Path(__file__).parents[2]


def _missing(name: str, records: tuple[str, ...], commands: tuple[str, ...]) -> list[str]:
    """What a kind of the list still lacks."""
    kind_of = {message: kind for kind, message in KINDS}
    lacks = [f"protocols/wire/messages/{m}.py" for m in (*records, *commands) if m not in kind_of]
    modules = (f"protocols.schema.{name}", f"controller.nodes.{name}")
    lacks += [module for module in modules if find_spec(module) is None]
    if not (ROOT / "firmware" / "nodes" / f"{name}.py").exists():
        lacks.append(f"firmware/nodes/{name}.py")
    readers = nodes.READERS.get(name, {})
    lacks += [f"controller/nodes/{name}.py: record {m}" for m in records if kind_of.get(m) not in readers]
    writers = {kind for kind, _, _ in nodes.WRITERS.get(name, {}).values()}
    lacks += [f"controller/nodes/{name}.py: command {m}" for m in commands if kind_of.get(m) not in writers]
    return lacks


def test_every_kind_of_the_list_has_all_its_counterparts() -> None:
    lacking = [lack for _, name, rec, com in NODE_KINDS for lack in _missing(name, COMMON_RECORDS + rec, com)]
    assert lacking == []


def _event(peer: Peer, seq: int) -> object:
    one, _ = record.parse(peer.journal[seq])
    return nodes.event_of(nodes.READERS[peer.entry.kind], peer.entry.node, one)


def test_what_a_validator_records_becomes_events() -> None:
    node = Peer(make_entry(1, vehicle=17))
    tapped, paid = _event(node, node.tap(trip_ref=3)), _event(node, node.cash())
    moved = _event(node, node.position(47.91, 33.39, time_ms=START_MS))
    assert isinstance(tapped, MediumTapped)
    assert (tapped.seq, tapped.vehicle, tapped.trip_ref, tapped.result) == (1, 17, 3, tap.RESULT_ACCEPTED)
    assert paid == CashPaid(node.entry.node, 2, START_MS + 2000, 0, 1, 17, 0)
    assert isinstance(moved, VehicleMoved)
    assert (round(moved.lat, 7), round(moved.lon, 7), moved.speed_mps, moved.at_ms) == (47.91, 33.39, 8.3, START_MS)


def test_what_a_display_shows_becomes_an_event_by_what_it_is() -> None:
    node = Peer(make_entry(2, "stop_display"))
    assert isinstance(_event(node, node.shown(0xC0FFEE)), ArrivalsShown)
    assert isinstance(_event(node, node.shown(0xC0FFEE, rows=0)), GlassChanged)


def test_a_kind_that_is_unknown_here_is_no_event_and_a_body_cut_short_is_malformed() -> None:
    node = Peer(make_entry(1))
    assert _event(node, node.write(99, b"?")) is None
    assert _event(node, node.write(shown_on_glass.KIND, b"?")) is None  # a display's record from a validator
    with pytest.raises(MalformedFrame):
        _event(node, node.write(tap.KIND, b"?"))


def test_commands_become_messages_that_fit_their_fields() -> None:
    kind, version, body = nodes.message_of("fare_validator", AssignTrip(7, "тролейбус 23а"))
    assert (kind, version) == (assign_trip.KIND, assign_trip.VERSION)
    assert text.unpad(assign_trip.parse(body).route) == "трол"
    lines = tuple(ArrivalLine(100 + i, "5", "Площа Визволення", i % 2 == 0, True) for i in range(12))
    kind, _, body = nodes.message_of("stop_display", ShowArrivals(90, lines))
    rows = show_arrivals.parse(body).rows
    assert len(rows) == 8 * arrival_row.SIZE
    second = arrival_row.parse(rows[arrival_row.SIZE : 2 * arrival_row.SIZE])
    assert (second.arrival_s, second.flags) == (101, arrival_row.FLAGS_LOW_FLOOR)
    with pytest.raises(EncodeError, match="no use for AssignTrip"):
        nodes.message_of("stop_display", AssignTrip(7, "5"))

"""From batch to receipt on a real database file: stored exactly once, receipted after the commit, refused by reason.

Never opens a socket; test_process.py does all of this over real brokers.
Specification: protocol.md, guarantees G1 to G5, G8 and G9.
"""

import sqlite3
import struct
from pathlib import Path

import pytest

from controller.registry import Registry
from controller.store import Group
from controller.store.sqlite import SqliteStore
from controller.tests.peer import Peer, make_entry
from controller.tests.playbook import Clock, playing
from protocols.wire import batch, envelope, record
from protocols.wire.messages import tap

V1 = make_entry(1, vehicle=17, vehicle_id="17")
D1 = make_entry(2, "stop_display", stop_id="s1", width=16, height=8)


async def test_a_batch_is_stored_and_then_receipted(tmp_path: Path) -> None:
    node = Peer(V1)
    for _ in range(3):
        node.tap()
    async with playing(tmp_path, [V1]) as book:
        book.attach(node)
        await book.send(node, node.batch())
        assert book.stored(node) == node.journal
        assert [(r.up_to, r.time_ms, r.missing) for r in node.receipts] == [(3, book.clock(), [])]
        assert book.town.live.counters().taps == 3


async def test_a_batch_that_comes_twice_is_stored_once_and_receipted_twice(tmp_path: Path) -> None:
    node = Peer(V1)
    node.tap()
    async with playing(tmp_path, [V1]) as book:
        book.attach(node)
        await book.send(node, node.batch())
        await book.send(node, node.batch(), node.batch())
        assert book.stored(node) == node.journal
        assert node.receipts[-1].up_to == 1
        (row,) = book.town.ledger.rows()
        assert (row.stored, row.refused_duplicates, row.reconciles) == (1, 2, True)
        assert book.town.live.counters().taps == 1


async def test_batches_in_the_wrong_order_leave_a_hole_that_the_receipt_names_until_it_is_filled(
    tmp_path: Path,
) -> None:
    node = Peer(V1)
    for _ in range(9):
        node.tap()
    async with playing(tmp_path, [V1]) as book:
        book.attach(node)
        await book.send(node, node.batch(7, 9))
        await book.send(node, node.batch(4, 4))
        assert (node.receipts[-1].up_to, node.receipts[-1].missing) == (9, [(1, 3), (5, 6)])
        assert book.town.ledger.rows()[0].missing == 5
        await book.send(node, node.batch(1, 6))
        assert (node.receipts[-1].up_to, node.receipts[-1].missing) == (9, [])
        assert book.stored(node) == node.journal


async def test_a_controller_that_dies_between_commit_and_receipt_refuses_the_redelivery_and_receipts_it(
    tmp_path: Path,
) -> None:
    node = Peer(V1)
    node.tap()
    node.tap()
    async with playing(tmp_path, [V1]) as book:
        book.attach(node)
        book.linked = False  # the receipt is made, and never arrives
        await book.send(node, node.batch())
        assert book.stored(node) == node.journal
        assert node.receipts == []
    async with playing(tmp_path, [V1]) as book:
        book.attach(node)
        await book.send(node, node.batch())
        assert node.receipted == {1, 2}
        assert book.stored(node) == node.journal
        assert book.town.ledger.rows()[0].refused_duplicates == 2
    async with playing(tmp_path, [V1]) as book:  # counts outlive the process
        row = book.town.ledger.rows()[0]
        assert (row.stored, row.refused_duplicates) == (2, 2)
        assert book.town.live.counters().taps == 2


class FailingStore(SqliteStore):
    """A disk that is full for the first commits: the fault is real SQLite's, raised inside its transaction."""

    failures = 1

    def _insert_records(self, group: Group) -> None:
        super()._insert_records(group)
        if self.failures:
            self.failures -= 1
            raise sqlite3.OperationalError("database or disk is full")


async def test_a_commit_that_fails_gives_no_receipt_and_the_next_delivery_is_stored_as_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.ingest.RETRY_S", 0.01)
    node = Peer(V1)
    node.tap()
    store = FailingStore.open(tmp_path / "vuzol.sqlite3")
    async with playing(tmp_path, [V1], store=store) as book:
        book.attach(node)
        await book.send(node, node.batch())
        assert node.receipts == []
        assert book.stored(node) == {}
        await book.send(node, node.batch())
        assert node.receipted == {1}
        row = book.town.ledger.rows()[0]
        assert (row.stored, row.refused_duplicates) == (1, 0)
        assert b"vuzol_commit_failures_total 1.0" in book.metrics.text()


async def test_a_declared_gap_is_receipted_as_if_it_were_stored_and_counted_apart(tmp_path: Path) -> None:
    node = Peer(V1)
    node.tap()
    node.write_as(5, tap.KIND, b"\0" * 3)
    node.declare_gap(2, 4)
    async with playing(tmp_path, [V1]) as book:
        book.attach(node)
        await book.send(node, node.batch())
        assert (node.receipts[-1].up_to, node.receipts[-1].missing) == (6, [])
        row = book.town.ledger.rows()[0]
        assert (row.stored, row.declared_gaps, row.missing, row.highest_seq) == (3, 3, 0, 6)
    async with playing(tmp_path, [V1]) as book:
        assert book.town.ledger.rows()[0].declared_gaps == 3


async def test_a_record_that_arrives_after_its_number_was_declared_lost_is_stored_all_the_same(tmp_path: Path) -> None:
    node = Peer(V1)
    node.tap()
    node.tap()
    node.declare_gap(1, 2)
    async with playing(tmp_path, [V1]) as book:
        await book.send(node, node.batch(3, 3))
        await book.send(node, node.batch(1, 2))
        row = book.town.ledger.rows()[0]
        assert (row.stored, row.declared_gaps, row.reconciles) == (3, 0, True)


@pytest.mark.parametrize(("first", "last"), [(0, 1), (2, 1), (1, 3), (1, 2**64 - 1)])
async def test_a_gap_that_no_honest_node_declares_covers_nothing(tmp_path: Path, first: int, last: int) -> None:
    node = Peer(V1)
    node.tap()
    node.tap()
    node.declare_gap(first, last)
    async with playing(tmp_path, [V1]) as book:
        book.attach(node)
        await book.send(node, node.batch(3, 3))
        assert node.receipts[-1].missing == [(1, 2)]
        assert b"vuzol_malformed_bodies_total 1.0" in book.metrics.text()


async def test_an_unknown_kind_and_an_unreadable_body_are_stored_raw_and_receipted(tmp_path: Path) -> None:
    node = Peer(V1)
    node.write(77, b"from the future")
    node.write(tap.KIND, b"short")
    node.write(tap.KIND, tap.build(_some_tap()) + b"a new field", version=2)
    async with playing(tmp_path, [V1]) as book:
        book.attach(node)
        await book.send(node, node.batch())
        assert book.stored(node) == node.journal
        assert node.receipted == {1, 2, 3}
        assert book.town.live.counters().taps == 1
        text = book.metrics.text()
        assert b'vuzol_records_total{kind="unknown"} 1.0' in text
        assert b"vuzol_malformed_bodies_total 1.0" in text


def _some_tap() -> tap.Tap:
    return tap.Tap(1, 1, 3, 1, b"\0" * 8, 0, 0, 1, 200, 17, 1, 0, 0, 0, 0)


async def test_a_duplicate_with_other_bytes_is_counted_loudly_and_never_overwrites(tmp_path: Path) -> None:
    node, twin = Peer(V1), Peer(V1)
    node.tap()
    twin.cash()
    async with playing(tmp_path, [V1]) as book:
        await book.send(node, node.batch())
        await book.send(twin, twin.batch())
        assert book.stored(node) == node.journal
        assert book.town.ledger.rows()[0].conflicting == 1
        assert b"vuzol_conflicting_duplicates_total 1.0" in book.metrics.text()


async def test_a_batch_of_an_earlier_boot_is_refused_and_its_records_are_taken_in_the_next_boot(tmp_path: Path) -> None:
    node = Peer(V1, boot_id=7)
    node.tap()
    old = node.batch(boot_id=6)
    async with playing(tmp_path, [V1]) as book:
        book.attach(node)
        book.town.ingest.receive(node.state_topic, node.state())
        await book.send(node, old)
        assert book.stored(node) == {}
        assert book.metrics.refusals() == {"stale_boot_id": 1}
        await book.send(node, node.batch())
        assert book.stored(node) == node.journal
    async with playing(tmp_path, [V1]) as book:  # the boot id is kept
        await book.send(node, old)
        assert book.metrics.refusals() == {"stale_boot_id": 1}


async def test_the_last_will_of_an_earlier_boot_does_not_take_a_node_offline(tmp_path: Path) -> None:
    node = Peer(V1, boot_id=2)
    async with playing(tmp_path, [V1]) as book:
        book.town.ingest.receive(node.state_topic, node.state())
        book.town.ingest.receive(node.state_topic, node.state(online=False, boot_id=1))
        assert book.town.live.snapshot().nodes[0].online
        assert book.metrics.refusals() == {}
        book.town.ingest.receive(node.state_topic, node.state(online=False))
        book.town.live.changed()
        assert not book.town.live.snapshot().nodes[0].online


def _hostile(node: Peer) -> list[tuple[str, str, bytes]]:
    """(reason, topic, bytes)."""
    good = node.batch()
    stranger = Peer(make_entry(99))
    stranger.tap()
    other_key = Peer(make_entry(3))
    header = good[: envelope.HEADER_SIZE]
    too_many = envelope.seal(node.entry.key, envelope.BATCH, node.entry.node, 1, struct.pack(">H", 3) + good[18:-16])
    late = record.build(16, 1, 3, 2**63, 0, b"")
    return [
        ("malformed", node.up, b""),
        ("malformed", node.up, b"VZ"),
        ("malformed", node.up, b"hello, is anybody there? let me in!"),
        ("malformed", node.up, too_many),
        ("malformed", node.up, batch.build(node.entry.key, node.entry.node, 1, [late])),
        ("malformed", node.up, node.state()),
        ("malformed", node.state_topic, good),
        ("malformed", node.up, envelope.seal(node.entry.key, envelope.PICTURE, node.entry.node, 1, b"\0\1\0\1")),
        ("malformed", "vuzol/1/demo/zz/up", good),
        ("oversize", node.up, header + bytes(envelope.MAX_SIZE)),
        ("unknown_version", node.up, good[:2] + b"\x09" + good[3:]),
        ("unknown_node", stranger.up, stranger.batch()),
        ("wrong_mac", node.up, good[:-1] + bytes([good[-1] ^ 1])),
        ("wrong_mac", node.up, good[:20] + bytes([good[20] ^ 1]) + good[21:]),
        ("wrong_site", other_key.up, good),
        ("wrong_site", node.up.replace("demo", "elsewhere"), good),
    ]


async def test_hostile_envelopes_are_counted_by_reason_and_nothing_of_them_is_stored(tmp_path: Path) -> None:
    node = Peer(V1)
    node.tap()
    async with playing(tmp_path, [V1, make_entry(3)]) as book:
        book.attach(node)
        expected: dict[str, int] = {}
        for reason, topic, data in _hostile(node):
            book.town.ingest.receive(topic, data)
            await book.settle()
            expected[reason] = expected.get(reason, 0) + 1
            assert book.metrics.refusals() == expected, (reason, data)
        assert book.stored(node) == {}
        assert node.receipts == []
        for reason, count in expected.items():
            assert f'vuzol_rejected_total{{reason="{reason}"}} {count}.0'.encode() in book.metrics.text()
        await book.send(node, node.batch())
        assert node.receipted == {1}


async def test_a_node_that_opens_holes_without_end_is_refused_and_may_still_fill_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.sessions.MAX_HOLES", 5)
    node = Peer(V1)
    for seq in range(1, 31):
        node.write_as(seq, 77, b"")
    async with playing(tmp_path, [V1]) as book:
        for seq in range(2, 30, 2):
            await book.send(node, node.batch(seq, seq))
        assert len(book.stored(node)) == 6
        assert book.metrics.refusals() == {"too_many_holes": 8}
        await book.send(node, node.batch(1, 11))
        await book.send(node, node.batch(30, 30))
        assert len(book.stored(node)) == 13


async def test_a_flood_is_dropped_beyond_a_bound_and_sent_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.ingest.MAX_WAITING", 10)
    node = Peer(V1)
    node.tap()
    async with playing(tmp_path, [V1]) as book:
        book.attach(node)
        await book.send(node, *[node.batch()] * 25)
        assert book.metrics.refusals() == {"overload": 15}
        assert node.receipted == {1}


async def test_a_service_that_fails_on_an_event_costs_neither_receipt_nor_record(tmp_path: Path) -> None:
    node = Peer(V1)
    node.position(47.9, 33.4, time_ms=Clock()())
    async with playing(tmp_path, [V1]) as book:
        book.attach(node)
        book.town.trips._registry = Registry()  # a fault: the service has lost what it needs
        await book.send(node, node.batch())
        assert node.receipted == {1}
        assert b"vuzol_handler_errors_total 1.0" in book.metrics.text()

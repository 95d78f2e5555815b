"""Sessions by themselves: whatever the order and however often, the same set is stored and the receipt tells it.

Never touches a database: a group is looked at as it would be committed.
Specification: protocols/README.md, "Receipt"; protocol.md, guarantee G2.
"""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.registry import Registry
from controller.sessions import Batch, Session, Sessions
from controller.store import Group, SavedSession
from controller.tests.peer import START_MS, Peer, make_entry
from protocols.wire import envelope, receipt
from protocols.wire.errors import MalformedFrame

ENTRY = make_entry(1, vehicle=17)


def _admit(sessions: Sessions, node: Peer, data: bytes, group: Group) -> Session:
    arrived = sessions.open(node.up, data, START_MS)
    assert isinstance(arrived, Batch)
    arrived.session.admit(arrived, START_MS, group)
    return arrived.session


def _receipt(session: Session) -> receipt.Receipt:
    _, _, _, payload = envelope.unseal(ENTRY.key, session.receipt(START_MS))
    return receipt.parse(payload)


@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 12)), min_size=1, max_size=30),
    st.randoms(use_true_random=False),
    st.integers(1, 5),
)
def test_any_order_and_duplication_ends_in_the_same_stored_set(
    spans: list[tuple[int, int]], random: Random, groups: int
) -> None:
    node = Peer(ENTRY)
    for seq in range(1, 73):
        node.write_as(seq, 77, bytes([seq]))
    batches = [node.batch(first, first + more) for first, more in spans] * 2
    batches.append(node.batch(1, 30))
    batches.append(node.batch(31, 72))
    random.shuffle(batches)
    sessions = Sessions(Registry([ENTRY]))
    session = sessions.by_node[ENTRY.node]
    stored: dict[int, bytes] = {}
    ranges: dict[int, int] = {}
    for start in range(0, len(batches), groups):
        group = Group()
        for data in batches[start : start + groups]:
            _admit(sessions, node, data, group)
        session.put_ranges(group)
        for row in group.records:
            assert row.seq not in stored
            stored[row.seq] = row.raw
        for _, first in group.ranges_gone:
            del ranges[first]
        for _, first, last in group.ranges:
            ranges[first] = last
        told = _receipt(session)
        missing = {seq for first, last in told.missing for seq in range(first, last + 1)}
        assert set(range(1, told.up_to + 1)) - missing == {seq for seq in stored if seq <= told.up_to}
        assert {seq for first, last in ranges.items() for seq in range(first, last + 1)} == set(stored)
    assert stored == node.journal
    assert _receipt(session) == receipt.Receipt(72, START_MS, [])
    assert ranges == {1: 72}


def test_more_holes_than_a_receipt_holds_make_it_speak_of_less() -> None:
    node = Peer(ENTRY)
    sessions = Sessions(Registry([ENTRY]))
    group = Group()
    for seq in range(2, 102, 2):
        node.write_as(seq, 77, b"")
        session = _admit(sessions, node, node.batch(seq, seq), group)
    told = _receipt(session)
    assert len(told.missing) == receipt.MAX_RANGES
    assert told.missing[-1] == (31, 31)
    assert told.up_to == 32


def test_a_restored_session_goes_on_where_the_database_stands() -> None:
    node = Peer(ENTRY, boot_id=3)
    for _ in range(10):
        node.tap()
    sessions = Sessions(Registry([ENTRY]))
    sessions.restore([SavedSession(1, 3, stored=[(1, 4), (8, 8)], gaps=[(5, 6, 1)])])
    group = Group()
    session = _admit(sessions, node, node.batch(4, 9), group)
    assert [row.seq for row in group.records] == [5, 6, 7, 9]
    assert [seq for _, seq, _ in group.duplicates] == [4, 8]
    session.put_ranges(group)
    assert group.ranges == [(1, 1, 9)]
    assert group.ranges_gone == [(1, 8)]
    assert _receipt(session).up_to == 9


@given(st.binary(max_size=300), st.integers(0, 5))
def test_bytes_of_any_shape_are_refused_with_a_reason_and_raise_nothing_else(noise: bytes, cut: int) -> None:
    node = Peer(ENTRY)
    node.tap()
    good = node.batch()
    sessions = Sessions(Registry([ENTRY]))
    for data in (noise, good[: len(good) - 1 - cut], good[:16] + noise + good[16:], good + noise + b"."):
        if data == good:
            continue
        with pytest.raises(MalformedFrame) as refusal:
            sessions.open(node.up, data, START_MS)
        assert refusal.value.reason in {"malformed", "wrong_mac", "oversize", "unknown_version", "unknown_node"}

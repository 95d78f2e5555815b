"""The mailbox's two halves against each other: the master's conversation and the node's own slave, without a line.

Never waits: whoever plays the bus is the test.
Specification: protocols/README.md, "Modbus".
"""

from collections.abc import Callable

import pytest

from controller.registry import Registry
from controller.sessions import Sessions
from controller.tests.modbus_node import ModbusNode
from controller.tests.peer import START_MS, make_entry
from controller.transports.mailbox import MAX_WAITING, Mailbox
from protocols.wire import command, envelope
from protocols.wire.mailbox import SILENCE_MS

ENTRY = make_entry()


class Play:
    """A node, a mailbox, and the bus between them in the test's hand."""

    def __init__(self, take: bool = True) -> None:
        self.now_ms = 0
        self.node = ModbusNode(ENTRY, lambda: self.now_ms)
        self.introductions: list[tuple[bytes, bytes, bytes]] = []
        self.arrived: list[bytes] = []
        self.losses = 0
        self.take = take
        self.mailbox = Mailbox(1.0, self._introduced, self._arrived, self._lost)
        self._talk = self.mailbox.talk()
        self._request = next(self._talk)
        self.requests = 0
        self.spoil: Callable[[bytes], bytes | None] = lambda answer: answer

    def _introduced(self, node: bytes, will: bytes, online: bytes) -> None:
        self.introductions.append((node, will, online))
        self.mailbox.open(True)

    def _arrived(self, data: bytes) -> None:
        self.arrived.append(data)
        if self.take:
            self.mailbox.taken()

    def _lost(self) -> None:
        self.losses += 1

    def poll(self, most: int = 500) -> None:
        """Until the conversation has nothing more to say. What `spoil` makes None was not heard, and is asked again."""
        if self._request is None:
            self._request = next(self._talk)
        for _ in range(most):
            if self._request is None:
                return
            self.requests += 1
            answer = self.spoil(self.node.answer(self._request))
            if answer is not None:
                self._request = self._talk.send(answer)

    def seqs(self) -> list[int]:
        """Sequence numbers that arrived, in order."""
        return [seq for data in self.arrived for seq in self.node.seqs(data)]

    def receipt(self, after_s: int = 0) -> bytes:
        """What the controller would say of what arrived."""
        return self.node.receipt(self.seqs(), START_MS + self.now_ms + after_s * 1000)


def test_a_node_is_introduced_by_its_own_will_and_word() -> None:
    play = Play()
    play.poll()
    assert play.introductions == [(ENTRY.node, play.node.peer.state(online=False), play.node.peer.state())]


def test_records_come_up_in_order_and_a_receipt_goes_down() -> None:
    play = Play()
    for _ in range(100):
        play.node.peer.cash()
    play.poll()
    for _ in range(20):
        play.mailbox.send(play.receipt())
        play.now_ms += 1000
        play.poll()
    assert sorted(play.seqs()) == list(range(1, 101))
    assert play.node.journal.receipted == 100


def test_without_anybody_to_take_them_envelopes_stay_with_the_node() -> None:
    play = Play(take=False)
    for _ in range(100):
        play.node.peer.cash()
    play.poll()
    play.poll()
    assert len(play.arrived) == 1
    play.mailbox.taken()
    play.poll()
    assert len(play.arrived) == 2
    play.mailbox.open(False)
    play.mailbox.taken()
    play.poll()
    assert len(play.arrived) == 2


def test_a_look_for_something_new_is_one_short_request() -> None:
    play = Play()
    play.poll()
    before = play.requests
    sizes: list[int] = []

    def measure(answer: bytes) -> bytes:
        sizes.append(len(answer))
        return answer

    play.spoil = measure
    play.poll()
    assert (play.requests - before, sizes) == (1, [6])


def test_every_third_answer_lost_changes_nothing() -> None:
    play = Play()
    for _ in range(60):
        play.node.peer.cash()
    counted = iter(range(10_000))
    play.spoil = lambda answer: None if next(counted) % 3 == 0 else answer
    play.poll()
    play.mailbox.send(play.receipt())
    play.poll()
    assert sorted(play.seqs()) == list(range(1, 61))
    assert play.node.session.receipts == 1
    assert play.node.session.refused_total == 0


def test_a_long_envelope_goes_down_in_pieces_and_is_executed_once() -> None:
    play = Play()
    play.poll()
    body = bytes(range(200)) * 5
    order = command.Command(7, START_MS // 1000, 60, 144, 1, body)
    assert play.mailbox.send(command.build(ENTRY.key, ENTRY.node, order))
    counted = iter(range(10_000))
    play.spoil = lambda answer: None if next(counted) % 2 == 0 else answer
    play.poll()
    assert [(one.command_id, bytes(one.body)) for one in play.node.commands] == [(7, body)]


def test_a_node_that_restarts_is_introduced_again_and_nothing_of_before_is_mixed_in() -> None:
    play = Play()
    for _ in range(40):
        play.node.peer.cash()
    play.poll(most=6)  # in the middle of an envelope
    play.node.boot(2)
    play.poll()
    assert [will for _, will, _ in play.introductions][-1] == play.node.peer.state(online=False, boot_id=2)
    assert len(play.introductions) == 2
    boots = {envelope.peek(data)[2] for data in play.arrived}
    assert boots == {2}
    assert set(play.seqs()) == set(range(1, 41))


def test_after_a_silence_the_conversation_begins_anew_and_old_receipts_are_forgotten() -> None:
    play = Play()
    play.poll()
    play.mailbox.send(play.receipt())
    play.mailbox.silent()
    assert play.losses == 1
    assert not play.mailbox.send(play.receipt())
    play.now_ms += SILENCE_MS + 1
    play.poll()
    assert len(play.introductions) == 2
    assert play.node.mailbox.connects == 2
    assert play.node.session.receipts == 0


def test_a_newer_receipt_takes_the_place_of_one_that_waits() -> None:
    play = Play()
    play.poll()
    for second in range(100):
        play.mailbox.send(play.receipt(after_s=second))
    before = play.requests
    play.poll()
    assert play.node.session.receipts == 1
    assert play.requests - before < MAX_WAITING


@pytest.mark.parametrize("refusal", [0x01, 0x02, 0x04])
def test_a_unit_that_is_no_node_is_asked_once_a_poll(refusal: int) -> None:
    play = Play()
    play.spoil = lambda answer: bytes((0x83, refusal))
    for _ in range(5):
        play.poll()
    assert play.requests == 5
    assert play.introductions == []


def test_a_status_of_another_version_is_not_believed() -> None:
    play = Play()
    play.spoil = lambda answer: answer[:3] + b"\x07" + answer[4:] if answer[0] == 3 else answer
    play.poll()
    assert play.introductions == []


def test_what_came_up_is_what_the_controller_believes() -> None:
    play = Play()
    play.node.peer.cash()
    play.poll()
    (data,) = play.arrived
    opened = Sessions(Registry([ENTRY])).open(play.node.peer.up, data, START_MS)
    assert opened is not None

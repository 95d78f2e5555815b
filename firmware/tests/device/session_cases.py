"""What the device's session sends and declares, with a real journal under it and a small controller above.

It must never need a link: envelopes are handed over as bytes, time is a number.
Spec: protocols/wire/session.py; protocol.md, G1 to G7.
"""

import random

from firmware.tests.device.ram_flash import PowerCut, RamFlash
from firmware.tests.device.session_world import NOW_S, Controller, Node
from protocols.wire import session
from protocols.wire.messages import event, gap


def test_a_record_goes_out_at_once_and_alone():
    node = Node()
    assert node.sends() == [[1]]
    node.journals(1)
    assert node.sends() == [[2]]
    assert node.sends() == []


def test_no_more_than_a_window_of_batches_is_on_its_way():
    node = Node()
    sent = []
    for _ in range(10):
        node.journals(1)
        sent += node.sends()
    assert sent == [[1, 2], [3], [4], [5]]
    node.receipt(2)
    assert node.sends() == [[6, 7, 8, 9, 10, 11]]


def test_a_batch_holds_no_more_than_an_envelope_can_carry():
    node = Node()
    for _ in range(40):
        node.journal.append(event, event.Event(7, 0, 0, b"x" * 120))
    node.now_ms = 10_000
    batches = node.batches()
    assert len(batches) > 1
    assert batches[0][0].seq == 1
    assert max([len(records) for records in batches]) <= session.MAX_RECORDS


def test_a_heap_without_room_for_whole_batches_sends_smaller_ones_and_loses_nothing():
    node = Node()
    node.journals(90)
    read, node.journal.read = node.journal.read, lambda *asked: starved(asked[3] > 1000) or read(*asked)
    controller = Controller()
    controller.drain(node)
    assert controller.stored.pairs() == [(1, 91)]


def test_a_heap_without_room_for_any_batch_is_somebody_elses_to_mend():
    node = Node()
    read, node.journal.read = node.journal.read, lambda *_: starved(True)
    faults = 0
    for _ in range(9):
        try:
            assert node.session.next_batch(0) is None
        except MemoryError:
            faults += 1
    assert 4 <= faults < 9
    node.journal.read = read
    assert node.sends() == [[1]]


def starved(is_short):
    if is_short:
        raise MemoryError


def test_a_receipt_frees_the_records_and_tells_the_time():
    node = Node()
    node.journals(3)
    node.sends()
    assert node.receipt(4) == [session.TimeTold(NOW_S * 1000)]
    assert (node.journal.receipted, node.journal.depth) == (4, 0)


def test_without_a_receipt_a_batch_goes_out_again_and_ever_more_rarely():
    node = Node()
    sent_at = []
    for second in range(200):
        node.now_ms = second * 1000
        if node.sends():
            sent_at.append(second)
    gaps = [sent_at[i + 1] - sent_at[i] for i in range(len(sent_at) - 1)]
    assert gaps[0] >= session.RESEND_MS // 1000
    assert gaps == sorted(gaps)
    assert gaps[-1] <= session.MAX_RESEND_MS // 1000 + 1


def test_fresh_records_leave_a_place_to_what_has_to_be_sent_again():
    node = Node()
    again = []
    for second in range(60):
        node.journals(1)
        node.now_ms = second * 1000
        again += [seqs for seqs in node.sends() if seqs[0] == 1]
    assert len(again) >= 3


def test_after_an_outage_the_newest_go_first_and_the_backlog_follows_in_order():
    node = Node()
    node.journals(199)
    node.session.link_up(0)
    first, second = node.sends()[:2]
    assert first == list(range(169, 201))
    assert second == list(range(1, 33))


def test_the_nodes_of_a_city_do_not_begin_their_backlogs_at_once_nor_send_them_in_step():
    began_at = []
    for chance in (0, 60, 120, 180, 250):
        node = Node(RamFlash(4), chance)
        node.journals(100)
        node.session.link_up(0)
        sent_at = {}
        while len(sent_at) < 4:
            for seqs in node.sends():
                sent_at[seqs[0]] = node.now_ms
            node.now_ms += 1
        assert sent_at[70] == 0, "what is newest never waits"
        for earlier, later in ((sent_at[1], sent_at[33]), (sent_at[33], sent_at[65])):
            assert session.BACKLOG_SPACING_MS // 2 <= later - earlier <= session.BACKLOG_SPACING_MS * 3 // 2
        began_at.append(sent_at[1])
    assert began_at == sorted(set(began_at))
    assert began_at[-1] - began_at[0] > session.BACKLOG_START_MS // 2


def test_fresh_records_are_not_stuck_behind_the_backlog():
    node = Node()
    node.journals(199)
    node.session.link_up(0)
    node.sends()
    node.receipt(200, [(1, 168)])
    for _ in range(20):
        node.now_ms += 300
        node.sends()
    node.journals(1)
    assert node.sends() == [[201]]


def test_a_missing_range_goes_out_again():
    node = Node()
    node.journals(9)
    node.sends()
    node.receipt(10, [(3, 4)])
    assert node.journal.receipted == 2
    assert node.sends() == [[3, 4]]


def test_a_range_that_is_on_its_way_again_is_not_sent_a_third_time():
    node = Node()
    node.journals(9)
    node.sends()
    node.receipt(10, [(3, 4)])
    node.sends()
    node.now_ms += 1000
    node.receipt(10, [(3, 4)])
    assert node.sends() == []


def test_the_history_on_flash_answers_a_controller_that_was_set_back():
    node = Node()
    node.journals(9)
    node.sends()
    node.receipt(10)
    node.journals(1)
    node.sends()
    node.receipt(11, [(2, 6)])
    assert node.sends() == [[2, 3, 4, 5, 6]]
    assert node.gaps() == []


def test_what_the_journal_no_longer_has_is_declared_with_its_reason():
    node = Node(RamFlash(4))
    node.journals(10)
    controller = Controller()
    for _ in range(30):
        node.journals(20)
        controller.drain(node)
    node.receipt(node.journal.last_seq, [(1, 50)])
    node.now_ms += 10_000
    node.sends()
    assert node.gaps()[-1] == (1, 50, gap.REASON_RECEIPTED_BEFORE)


def test_what_was_given_up_is_declared_once():
    node = Node(RamFlash(4))
    node.journals(600)
    declared = node.gaps()
    node.session.link_up(0)
    controller = Controller()
    controller.drain(node)
    assert controller.covered.missing(node.journal.last_seq) == []
    assert node.gaps()[-1] == declared[-1]


def test_a_decayed_record_is_declared_when_the_controller_asks():
    node = Node()
    node.journals(20)
    node.flash.data[300] ^= 1
    controller = Controller()
    controller.drain(node)
    assert [one[2] for one in node.gaps()] == [gap.REASON_CORRUPTED]
    assert controller.covered.missing(node.journal.last_seq) == []


def test_whatever_gets_lost_on_the_way_everything_arrives_once():
    random.seed(7)
    node = Node()
    controller = Controller()
    for _ in range(8):
        node.journals(40)
        for records in node.batches():
            if random.getrandbits(1):
                controller.take(records)
        node.session.link_up(node.now_ms)
    controller.drain(node, lambda: random.getrandbits(2) == 0)
    assert controller.stored.pairs() == [(1, 321)]


def test_after_a_power_cut_at_any_operation_the_ledger_reconciles():
    for cut_at in range(1, 60):
        flash, controller = RamFlash(4), Controller()
        flash.how = RamFlash.HOW[cut_at % 4]
        for at in (cut_at, 1 + cut_at % 7, None):
            flash.operations, flash.cut_at = 0, at
            try:
                node = Node(flash)
                node.journals(30)
                controller.drain(node)
                node.journals(5)
                controller.drain(node)
            except PowerCut:
                pass
        assert controller.covered.missing(node.journal.last_seq) == []
        assert node.journal.depth == 0

"""What the device's session sends, believes and refuses, with a real journal under it and a small controller above.

It must never need a link: envelopes are handed over as bytes, time is a number.
Spec: protocols/wire/session.py; protocol.md, G1 to G9.
"""

import os
import random

from firmware.journal import Journal
from firmware.tests.device.ram_flash import PowerCut, RamFlash
from protocols.wire import batch, command, receipt, record, session
from protocols.wire.envelope import ANY_BOOT, BATCH, COMMAND, STATE, seal, unseal
from protocols.wire.messages import boot, event, gap, result, status
from protocols.wire.ranges import RangeSet

KEY = bytes(range(32))
OTHER_KEY = bytes(32)
NODE = b"\0\0\0\0\0\0\0\xa1"
OTHER_NODE = b"\0\0\0\0\0\0\0\xb2"
NOW_S = 1_790_000_000
KNOWN = 144
UNKNOWN = 200


class Node:
    """A journal and its session; `now_ms` is the node's monotonic clock."""

    def __init__(self, flash=None):
        self.flash = flash or RamFlash(8)
        self.journal = Journal(self.flash, lambda: (record.CLOCK_RECEIPT, NOW_S * 1000))
        self.journal.open()
        opened = boot.Boot(self.journal.boot_id, 1, (0, 1, 0), 1, self.journal.depth, 0)
        self.journal.append(boot, opened)
        self.session = session.Session(KEY, NODE, self.journal, (KNOWN,), lambda: 0)
        self.now_ms = 0
        self.session.link_up(0)

    def journals(self, count):
        for number in range(count):
            self.journal.append(status, status.Status(number, 0, 0, 0, 0, 0, 0, 0, 0, 0))

    def sends(self):
        """Every batch that may go out now, as lists of sequence numbers."""
        return [[one.seq for one in records] for records in self.batches()]

    def batches(self):
        found = []
        while True:
            envelope = self.session.next_batch(self.now_ms)
            if envelope is None:
                return found
            kind, node, boot_id, payload = unseal(KEY, envelope)
            assert (kind, node, boot_id) == (BATCH, NODE, self.journal.boot_id)
            found.append(batch.parse(payload))

    def hears(self, envelope, utc_s=NOW_S):
        return self.session.received(envelope, self.now_ms, utc_s)

    def receipt(self, up_to, missing=(), time_s=NOW_S, boot_id=None, key=KEY, node=NODE):
        boot_id = self.journal.boot_id if boot_id is None else boot_id
        return self.hears(receipt.build(key, node, boot_id, up_to, time_s * 1000, list(missing)))

    def results(self):
        found = []
        for _, data in self.journal.records(1):
            one = record.parse(data)[0]
            if one.kind == result.KIND:
                found.append(tuple(result.parse(one.body)))
        return found

    def gaps(self):
        found = []
        for _, data in self.journal.records(1):
            one = record.parse(data)[0]
            if one.kind == gap.KIND:
                found.append(tuple(gap.parse(one.body)))
        return found


class Controller:
    """Stores what arrives and answers each batch, as the real one does."""

    def __init__(self):
        self.stored = RangeSet()
        self.covered = RangeSet()
        self.repeated = 0

    def take(self, records):
        for one in records:
            if one.seq in self.stored:
                self.repeated += 1
            self.stored.add(one.seq, one.seq)
            self.covered.add(one.seq, one.seq)
            if one.kind == gap.KIND:
                declared = gap.parse(one.body)
                assert declared.last_seq < one.seq
                self.covered.add(declared.first_seq, declared.last_seq)

    def answer(self, node):
        up_to = self.covered.highest()
        node.receipt(up_to, self.covered.missing(up_to)[: receipt.MAX_RANGES])

    def drain(self, node, lose=lambda: False, rounds=400):
        """Until nothing waits; `lose()` says whether the next batch or receipt is lost on the way."""
        for _ in range(rounds):
            for records in node.batches():
                if not lose():
                    self.take(records)
                    if not lose():
                        self.answer(node)
            if not node.journal.depth:
                return
            node.now_ms += max(1, node.session.wait_ms(node.now_ms))
        raise AssertionError(f"{node.journal.depth} records still wait")


def an_order(command_id, kind=KNOWN, issued_s=NOW_S, ttl_s=60, boot_id=ANY_BOOT, key=KEY, body=b"body"):
    assert boot_id == ANY_BOOT
    return command.build(key, NODE, command.Command(command_id, issued_s, ttl_s, kind, 1, body))


# Up.


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


# Down: what is refused.


def refused(node, envelope, utc_s=NOW_S):
    before = node.session.refused_total
    depth = node.journal.depth
    assert node.hears(envelope, utc_s) == []
    assert node.session.refused_total == before + 1
    assert node.journal.depth == depth
    return list(node.session.refused)


def test_a_receipt_of_another_boot_is_refused_and_counted():
    node = Node()
    assert node.receipt(1, boot_id=9) == []
    assert node.session.refused == {"stale_boot_id": 1}
    assert node.journal.depth == 1


def test_a_receipt_older_than_the_last_is_refused_and_counted():
    node = Node()
    node.receipt(1)
    node.journals(1)
    assert node.receipt(2, time_s=NOW_S - 1) == []
    assert node.session.refused == {"stale_receipt": 1}


def test_a_receipt_under_another_key_or_for_another_node_is_refused_and_counted():
    node = Node()
    node.receipt(1, key=OTHER_KEY)
    node.receipt(1, node=OTHER_NODE)
    assert node.session.refused == {"wrong_mac": 1, "wrong_node": 1}
    assert node.journal.depth == 1


def test_a_receipt_for_what_was_never_sent_is_refused_and_counted():
    node = Node()
    node.receipt(10_000)
    assert node.session.refused == {"receipt_ahead": 1}


def test_envelopes_that_only_go_up_are_refused_when_they_come_down():
    node = Node()
    assert refused(node, seal(KEY, STATE, NODE, 1, b"12345")) == ["unexpected_type"]


def test_hostile_bytes_cost_nothing_but_a_count():
    random.seed(1)
    node = Node()
    good = receipt.build(KEY, NODE, 1, 1, NOW_S * 1000, [(1, 1)])
    for size in (0, 1, 16, 31, 32, 33, 500, 4096, 4097, 9000):
        refused(node, os.urandom(size))
    for _ in range(500):
        changed = bytearray(good)
        changed[random.getrandbits(16) % len(good)] ^= 1 << random.getrandbits(3)
        refused(node, bytes(changed))
    for end in range(len(good)):
        refused(node, good[:end])


def test_authentic_nonsense_costs_nothing_but_a_count():
    node = Node()
    for kind in (0, 1, 2, 4, 5, 6, 255):
        for size in (0, 1, 14, 15, 16, 31, 47, 200):
            refused(node, seal(KEY, kind, NODE, 1, os.urandom(size)))
    for size in range(60):
        node.hears(seal(KEY, COMMAND, NODE, ANY_BOOT, os.urandom(size)))
    assert node.journal.receipted == 0


# Commands.


def test_a_command_is_handed_over_once_however_often_it_comes():
    node = Node()
    assert node.hears(an_order(5)) == [session.CommandReceived(5, KNOWN, b"body")]
    assert refused(node, an_order(5)) == ["repeated_command"]


def test_the_window_of_ids_holds_the_last_thirty_two():
    node = Node()
    for number in range(1, 33):
        assert len(node.hears(an_order(number))) == 1
    for number in range(1, 33):
        assert refused(node, an_order(number))
    assert len(node.hears(an_order(33))) == 1


def test_an_expired_command_ends_in_expired_and_is_not_executed():
    node = Node()
    assert node.hears(an_order(6, issued_s=NOW_S - 61)) == []
    assert node.results() == [(6, result.OUTCOME_EXPIRED, result.REASON_NONE)]
    node.hears(an_order(6, issued_s=NOW_S - 61))
    assert len(node.results()) == 1


def test_a_command_of_an_unknown_kind_ends_in_refused():
    node = Node()
    assert node.hears(an_order(7, kind=UNKNOWN)) == []
    assert node.results() == [(7, result.OUTCOME_REFUSED, result.REASON_UNKNOWN_COMMAND)]


def test_a_node_that_does_not_know_the_time_ignores_commands_and_counts_them():
    node = Node()
    assert refused(node, an_order(8), None) == ["clock_unset"]
    assert len(node.hears(an_order(8))) == 1


def test_a_command_under_another_key_is_refused_and_counted():
    node = Node()
    assert refused(node, an_order(9, key=OTHER_KEY)) == ["wrong_mac"]

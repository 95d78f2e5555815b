"""What the device's session refuses, and the commands that it takes once.

It must never need a link: envelopes are handed over as bytes, time is a number.
Spec: protocols/wire/session.py; protocol.md, G5, G6 and G9.
"""

import os
import random

from firmware.tests.device.ram_flash import PowerCut, RamFlash
from firmware.tests.device.session_world import KEY, KNOWN, NODE, NOW_S, OTHER_KEY, OTHER_NODE, UNKNOWN, Node, an_order
from protocols.wire import receipt, session
from protocols.wire.envelope import ANY_BOOT, COMMAND, STATE, seal
from protocols.wire.messages import result


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
    assert node.receipt(1, time_s=NOW_S - 1) == []
    assert node.session.refused == {"stale_receipt": 1}


def test_after_the_controllers_clock_was_set_back_a_receipt_for_more_than_ever_is_believed():
    node = Node()
    node.receipt(1)
    node.journals(1)
    assert node.receipt(2, time_s=NOW_S - 3600) == [session.TimeTold((NOW_S - 3600) * 1000)]
    assert node.journal.depth == 0


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


def test_a_node_that_does_not_know_the_time_refuses_commands():
    node = Node()
    assert node.hears(an_order(8), None) == []
    assert node.results() == [(8, result.OUTCOME_REFUSED, result.REASON_CLOCK_UNSET)]
    assert len(node.hears(an_order(9))) == 1


def test_a_command_that_a_newer_one_has_overtaken_is_refused_and_not_executed():
    node = Node()
    for command_id in (10, 12):
        assert len(node.hears(an_order(command_id))) == 1
    assert node.hears(an_order(11)) == []
    assert node.results() == [(11, result.OUTCOME_REFUSED, result.REASON_SUPERSEDED)]
    assert refused(node, an_order(11)) == ["repeated_command"]


def test_what_is_older_than_all_that_is_remembered_is_refused_and_counted():
    node = Node()
    node.hears(an_order(500))
    assert refused(node, an_order(499)) == ["repeated_command"]


def test_after_a_restart_no_command_is_executed_again():
    node = Node()
    for command_id in (21, 22):
        node.hears(an_order(command_id))
    again = Node(node.flash)
    for command_id in (20, 21, 22):
        assert refused(again, an_order(command_id)) == ["repeated_command"]
    assert again.hears(an_order(23)) == [session.CommandReceived(23, KNOWN, b"body")]


def test_a_command_is_either_marked_or_not_taken_whatever_operation_loses_power():
    for how in RamFlash.HOW:
        flash = RamFlash(4)
        node = Node(flash)
        flash.how, flash.cut_at = how, flash.operations + 1
        try:
            node.hears(an_order(30))
            raise AssertionError("nothing was written before the command was handed over")
        except PowerCut:
            pass
        flash.cut_at = None
        again = Node(flash)
        if again.journal.commands.unfinished:  # the node's next step is the result "failed, interrupted"
            assert refused(again, an_order(30)) == ["repeated_command"]
        else:
            assert len(again.hears(an_order(30))) == 1


def test_a_full_journal_takes_no_command_and_counts_it():
    node = Node()
    node.journal.take_command = lambda command_id: False
    assert refused(node, an_order(40)) == ["journal_full"]


def test_a_command_under_another_key_is_refused_and_counted():
    node = Node()
    assert refused(node, an_order(9, key=OTHER_KEY)) == ["wrong_mac"]

"""One presentation is one ride: what the validator takes for the same card, and for how long.

It must never need a reader: targets are made by hand.
Spec: firmware/nodes/presentation.py; design, domain.md "Decide first", 3 and 9.
"""

from firmware.drivers.pn532 import Target
from firmware.nodes.presentation import GONE_AFTER, Presentation, RecentRides


def a_card(uid=b"\x04\x11\x22\x33\x44\x55\x66"):
    return Target(1, uid, 0x20, 0x0344, b"")


def a_phone(number):
    return a_card(bytes((0x08, 1, 2, number)))


def begins(*looks):
    presentation = Presentation()
    return [presentation.begins_with(look) for look in looks]


def test_a_card_that_rests_on_the_reader_is_presented_once():
    assert begins(a_card(), a_card(), None, a_card(), a_card()) == [True, False, False, False, False]


def test_a_card_that_left_the_field_may_be_presented_again():
    away = [None] * GONE_AFTER
    assert begins(a_card(), *(away + [a_card()])) == [True] + [False] * GONE_AFTER + [True]


def test_a_phone_that_changes_its_number_while_it_rests_is_presented_once():
    assert begins(a_phone(1), a_phone(2), a_phone(3)) == [True, False, False]


def test_the_next_rider_needs_no_empty_field_between():
    assert begins(a_card(b"AAAA"), a_card(b"BBBB"), a_card(b"BBBB")) == [True, True, False]


def test_a_presentation_on_which_nothing_was_decided_begins_again():
    presentation = Presentation()
    assert presentation.begins_with(a_card())
    presentation.forget()
    assert presentation.is_over
    assert presentation.begins_with(a_card())


def test_a_token_is_recent_until_the_repeat_time_is_over():
    recent = RecentRides(4000)
    recent.add(b"token", 1000)
    assert recent.has(b"token", 4999)
    assert not recent.has(b"other", 4999)
    assert not recent.has(b"token", 5000)


def test_a_crowd_costs_no_more_memory_than_a_few():
    recent = RecentRides(4000)
    for number in range(1000):
        recent.add(number, 0)
    assert len(recent._rides) == 32
    assert recent.has(999, 1)

"""A node that serves for long keeps its memory: what is free after each status record does not shrink.

The 24 hours are those of firmware/tests/test_a_day.py, on unix built with -m32; on silicon ten minutes have to do.
"""

import random

import pytest

from emulation.launch import NodeHandle
from emulation.peripherals import cards
from hil_tests.records import of_kind
from hil_tests.target import Desk
from protocols.wire.messages import status

MINUTES = 10
STATUS_S = 10
SETTLING = 6  # status records of the first minute: buffers and caches find their size
SLACK_BYTES = 512
MEDIA = ("desfire", "classic", "bank", "phone")


def free_heap(node: NodeHandle) -> list[int]:
    return [status.parse(one.body).heap_free for one in of_kind(node, status.KIND)]


@pytest.mark.needs("own_time", "cards", "light", "sky", "journal")
@pytest.mark.timeout(1800)
def test_ten_minutes_of_service_do_not_grow_the_heap(desk: Desk) -> None:
    validator = desk.validator(status_s=STATUS_S)
    validator.gnss.move(49.99, 36.23, 8.0, 90.0)
    draw = random.Random(3)
    for minute in range(MINUTES):
        validator.present(cards.make(MEDIA[minute % len(MEDIA)], draw))
        validator.wait_light("green", 10)
        validator.remove_card()
        validator.pass_time(60)
    free = free_heap(validator)
    assert len(free) >= MINUTES * 60 // STATUS_S
    assert min(free[-SETTLING:]) >= min(free[SETTLING : 2 * SETTLING]) - SLACK_BYTES, free
    assert validator.restarts == 0

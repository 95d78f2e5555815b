"""Media at the reader, from the rider's side: green and one record; pulled away at any byte; a reader that fails."""

import pytest

from emulation.launch import NodeHandle
from hil_tests.records import of_kind
from hil_tests.target import Desk
from protocols.wire.messages import event, tap

MEDIA = {
    "desfire": tap.MEDIUM_DESFIRE,
    "classic": tap.MEDIUM_CLASSIC,
    "ultralight": tap.MEDIUM_ULTRALIGHT,
    "ntag": tap.MEDIUM_ULTRALIGHT,
    "bank": tap.MEDIUM_BANK,
    "phone": tap.MEDIUM_PHONE,
    "unknown": tap.MEDIUM_UNKNOWN,
}
PARTS = 4  # of the bytes of an exchange, so that several processors share the work
EVERY_FOURTH = 4  # of those bytes where each costs a second
PATIENCE_S = 10.0


def present(node: NodeHandle, medium: str) -> None:
    """Hold it until the light is green, take it away, wait until the reader is ready again."""
    node.present(medium)
    node.wait_light("green", PATIENCE_S)
    node.remove_card()
    at_rest(node)


def at_rest(node: NodeHandle) -> None:
    node.wait_until(lambda: node.light() == "blue", PATIENCE_S, "the light at rest")
    node.pass_time(0.3)  # until the field was found empty


@pytest.mark.needs("cards", "light", "journal")
def test_every_kind_of_medium_gets_a_green_light_one_beep_and_one_record(desk: Desk) -> None:
    validator = desk.validator()
    for medium in MEDIA:
        present(validator, medium)
    found = [tap.parse(one.body) for one in of_kind(validator, tap.KIND)]
    assert [one.medium for one in found] == list(MEDIA.values())
    assert {one.result for one in found} == {tap.RESULT_ACCEPTED}
    assert len(validator.beeps) == len(MEDIA)


@pytest.mark.needs("cards", "light", "journal")
@pytest.mark.parametrize("part", range(PARTS))
def test_a_card_that_is_pulled_away_at_any_byte_of_the_exchange_is_a_ride_or_none(desk: Desk, part: int) -> None:
    validator = desk.validator()
    before = validator.reader_bytes
    validator.present("desfire")
    validator.wait_light("green", PATIENCE_S)
    exchange = validator.reader_bytes - before
    validator.remove_card()
    at_rest(validator)
    step = EVERY_FOURTH if desk.target.has("silicon") else 1
    for count in range(1 + part, exchange + 1, PARTS * step):
        validator.remove_card_after(count)
        validator.present("desfire")
        validator.wait_until(lambda: not validator.card_is_here, PATIENCE_S, f"byte {count} on the reader's bus")
        at_rest(validator)
        shown = [colour for _, colour in validator.lights].count("green")
        found = [tap.parse(one.body).result for one in of_kind(validator, tap.KIND)]
        assert found.count(tap.RESULT_ACCEPTED) == shown, f"pulled after {count} of {exchange} bytes"
        assert set(found) <= {tap.RESULT_ACCEPTED, tap.RESULT_UNREADABLE}
    present(validator, "classic")
    assert validator.restarts == 0


@pytest.mark.needs("cards", "cable", "light", "journal")
def test_a_reader_that_is_unplugged_is_told_and_serves_again_when_it_is_back(desk: Desk) -> None:
    validator = desk.validator()
    validator.unplug_reader()
    validator.wait_until(lambda: validator.light() == "red", PATIENCE_S, "a red light")
    validator.present("desfire")
    validator.pass_time(1.5)
    assert validator.light() == "red"
    validator.remove_card()
    validator.plug_reader()
    validator.wait_until(lambda: validator.light() == "blue", PATIENCE_S, "a blue light")
    present(validator, "classic")
    codes = [event.parse(one.body).code for one in of_kind(validator, event.KIND)]
    told = (event.CODE_OUT_OF_SERVICE, event.CODE_PERIPHERAL_FAULT, event.CODE_PERIPHERAL_BACK, event.CODE_IN_SERVICE)
    assert set(told) <= set(codes)
    assert len(of_kind(validator, tap.KIND)) == 1
    assert validator.restarts == 0

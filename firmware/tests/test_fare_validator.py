"""A fare validator from the rider's side: cards, lights, beeps, power cuts; and what its flash says of it.

It must never look inside the firmware: what is seen is light, sound, records and envelopes.
Spec: protocols/schema/fare_validator.py; design, domain.md "Validator"; protocol.md G1 to G4.
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from emulation.journal_image import full_journal
from emulation.launch import NodeHandle
from firmware.tests.conftest import (
    CITY_KEY,
    Broker,
    Desk,
    journalled,
    settings_of,
    unplugged_reader,
    wait_for,
    wait_for_receipt,
)
from protocols.wire.messages import assign_trip, boot, cash, event, position, result, status, tap
from protocols.wire.record import CLOCK_GNSS, CLOCK_UNSET
from protocols.wire.text import pad

Launch = Callable[..., NodeHandle]


@pytest.fixture
def validator(launch: Launch) -> NodeHandle:
    """A validator without any link, in service."""
    node = launch("fare_validator", settings_of("fare_validator"))
    node.wait_light("blue", 10)
    return node


def taps(node: NodeHandle) -> list[tap.Tap]:
    return [tap.parse(one.body) for one in journalled(node, tap.KIND)]


def events(node: NodeHandle) -> list[int]:
    return [event.parse(one.body).code for one in journalled(node, event.KIND)]


def present(node: NodeHandle, card: object, uid: bytes | None = None) -> None:
    """Hold a card until the light is green, and take it away again."""
    node.present(card, uid)
    node.wait_light("green", 10)
    node.remove_card()
    wait_for(lambda: node.light() == "blue", 5, "the light at rest")


def test_green_comes_after_the_record_is_durable(validator: NodeHandle) -> None:
    validator.present("desfire")
    validator.wait_light("green", 10)
    image = validator.flash_image()
    assert b"\x10\x01" in image
    assert len(taps(validator)) == 1
    wait_for(lambda: len(validator.beeps) == 1, 2, "one beep")


def test_a_tap_survives_a_power_cut_before_the_receipt(launch: Launch, broker: Broker, desk: Desk) -> None:
    desk.answers = False  # the controller is there, and silent
    validator = launch("fare_validator", settings_of("fare_validator", broker.port))
    validator.wait_light("blue", 10)
    validator.present("classic")
    validator.wait_light("green", 10)
    validator.cut_power()
    (kept,) = journalled(validator, tap.KIND)
    desk.answers = True
    validator.start()
    (arrived,) = desk.wait_for(tap.KIND)
    assert arrived == kept
    assert [boot.parse(one.body).boot_id for one in desk.wait_for(boot.KIND, 2)] == [1, 2]


@pytest.mark.parametrize("operation", [1, 2, 3])
def test_whatever_flash_operation_loses_power_a_green_light_was_no_lie(launch: Launch, operation: int) -> None:
    validator = launch("fare_validator", settings_of("fare_validator"))
    validator.wait_light("blue", 10)
    validator.cut_power_at(validator.flash.operations + operation)
    greens = 0
    for _ in range(10):
        if not validator.alive:
            break
        validator.present("ultralight")
        wait_for(lambda: validator.light() == "green" or not validator.alive, 10, "a decision")
        greens += validator.light() == "green"
        validator.remove_card()
        wait_for(lambda: validator.light() == "blue" or not validator.alive, 10, "rest")
    assert not validator.alive
    before = {one.seq: one for one in journalled(validator)}
    validator.start()
    validator.wait_light("blue", 10)
    assert sum(1 for one in before.values() if one.kind == tap.KIND) >= greens
    after = {one.seq: one for one in journalled(validator)}
    assert before.items() <= after.items()
    assert boot.parse(journalled(validator, boot.KIND)[-1].body).boot_id == 2


def test_a_card_that_is_held_is_one_ride(validator: NodeHandle) -> None:
    validator.present("classic")
    validator.wait_light("green", 10)
    time.sleep(2.5)
    assert len(taps(validator)) == 1


def test_a_phone_that_is_held_is_one_ride_and_leaves_no_number(validator: NodeHandle) -> None:
    validator.present("phone")
    validator.wait_light("green", 10)
    time.sleep(1.5)
    (one,) = taps(validator)
    assert (one.medium, one.flags, one.card_token) == (tap.MEDIUM_PHONE, 0, bytes(8))


def test_the_same_card_soon_again_is_a_repeat_and_no_rider(validator: NodeHandle) -> None:
    card = validator.present("desfire")
    validator.wait_light("green", 10)
    validator.remove_card()
    wait_for(lambda: validator.light() == "blue", 5, "the light at rest")
    validator.present(card)
    validator.wait_light("amber", 10)
    first, second = taps(validator)
    assert (first.result, first.riders) == (tap.RESULT_ACCEPTED, 1)
    assert (second.result, second.riders) == (tap.RESULT_REPEATED, 0)
    assert first.card_token == second.card_token


def test_the_same_card_after_the_repeat_time_rides_again(launch: Launch) -> None:
    validator = launch("fare_validator", settings_of("fare_validator", repeat_s=1))
    validator.wait_light("blue", 10)
    card = validator.present("desfire")
    validator.wait_light("green", 10)
    validator.remove_card()
    time.sleep(1.5)
    present(validator, card)
    assert [one.result for one in taps(validator)] == [tap.RESULT_ACCEPTED] * 2


def test_each_medium_is_told_apart_and_only_transport_cards_get_a_token(validator: NodeHandle) -> None:
    uid = bytes.fromhex("04a1b2c3d4e5f6")
    for kind in ("classic", "ultralight", "bank", "phone", "unknown"):
        present(validator, kind)
    present(validator, "desfire", uid)
    found = taps(validator)
    assert [one.medium for one in found] == [
        tap.MEDIUM_CLASSIC,
        tap.MEDIUM_ULTRALIGHT,
        tap.MEDIUM_BANK,
        tap.MEDIUM_PHONE,
        tap.MEDIUM_UNKNOWN,
        tap.MEDIUM_DESFIRE,
    ]
    assert [bool(any(one.card_token)) for one in found] == [True, True, False, False, False, True]
    assert [one.flags & tap.FLAGS_ID_STABLE for one in found] == [1, 1, 0, 0, 0, 1]
    assert found[-1].card_token == hmac.digest(bytes.fromhex(CITY_KEY), uid, hashlib.sha256)[:8]


def test_no_number_of_a_bank_card_reaches_flash_or_console(validator: NodeHandle) -> None:
    card = validator.present("bank")
    validator.wait_light("green", 10)
    for trace in (card.uid, card.uid.hex().encode()):
        assert trace not in validator.flash_image()
        assert trace not in validator.console.encode()


def test_a_card_that_is_pulled_away_in_the_middle_is_unreadable_or_nothing_and_the_next_is_served(
    validator: NodeHandle,
) -> None:
    for pulled_after_s in (0.0, 0.02, 0.04, 0.06, 0.08, 0.1):
        validator.present("desfire")
        time.sleep(pulled_after_s)
        validator.remove_card()
        time.sleep(0.4)
    present(validator, "classic")
    found = taps(validator)
    assert found[-1].result == tap.RESULT_ACCEPTED
    assert {one.result for one in found} <= {tap.RESULT_ACCEPTED, tap.RESULT_UNREADABLE}


def test_positions_are_recorded_while_the_fix_is_valid_and_taps_carry_them(validator: NodeHandle) -> None:
    validator.gnss.move(49.8397, 24.0297, 8.0, 90.0)
    wait_for(lambda: len(journalled(validator, position.KIND)) >= 3, 10, "three positions")
    present(validator, "classic")
    validator.gnss.lose_fix()
    place = position.parse(journalled(validator, position.KIND)[-1].body)
    assert place.lat_e7 == pytest.approx(498_397_000, abs=2000)
    assert place.lon_e7 == pytest.approx(240_297_000, abs=2000)
    assert (place.vehicle, place.speed_cmps) == (17, pytest.approx(800, abs=30))
    assert taps(validator)[0].flags & tap.FLAGS_POSITION_KNOWN
    time.sleep(2.5)
    count = len(journalled(validator, position.KIND))
    time.sleep(2)
    assert len(journalled(validator, position.KIND)) == count


def test_the_receiver_sets_the_clock_and_records_before_carry_the_uptime(validator: NodeHandle) -> None:
    present(validator, "classic")
    validator.gnss.move(49.8, 24.0)
    wait_for(lambda: journalled(validator, position.KIND), 10, "a position")
    present(validator, "ultralight")
    first, second = journalled(validator, tap.KIND)
    assert (first.clock_quality, second.clock_quality) == (CLOCK_UNSET, CLOCK_GNSS)
    assert first.time_s < 60
    assert second.time_s == pytest.approx(time.time(), abs=60)


def test_a_receiver_that_falls_silent_is_an_event_and_so_is_its_return(validator: NodeHandle) -> None:
    validator.gnss.stop()
    wait_for(lambda: event.CODE_PERIPHERAL_FAULT in events(validator), 12, "an event")
    validator.gnss.resume()
    wait_for(lambda: event.CODE_PERIPHERAL_BACK in events(validator), 12, "an event")


def test_a_press_of_the_drivers_button_is_one_cash_ride(validator: NodeHandle) -> None:
    time.sleep(0.5)  # a button that is held while the node starts is no press
    validator.press("cash_button", held_s=0.4)
    validator.wait_light("green", 5)
    time.sleep(0.5)
    (ride,) = [cash.parse(one.body) for one in journalled(validator, cash.KIND)]
    assert (ride.amount_kop, ride.riders, ride.vehicle) == (0, 1, 17)


def test_a_reader_that_is_unplugged_is_told_and_serves_again_when_it_is_back(validator: NodeHandle) -> None:
    with unplugged_reader(validator):
        wait_for(lambda: validator.light() == "red", 10, "a red light")
        wait_for(lambda: event.CODE_OUT_OF_SERVICE in events(validator), 5, "an event")
    wait_for(lambda: validator.light() == "blue", 10, "a blue light")
    wait_for(lambda: event.CODE_IN_SERVICE in events(validator), 5, "an event")
    present(validator, "classic")
    assert [one.result for one in taps(validator)] == [tap.RESULT_ACCEPTED]
    assert validator.restarts == 0


def test_a_validator_without_a_reader_starts_and_says_so(launch: Launch) -> None:
    settings = settings_of("fare_validator")
    validator = launch("fare_validator", settings)
    with unplugged_reader(validator):
        validator.cut_power()
        validator.start()
        wait_for(lambda: validator.light() == "red", 10, "a red light")
        time.sleep(1)
        assert validator.restarts == 0
    wait_for(lambda: validator.light() == "blue", 10, "a blue light")


def test_a_full_journal_refuses_riders_visibly_and_serves_again_after_receipts(
    launch: Launch, broker: Broker, desk: Desk, tmp_path: Path
) -> None:
    desk.answers = False
    folder = tmp_path / "fare_validator"
    folder.mkdir()
    ride = cash.build(cash.Cash(1, 0, 1, 17, 0))
    (folder / "journal.flash").write_bytes(full_journal(128, cash.KIND, ride))
    validator = launch("fare_validator", settings_of("fare_validator", broker.port))
    validator.wait_light("amber", 15)
    validator.present("classic")
    time.sleep(1)
    assert validator.light() == "amber"
    validator.remove_card()
    assert validator.beeps == []
    wait_for(lambda: {event.CODE_OUT_OF_SERVICE, event.CODE_JOURNAL_NEARLY_FULL} <= set(events(validator)), 10)
    desk.answers = True
    wait_for(lambda: validator.light() == "blue", 60, "service")
    present(validator, "classic")


def test_an_assigned_trip_is_answered_and_goes_into_taps(launch: Launch, broker: Broker, desk: Desk) -> None:
    validator = launch("fare_validator", settings_of("fare_validator", broker.port))
    wait_for_receipt(validator)
    order = desk.order(assign_trip.KIND, trip(4242))
    done = result.parse(desk.wait_for(result.KIND)[0].body)
    assert done == (order, result.OUTCOME_DONE, result.REASON_NONE)
    present(validator, "classic")
    assert tap.parse(desk.wait_for(tap.KIND)[0].body).trip_ref == 4242


def test_commands_that_cannot_be_done_end_in_a_result_all_the_same(launch: Launch, broker: Broker, desk: Desk) -> None:
    validator = launch("fare_validator", settings_of("fare_validator", broker.port))
    wait_for_receipt(validator)
    malformed = desk.order(assign_trip.KIND, b"short")
    expired = desk.order(assign_trip.KIND, trip(2), ttl_s=5, age_s=60)
    unknown = desk.order(200, b"")
    assert {tuple(result.parse(one.body)) for one in desk.wait_for(result.KIND, 3)} == {
        (malformed, result.OUTCOME_REFUSED, result.REASON_MALFORMED_BODY),
        (expired, result.OUTCOME_EXPIRED, result.REASON_NONE),
        (unknown, result.OUTCOME_REFUSED, result.REASON_UNKNOWN_COMMAND),
    }


def test_hostile_bytes_on_its_topic_are_counted_and_cost_nothing(launch: Launch, broker: Broker, desk: Desk) -> None:
    validator = launch("fare_validator", settings_of("fare_validator", broker.port, status_s=1))
    wait_for_receipt(validator)
    for data in (b"", b"x", b"VZ" * 20, bytes(4096), bytes(60_000)):
        desk.send(data)
    wait_for(
        lambda: status.parse(desk.of_kind(status.KIND)[-1].body).refused_envelopes == 5, 10, "five refused envelopes"
    )
    present(validator, "classic")
    desk.wait_for(tap.KIND)
    assert validator.restarts == 0


def test_a_third_of_the_heap_is_free_in_service(launch: Launch, broker: Broker, desk: Desk) -> None:
    validator = launch("fare_validator", settings_of("fare_validator", broker.port, status_s=1))
    wait_for_receipt(validator)
    validator.gnss.move(49.8, 24.0, 5.0)
    for kind in ("classic", "bank", "phone", "desfire"):
        present(validator, kind)
    health = [status.parse(one.body) for one in desk.wait_for(status.KIND, 4)]
    for one in health:
        assert one.heap_free > (one.heap_free + one.heap_used) / 3
    print(f"heap free {min(one.heap_free for one in health)} of {health[0].heap_free + health[0].heap_used}")


def trip(number: int) -> bytes:
    return assign_trip.build(assign_trip.AssignTrip(number, pad("11А", 8)))

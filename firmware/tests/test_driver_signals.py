"""Light, beeper and button on real MicroPython with their models: what a rider sees and hears, what a driver presses.

It must never time the sounds closer than a busy machine can keep them.
Spec: firmware/drivers/rgb_light.py, beeper.py, button.py.
"""

import time
from functools import partial
from pathlib import Path

import pytest

from firmware.tests.on_device import Bench

HEARD_S = 30.0
AT_REST_S = 0.5  # a node on a busy machine looks late


def at_rest(board: Bench) -> None:
    """Until the button has been seen at rest: what is held from the start is no press."""
    board.next_with("waiting")
    time.sleep(AT_REST_S)


def press(board: Bench) -> int:
    button = board.wiring.buttons["cash_button"]
    board.call(button.hold)
    presses = board.next_with("presses")
    board.call(button.let_go)
    time.sleep(AT_REST_S)  # until it has been seen at rest again
    return int(presses)


def heard(board: Bench, count: int) -> list[tuple[int, int]]:
    """(frequency, duration in ms) of that many beeps."""
    deadline_s = time.monotonic() + HEARD_S
    while len(board.handle.beeps) < count and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return [(beep.frequency_hz, beep.duration_us // 1000) for beep in board.handle.beeps]


@pytest.mark.parametrize("colour", ["red", "green", "blue", "amber", "white"])
def test_a_colour_is_seen_by_its_name(tmp_path: Path, colour: str) -> None:
    with Bench("fare_validator", tmp_path, "signals", colour, "off") as board:
        at_rest(board)
        assert board.handle.light() == "off"
        press(board)
        board.handle.wait_light(colour, 2)
        press(board)
        board.handle.wait_light("off", 2)


def test_accepted_is_one_high_tone(tmp_path: Path) -> None:
    with Bench("fare_validator", tmp_path, "signals", "accepted") as board:
        at_rest(board)
        press(board)
        [(frequency_hz, duration_ms)] = heard(board, 1)
        assert frequency_hz > 2000
        assert 100 <= duration_ms <= 400


def test_refused_is_two_low_tones(tmp_path: Path) -> None:
    with Bench("fare_validator", tmp_path, "signals", "refused") as board:
        at_rest(board)
        press(board)
        assert [frequency_hz for frequency_hz, _ in heard(board, 2)] == [900, 900]


def test_a_new_pattern_cuts_off_what_still_sounds(tmp_path: Path) -> None:
    with Bench("fare_validator", tmp_path, "signals", "error+wait+accepted") as board:
        at_rest(board)
        press(board)
        assert [frequency_hz for frequency_hz, _ in heard(board, 2)] == [500, 2700]
        assert board.handle.beeps[0].duration_us < 590_000


def test_a_beeper_whose_task_ends_is_silent(tmp_path: Path) -> None:
    with Bench("fare_validator", tmp_path, "signals", "error+wait+stop") as board:
        at_rest(board)
        press(board)
        [(_, duration_ms)] = heard(board, 1)
        assert duration_ms < 590


def test_one_press_counts_once_however_long_it_is_held(tmp_path: Path) -> None:
    with Bench("fare_validator", tmp_path, "signals") as board:
        at_rest(board)
        button = board.wiring.buttons["cash_button"]
        board.call(button.hold)
        assert board.next_with("presses") == 1
        time.sleep(0.4)
        board.call(button.let_go)
        time.sleep(AT_REST_S)
        board.call(button.hold)
        assert board.next_with("presses") == 2


def test_contacts_that_bounce_are_no_press(tmp_path: Path) -> None:
    with Bench("fare_validator", tmp_path, "signals") as board:
        at_rest(board)
        button = board.wiring.buttons["cash_button"]
        for _ in range(20):
            board.call(partial(button.press, 3_000))  # µs of the button's clock, however busy this machine is
            time.sleep(0.04)
        assert press(board) == 1


def test_a_button_that_is_held_from_the_start_is_no_press(tmp_path: Path) -> None:
    bench = Bench("fare_validator", tmp_path, "signals")
    button = bench.wiring.buttons["cash_button"]
    bench.call(button.hold)
    with bench as board:
        at_rest(board)
        time.sleep(0.3)
        board.call(button.let_go)
        time.sleep(AT_REST_S)
        assert press(board) == 1

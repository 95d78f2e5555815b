"""The lane in virtual time: time passes only when let, equal runs are equal to the bit, and a board's ends are kept.

Must never know the simulation.
Specification: emulation/virtual/README.md.
"""

import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from emulation.launch import start
from emulation.node_handle import NodeHandle
from emulation.town.nodes import display_settings, validator_settings
from emulation.virtual import VirtualNode
from protocols.provisioning import NodeEntry

ENTRY = NodeEntry(bytes(7) + b"\1", b"k" * 32, "test", "fare_validator", "test", vehicle_id="1", vehicle=1)
DISPLAY = NodeEntry(bytes(7) + b"\2", b"k" * 32, "test", "stop_display", "test", stop_id="s", width=128, height=64)
CARD = bytes.fromhex("04112233445566")
HOUR_S = 3600


def validator(folder: Path) -> NodeHandle:
    settings = validator_settings(ENTRY, city_key=b"c" * 32, mqtt_port=9, language="en")
    return start("unix", "fare_validator", settings, folder, lane=VirtualNode)


def program(folder: Path, source: str) -> NodeHandle:
    """A node that runs that text instead of the firmware."""
    return start("unix", "fare_validator", None, folder, program=("-c", source), lane=VirtualNode)


def an_hour_at_the_door(folder: Path) -> tuple[str, str, Any]:
    """Flash, console and lights after an hour with two riders and a press of the button."""
    with validator(folder) as node:
        node.gnss.move(49.9935, 36.2304, speed_mps=8, course_deg=123)
        node.wait_light("blue", 5)
        for _ in range(2):
            node.present("desfire", uid=CARD)
            node.wait_light("green", 5)
            node.pass_time(0.5)
            node.remove_card()
            node.pass_time(HOUR_S / 2)
        node.press()
        node.wait_light("green", 5)
        assert node.restarts == 0
        return sha256(node.flash_image()).hexdigest(), node.console, node.lights


def test_equal_runs_are_equal_to_the_bit(tmp_path: Path) -> None:
    assert an_hour_at_the_door(tmp_path / "one") == an_hour_at_the_door(tmp_path / "two")


def test_a_card_is_answered_as_soon_as_the_models_of_reader_and_card_allow(tmp_path: Path) -> None:
    with validator(tmp_path) as node:
        node.pass_time(60)  # the field has long been empty, the search is a long one
        node.present("desfire", uid=CARD)
        node.wait_light("green", 5)
        assert 55 < node.tap_to_green_ms[0] < 120


def test_the_same_card_is_a_new_ride_when_it_was_away_for_some_seconds(tmp_path: Path) -> None:
    with validator(tmp_path) as node:
        node.wait_light("blue", 5)
        for _ in range(3):
            node.present("desfire", uid=CARD)
            node.wait_light("green", 5)
            node.remove_card()
            node.pass_time(5)
        assert len(node.tap_to_green_ms) == 3


def test_every_press_of_the_button_is_seen_however_long_it_was_at_rest(tmp_path: Path) -> None:
    with validator(tmp_path) as node:
        for rest_s in (2, 60, HOUR_S):
            node.pass_time(rest_s)
            node.press()
            node.wait_light("green", 1)


def test_an_idle_display_lives_a_day_while_we_wait(tmp_path: Path) -> None:
    settings = display_settings(DISPLAY, utc_offset_min=0, mqtt_port=9, language="en")
    with start("unix", "stop_display", settings, tmp_path, lane=VirtualNode) as node:
        node.pass_time(24 * HOUR_S)
        assert node.alive
        assert node.restarts == 0


def test_time_stands_still_unless_someone_lets_it_pass(tmp_path: Path) -> None:
    with program(tmp_path, "import time\nwhile True:\n    print('at', time.ticks_ms())\n    time.sleep(10)") as node:
        node.pass_time(25)
        told = node.console
        assert told.splitlines() == ["at 300", "at 10300", "at 20300"]
        time.sleep(0.05)
        assert node.console == told


def test_a_node_that_no_longer_feeds_its_watchdog_is_bitten_at_its_time(tmp_path: Path) -> None:
    source = "import machine, time\nprint('cause', machine.reset_cause())\nmachine.WDT(timeout=5000)\ntime.sleep(3600)"
    with program(tmp_path, source) as node:
        node.pass_time(5)
        assert node.watchdog_bites == 0
        node.pass_time(6.2)
        assert node.watchdog_bites == 2
        assert node.console.splitlines() == ["cause 1", "cause 3", "cause 3"]


def test_a_reset_that_is_asked_for_starts_it_anew(tmp_path: Path) -> None:
    source = "import machine, time\ntime.sleep(1)\nmachine.reset()"
    with program(tmp_path, source) as node:
        node.pass_time(4)
        assert node.resets == 3


def test_power_goes_in_the_middle_of_a_flash_operation_and_the_node_goes_on_after(tmp_path: Path) -> None:
    with validator(tmp_path) as node:
        node.wait_light("blue", 5)
        node.cut_power_at(node.flash.operations + 1)
        node.press()
        node.pass_time(5)
        assert not node.alive
        node.start()
        node.wait_console("boot 2", 5)


def test_chance_is_the_same_in_every_run_and_another_after_each_start(tmp_path: Path) -> None:
    source = "import os, machine\nprint(os.urandom(4), os.urandom(4))\nimport time\ntime.sleep(1)\nmachine.reset()"

    def drawn(folder: Path) -> list[str]:
        with program(folder, source) as node:
            node.pass_time(2.5)
            return node.console.splitlines()

    one = drawn(tmp_path / "one")
    assert len(one) == len(set(one)) == 2
    assert drawn(tmp_path / "two") == one


def test_a_node_in_a_world_of_its_own_finds_nobody(tmp_path: Path) -> None:
    with validator(tmp_path) as node:
        node.pass_time(20)
        assert "link: OSError" in node.console

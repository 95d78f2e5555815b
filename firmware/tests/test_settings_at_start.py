"""A node whose settings file is missing or bad: it says so, stays up, and goes to work when the file is right.

It must never loop through crashes, nor show a key.
Spec: firmware/main.py, firmware/settings.py.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from emulation.launch import NodeHandle
from firmware.tests.conftest import journalled, settings_of, wait_for
from protocols.wire.messages import event

Launch = Callable[..., NodeHandle]
BAD_KEY = json.dumps(settings_of("stop_display") | {"key": "5e5e"}).encode()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (None, "settings.json is missing: write the settings of this node"),
        (b"{not json", "settings.json is not JSON: write the settings of this node anew"),
        (b"\xff\xfe", "settings.json is not JSON: write the settings of this node anew"),
        (
            json.dumps(settings_of("fare_validator") | {"key": "5e"}).encode(),
            "settings.json: key must be 64 hexadecimal digits: correct it or write the settings of this node anew",
        ),
    ],
    ids=["missing", "no_json", "no_text", "bad_key"],
)
def test_a_bad_file_blinks_says_one_sentence_and_is_read_again(
    launch: Launch, tmp_path: Path, data: bytes | None, sentence: str
) -> None:
    node = launch("fare_validator", data)
    node.wait_console(f"no settings: {sentence}", 10)
    wait_for(lambda: [colour for _, colour in node.lights].count("white") >= 3, 10, "white blinking")
    assert [colour for _, colour in node.lights].count("off") >= 2
    assert (node.alive, node.restarts, node.console.count("\n")) == (True, 0, 1)
    (tmp_path / "fare_validator" / "settings.json").write_text(json.dumps(settings_of("fare_validator")))
    node.wait_light("blue", 10)
    codes = [event.parse(one.body).code for one in journalled(node, event.KIND)]
    assert codes == [event.CODE_SETTINGS_FAULT]
    assert "5e5e" not in node.console


def test_a_display_shows_on_its_glass_that_it_has_no_settings(launch: Launch, tmp_path: Path) -> None:
    display = launch("stop_display", BAD_KEY)
    display.wait_console("no settings:", 10)
    told = wait_for(lambda: any(display.packed_picture()) and display.packed_picture(), 5, "a text on the glass")
    (tmp_path / "stop_display" / "settings.json").write_text(json.dumps(settings_of("stop_display")))
    wait_for(lambda: display.packed_picture() != told, 10, "another text")


def test_a_missing_file_on_a_display_is_no_crash(launch: Launch) -> None:
    display = launch("stop_display", None)
    display.wait_console("no settings: settings.json is missing", 10)
    time.sleep(1)
    assert (display.alive, display.restarts) == (True, 0)

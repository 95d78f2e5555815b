"""Text on the glass, compared pixel by pixel with pictures that a person has read (hil_tests/glass/*.txt)."""

from pathlib import Path

import pytest

from emulation.launch import NodeHandle
from hil_tests.target import Desk

PICTURES = Path(__file__).parent / "glass"
PATIENCE_S = 20.0


def on_glass(node: NodeHandle) -> list[str]:
    return ["".join(".#"[pixel] for pixel in row) for row in node.picture()]


@pytest.mark.needs("glass", "settings")
@pytest.mark.parametrize("language", ["uk", "en"])
@pytest.mark.parametrize("shown", ["starting", "no_settings"])
def test_the_glass_shows_the_text_to_the_pixel(desk: Desk, shown: str, language: str) -> None:
    settings = desk.settings("stop_display") | {"language": language}
    if shown == "no_settings":
        del settings["key"]
    node = desk.node("stop_display", settings)
    expected = (PICTURES / f"{shown}_{language}.txt").read_text(encoding="utf-8").split()
    node.wait_until(lambda: any(map(any, node.picture())), PATIENCE_S, "a lit pixel")
    before, picture = [""], on_glass(node)
    while picture != before:
        node.pass_time(0.2)
        before, picture = picture, on_glass(node)
    assert picture == expected

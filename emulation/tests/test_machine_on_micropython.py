"""The `machine` package on real MicroPython: a device script uses all of it over the bus, is reset, bitten, and lives.

It must never depend on how fast the machine is.
Specification: boards/README.md; emulation/unix/README.md.
"""

from pathlib import Path
from typing import Any

import pytest

from emulation.launch import start

DEVICE = Path(__file__).parent / "device"
PATIENCE_S = 60
SETTINGS: dict[str, Any] = {"node": "00000000000000a1", "config": {}}


def test_every_part_of_machine_works_and_the_node_survives_reset_and_watchdog(tmp_path: Path) -> None:
    with start("unix", "fare_validator", SETTINGS, tmp_path, program=(str(DEVICE / "everything.py"),)) as node:
        node.gnss.move(49.9935, 36.2304, 8, 123)
        node.wait_console("press now", PATIENCE_S)
        node.press(held_s=0.3)
        node.wait_console("now reset", PATIENCE_S)
        node.wait_light("amber", PATIENCE_S)
        node.wait_console("no more food", PATIENCE_S)
        assert node.light() == "off"  # a reset lets go of the pins
        node.wait_console("bitten and alive", PATIENCE_S)
        said = [line.partition("=")[::2] for line in node.console.splitlines() if "=" in line]
        assert [value for name, value in said if name == "cause"] == ["1", "2", "3"]
        heard = dict(said)
        assert heard["id"] == "00000000000000a1"
        assert heard["scan"] == "[36]"
        assert heard["written"] == "12"
        assert [value for name, value in said if name == "frame"] == ["010000ff00ff00", "010000ff02fed5151600"]
        assert heard["nobody"] == heard["outside"] == "5"
        assert heard["blocks"] == "(128, 4096)"
        assert heard["programmed"] == "(255, 16, 240, 240, 255)"
        assert heard["whole_blocks"] == "True"
        assert "4959.61000,N,03613.82400,E" in heard["rmc"]
        assert heard["at_rest"] == "1"
        assert [beep.frequency_hz for beep in node.beeps] == [1234]
        assert node.beeps[0].duration_us > 0
        assert (node.resets, node.watchdog_bites, node.restarts) == (1, 1, 2)
        assert node.flash.erases_by_block == {3: 1, 5: 1, 6: 1, 7: 1}


@pytest.mark.parametrize(("width", "height"), [(64, 32), (384, 64)])
def test_a_panel_of_any_size_is_drawn_over_spi(tmp_path: Path, width: int, height: int) -> None:
    settings = {"node": "00000000000000d1", "config": {"width": width, "height": height}}
    chips = width * height // 64
    program = (str(DEVICE / "panel.py"), str(chips))
    with start("unix", "stop_display", settings, tmp_path, program=program) as node:
        node.wait_console("drawn b'\\x08\\xaa'", PATIENCE_S)
        assert node.picture() == [[1, 0] * (width // 2)] * height
        assert node.packed_picture() == b"\xaa" * (width * height // 8)
        assert node.png(scale=1).startswith(b"\x89PNG")

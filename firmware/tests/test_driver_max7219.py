"""The panel driver on real MicroPython with modelled modules: what is drawn is what is seen, also after a glitch.

It must never trust the driver's word: the picture is read back from the modules' registers.
Spec: firmware/drivers/max7219.py; Maxim 19-4452.
"""

import binascii
from pathlib import Path

import pytest

from emulation.peripherals.max7219_panel import DECODE_MODE, DISPLAY_TEST, SCAN_LIMIT, SHUTDOWN, Max7219Panel
from firmware.tests.on_device import Bench

HEALED_AFTER = 8  # calls of show()


def board(folder: Path, width: int, height: int, *steps: str) -> Bench:
    return Bench(
        "stop_display", folder, "panel", str(width), str(height), *steps, config={"width": width, "height": height}
    )


def panel_of(bench: Bench) -> Max7219Panel:
    assert bench.wiring.panel is not None
    return bench.wiring.panel


@pytest.mark.parametrize(("width", "height"), [(64, 32), (128, 64), (192, 48), (384, 64)])
def test_what_is_drawn_is_what_is_seen_at_any_size(tmp_path: Path, width: int, height: int) -> None:
    with board(tmp_path, width, height, "random") as bench:
        drawn = bench.next_line()
        bench.next_line()
        assert bench.handle.packed_picture().hex() == drawn["picture"]
        assert binascii.crc32(bench.handle.packed_picture()) == drawn["crc"]


def test_a_change_is_seen_at_once_and_whole(tmp_path: Path) -> None:
    with board(tmp_path, 128, 64, "random", "text", "dark", "random") as bench:
        for _ in range(4):
            drawn = bench.next_line()
        bench.next_line()
        assert bench.handle.packed_picture().hex() == drawn["picture"]


def test_a_picture_that_stays_costs_two_bursts(tmp_path: Path) -> None:
    with board(tmp_path, 128, 64, "text") as bench:
        bench.next_line()
        before = bench.next_line()["step"], bench.call(lambda: panel_of(bench).latches)
        for _ in range(10):
            last = bench.next_line()
        after = last["step"], bench.call(lambda: panel_of(bench).latches)
        # a step more or less may have been under way at either reading
        assert abs((after[1] - before[1]) - 2 * (after[0] - before[0])) <= 4


@pytest.mark.parametrize(
    ("register", "value"),
    [(SHUTDOWN, 0), (DISPLAY_TEST, 1), (SCAN_LIMIT, 2), (DECODE_MODE, 0xFF)],
    ids=["shutdown", "test", "scan_limit", "decode"],
)
def test_a_glitch_heals_by_itself(tmp_path: Path, register: int, value: int) -> None:
    with board(tmp_path, 128, 64, "text") as bench:
        drawn = bench.next_line()["picture"]
        bench.next_line()

        def glitch() -> str:
            panel = panel_of(bench)
            panel._control[register][5:20] = bytes((value,)) * 15
            panel._digits[3][7] ^= 0xFF
            return panel.packed().hex()

        assert bench.call(glitch) != drawn
        first = bench.next_line()["step"]
        while bench.next_line()["step"] < first + HEALED_AFTER:
            pass
        assert bench.handle.packed_picture().hex() == drawn


def test_a_panel_that_lost_its_supply_shows_again(tmp_path: Path) -> None:
    with board(tmp_path, 64, 32, "random") as bench:
        drawn = bench.next_line()["picture"]
        bench.dip_supply()
        first = bench.next_line()["step"]
        while bench.next_line()["step"] < first + HEALED_AFTER:
            pass
        assert bench.handle.packed_picture().hex() == drawn


def test_it_is_as_bright_as_it_was_told(tmp_path: Path) -> None:
    with board(tmp_path, 64, 32, "random", "bright") as bench:
        bench.next_line()
        assert bench.call(lambda: panel_of(bench).intensity()) in (3, 15)
        bench.next_line()
        bench.next_line()
        assert bench.call(lambda: [panel_of(bench).intensity(chip) for chip in (0, 31)]) == [15, 15]

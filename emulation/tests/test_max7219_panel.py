"""The LED panel: what is shifted and latched, what a person then sees, and what a careless driver sees.

It must never go through a driver of ours.
Specification: Maxim 19-4452 (MAX7219/MAX7221).
"""

import io

import pytest
from PIL import Image

from emulation.peripherals.max7219_panel import (
    CODE_B,
    DECODE_MODE,
    DISPLAY_TEST,
    INTENSITY,
    SCAN_LIMIT,
    SHUTDOWN,
    Max7219Panel,
)

SIZES = [(64, 32), (128, 64), (256, 32), (384, 64)]


def write(panel: Max7219Panel, words: list[tuple[int, int]]) -> None:
    """One burst; `words` from chip 0 on, so the last chip's word goes first."""
    panel.select(True)
    panel.exchange(bytes(byte for word in reversed(words) for byte in word))
    panel.select(False)


def switch_on(panel: Max7219Panel) -> None:
    for register, value in ((SHUTDOWN, 1), (SCAN_LIMIT, 7), (DECODE_MODE, 0), (DISPLAY_TEST, 0), (INTENSITY, 8)):
        write(panel, [(register, value)] * panel.chips)


def draw(panel: Max7219Panel, lit: set[tuple[int, int]]) -> None:
    across = panel.width // 8
    for digit in range(8):
        words = []
        for chip in range(panel.chips):
            x0, y = chip % across * 8, chip // across * 8 + digit
            words.append((digit + 1, sum(0x80 >> column for column in range(8) if (x0 + column, y) in lit)))
        write(panel, words)


def lit_in(panel: Max7219Panel) -> set[tuple[int, int]]:
    return {(x, y) for y, row in enumerate(panel.picture()) for x, bit in enumerate(row) if bit}


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_what_is_drawn_is_seen_at_its_place_on_every_size(width: int, height: int) -> None:
    panel = Max7219Panel(width, height)
    switch_on(panel)
    corners = {(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1), (9, 3), (width // 2, height // 2)}
    draw(panel, corners)
    assert lit_in(panel) == corners


def test_it_is_dark_after_power_up_and_in_shutdown_and_keeps_what_was_drawn() -> None:
    panel = Max7219Panel(64, 32)
    assert lit_in(panel) == set()
    draw(panel, {(5, 5)})
    assert lit_in(panel) == set()
    switch_on(panel)
    assert lit_in(panel) == {(5, 5)}
    write(panel, [(SHUTDOWN, 0)] * panel.chips)
    assert lit_in(panel) == set()
    write(panel, [(SHUTDOWN, 1)] * panel.chips)
    assert lit_in(panel) == {(5, 5)}


def test_display_test_lights_everything_even_in_shutdown() -> None:
    panel = Max7219Panel(64, 32)
    write(panel, [(DISPLAY_TEST, 1)] * panel.chips)
    assert len(lit_in(panel)) == 64 * 32


def test_the_scan_limit_hides_the_rows_below_it() -> None:
    panel = Max7219Panel(64, 32)
    switch_on(panel)
    draw(panel, {(0, 1), (0, 2)})
    write(panel, [(SCAN_LIMIT, 1)] * panel.chips)
    assert lit_in(panel) == {(0, 1)}


def test_a_driver_that_forgets_to_switch_decoding_off_sees_code_b() -> None:
    panel = Max7219Panel(64, 32)
    switch_on(panel)
    write(panel, [(DECODE_MODE, 0x01)] * panel.chips)
    write(panel, [(1, 0x08)] * panel.chips)
    assert panel.packed()[0] == CODE_B[8]


def test_one_chip_alone_is_written_with_no_op_for_the_others() -> None:
    panel = Max7219Panel(64, 32)
    switch_on(panel)
    write(panel, [(0, 0)] * 3 + [(1, 0xFF)] + [(0, 0)] * (panel.chips - 4))
    assert lit_in(panel) == {(24 + column, 0) for column in range(8)}


def test_nothing_is_taken_over_before_chip_select_rises() -> None:
    panel = Max7219Panel(64, 32)
    switch_on(panel)
    panel.select(True)
    panel.exchange(bytes((1, 0xFF)) * panel.chips)
    assert lit_in(panel) == set()
    panel.select(False)
    assert len(lit_in(panel)) == 64 * 4


def test_a_burst_in_pieces_is_the_same_burst() -> None:
    panel = Max7219Panel(64, 32)
    switch_on(panel)
    panel.select(True)
    for byte in bytes((1, 0xFF)) * panel.chips:
        panel.exchange(bytes((byte,)))
    panel.select(False)
    assert len(lit_in(panel)) == 64 * 4


def test_a_short_burst_leaves_the_far_chips_with_what_was_pushed_into_them() -> None:
    panel = Max7219Panel(64, 32)
    switch_on(panel)
    write(panel, [(0, 0)] * panel.chips)  # the shift register is full of no-operations
    panel.select(True)
    panel.exchange(bytes((1, 0x80)))
    panel.select(False)
    assert lit_in(panel) == {(0, 0)}


def test_a_burst_that_is_too_long_falls_off_the_end_of_the_chain() -> None:
    panel = Max7219Panel(64, 32)
    switch_on(panel)
    panel.select(True)
    out = panel.exchange(bytes((2, 0xFF)) * 5 + bytes((1, 0x80)) * panel.chips)
    panel.select(False)
    assert lit_in(panel) == {(x, y) for x in range(0, 64, 8) for y in range(0, 32, 8)}
    assert len(out) == 2 * (panel.chips + 5)


def test_a_shift_by_one_bit_pair_too_few_garbles_the_picture() -> None:
    panel = Max7219Panel(64, 32)
    switch_on(panel)
    panel.select(True)
    panel.exchange((bytes((1, 0x80)) * panel.chips)[:-1])
    panel.select(False)
    assert lit_in(panel) != {(x, y) for x in range(0, 64, 8) for y in range(0, 32, 8)}


def test_the_png_shows_the_same_picture_enlarged() -> None:
    panel = Max7219Panel(64, 32)
    switch_on(panel)
    draw(panel, {(10, 20)})
    image = Image.open(io.BytesIO(panel.png(scale=3)))
    assert image.size == (192, 96)
    assert image.getpixel((31, 61))[0] > 150  # type: ignore[index]
    assert image.getpixel((0, 0))[0] < 20  # type: ignore[index]


def test_a_panel_that_is_not_made_of_modules_is_refused() -> None:
    with pytest.raises(ValueError, match="not 100x64"):
        Max7219Panel(100, 64)

"""What the font driver says of files that are no fonts, of widths and of missing glyphs.

It must never need a panel: a framebuf is enough.
Spec: firmware/drivers/font.py, tools/font.py (the file format).
"""

import os

import framebuf

from firmware import fonts
from firmware.drivers.font import BadFont, Font

BROKEN = "broken.font.tmp"


def opened(name=fonts.SIGN_12):
    font = Font(fonts.path(name))
    font.open()
    return font


def canvas(width=64, height=16):
    return framebuf.FrameBuffer(bytearray(width // 8 * height), width, height, framebuf.MONO_HLSB)


def lit(drawn, width=64, height=16):
    return [(x, y) for y in range(height) for x in range(width) if drawn.pixel(x, y)]


def refusal(data):
    with open(BROKEN, "wb") as file:
        file.write(data)
    try:
        Font(BROKEN).open()
    except BadFont as error:
        return str(error)
    finally:
        os.remove(BROKEN)
    return "opened"


def test_the_sizes_are_in_the_names():
    for name, height in ((fonts.SIGN_12, 12), (fonts.SIGN_16, 16), (fonts.SIGN_16_BOLD, 16), (fonts.SIGN_24_BOLD, 24)):
        font = opened(name)
        assert font.height == height
        assert 0 < font.ascent < height


def test_digits_are_equally_wide_so_that_minutes_do_not_jump():
    for name in (fonts.SIGN_12, fonts.SIGN_16, fonts.SIGN_16_BOLD, fonts.SIGN_24_BOLD):
        font = opened(name)
        assert len({font.width(digit) for digit in "0123456789"}) == 1


def test_a_text_is_as_wide_as_its_letters():
    font = opened()
    assert font.width("") == 0
    assert font.width("Площа") == sum([font.width(letter) for letter in "Площа"])


def test_a_text_is_cut_where_it_no_longer_fits():
    font = opened()
    width = font.width("Визво")
    assert font.fit("Визволення", width) == 5
    assert font.fit("Визволення", width - 1) == 4
    assert font.fit("Визволення", 1000) == 10
    assert font.fit("Визволення", 0) == 0


def test_a_missing_glyph_is_a_visible_box():
    font = opened()
    drawn = canvas()
    assert font.draw(drawn, "日", 10, 0) == 10 + font.width("日")
    pixels = lit(drawn)
    assert (10, 0) in pixels
    assert (10 + font.width("日") - 2, font.ascent - 1) in pixels
    assert (12, 3) not in pixels


def test_what_lies_outside_is_left_out_and_counted_all_the_same():
    font = opened()
    drawn = canvas()
    text = "Визволення"
    assert font.draw(drawn, text, -1000, 0) == -1000 + font.width(text)
    assert font.draw(drawn, text, 64, 0, 64) == 64
    assert lit(drawn) == []


def test_a_text_that_scrolls_in_is_cut_at_the_edge():
    font = opened()
    left, whole = canvas(), canvas()
    font.draw(left, "В", -3, 0)
    font.draw(whole, "В", 0, 0)
    assert lit(left) == [(x - 3, y) for x, y in lit(whole) if x >= 3]


def test_a_file_that_is_no_font_is_refused():
    with open(fonts.path(fonts.SIGN_12), "rb") as file:
        good = file.read()
    assert refusal(b"") == "short"
    assert refusal(b"BM" + good[2:]) == "not a font of version 1"
    assert refusal(good[:2] + b"\x02" + good[3:]) == "not a font of version 1"
    assert refusal(good[:40]) == "short"
    assert refusal(good) == "opened"


def test_a_font_that_is_not_open_draws_nothing():
    font = opened()
    font.close()
    reason = ""
    try:
        font.draw(canvas(), "1", 0, 0)
    except BadFont as error:
        reason = str(error)
    assert reason == "not open"

"""The fonts: complete for Ukrainian and English, compiled from their sources, drawn on MicroPython as the sources say.

It must never look at the driver's own tables: the expectation comes from the BDF files.
Spec: firmware/fonts/README.md, tools/font.py.
"""

import string
import subprocess
import sys

import pytest

from firmware.tests import on_device
from tools.font import FONTS, BrokenFont, Font, read_bdf

NAMES = ["sign-12", "sign-16", "sign-16-bold", "sign-24-bold"]
UKRAINIAN = "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя"
SIGNS = "’ʼ«»“”„–—→←~<>:;.,…№°€•!?()/+-"
SYMBOLS = "♿🚊🚌🚎"
TEXTS = [
    "3 Площа Визволення 5 хв",
    "Ґедзь їсть ґанок, Єва — щуку",
    "№ 38А ~12 хв <1 хв 21:47 «зараз» ♿🚌",
    "Příliš žluťoučký",
]


@pytest.fixture(scope="module")
def on_micropython() -> dict[str, str]:
    return on_device.run_cases("font_cases")


@pytest.mark.parametrize("case", on_device.case_names("font_cases"))
def test_on_micropython(case: str, on_micropython: dict[str, str]) -> None:
    assert on_micropython[case] == ""


def source(name: str) -> Font:
    return read_bdf((FONTS / "bdf" / f"{name}.bdf").read_text(encoding="ascii"))


@pytest.mark.parametrize("name", NAMES)
def test_no_letter_and_no_sign_is_missing(name: str) -> None:
    there = {chr(glyph.code) for glyph in source(name).glyphs}
    wanted = UKRAINIAN + UKRAINIAN.upper() + string.printable[:95] + SIGNS + SYMBOLS + "ёъыэЁЪЫЭўЎßéÄłŚ"
    assert set(wanted) - there == set()


@pytest.mark.parametrize("name", NAMES)
def test_no_two_letters_look_the_same(name: str) -> None:
    """Within the Cyrillic alphabet: the pixels are the letter (Latin look-alikes are look-alikes on purpose)."""
    glyphs = {chr(glyph.code): glyph.rows for glyph in source(name).glyphs}
    pictures = [glyphs[letter] for letter in UKRAINIAN + UKRAINIAN.upper()]
    assert len(set(pictures)) == len(pictures)


def test_the_compiled_fonts_are_current() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "tools.font", "--check"], cwd=on_device.ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_text_is_drawn_as_its_source_says_and_allocates_nothing(name: str, text: str) -> None:
    width, height, x, y = 304, 32, 5, 3
    [drawn] = on_device.run_lines("font_draw", name, *(str(number) for number in (width, height, x, y)), text)
    font = source(name)
    glyphs = {chr(glyph.code): glyph for glyph in font.glyphs}
    rows = [0] * height
    for letter in text:
        glyph = glyphs[letter]
        for number, row in enumerate(glyph.rows):
            shift = width - x - glyph.width
            rows[y + number] |= row << shift if shift >= 0 else row >> -shift
        x += glyph.advance
    assert drawn["pixels"] == b"".join(row.to_bytes(width // 8, "big") for row in rows).hex()
    assert drawn["end"] == x == 5 + drawn["width"]
    assert drawn["allocated"] == 0


def test_a_glyph_that_leaves_its_cell_is_refused_by_name() -> None:
    text = (
        "STARTFONT 2.1\nFONT_ASCENT 4\nFONT_DESCENT 0\nSTARTCHAR tall\nENCODING 65\nDWIDTH 3 0\nBBX 2 5 0 0\n"
        "BITMAP\nC0\nC0\nC0\nC0\nC0\nENDCHAR\nENDFONT\n"
    )
    with pytest.raises(BrokenFont, match="tall leaves the cell"):
        read_bdf(text)


def test_a_character_that_stands_twice_is_refused_by_number() -> None:
    glyph = "STARTCHAR a\nENCODING 65\nDWIDTH 3 0\nBBX 2 1 0 0\nBITMAP\nC0\nENDCHAR\n"
    with pytest.raises(BrokenFont, match=r"U\+0041 stands twice"):
        read_bdf("STARTFONT 2.1\nFONT_ASCENT 4\nFONT_DESCENT 0\n" + glyph + glyph + "ENDFONT\n")

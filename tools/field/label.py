"""The label of a node: its name and place in words, its identity as text and as a QR code; PNG and PDF.

Never carries a key: whoever reads a label learns what the registry's list shows anyway.
Specification: ISO/IEC 18004 (QR); README.md beside this file. The letters are the display fonts, which hold Cyrillic.
"""

import io
import json
from functools import cache
from pathlib import Path

import segno
from PIL import Image, ImageDraw

from protocols.wire import topics
from protocols.wire.errors import MalformedFrame
from tools.errors import DONE, UsageError
from tools.font import FONTS, Font, read_bdf
from tools.texts import say

SIZE_MM = (62, 29)  # of the tape that label printers take
DPI = 300
WIDTH, HEIGHT = [round(mm * DPI / 25.4) for mm in SIZE_MM]
MARGIN = 16
QR_ERROR = "M"
TITLE, TEXT = ("sign-24-bold.bdf", 2), ("sign-16.bdf", 2)  # font, how often each of its pixels stands beside itself


def draw(node: str, name: str, kind: str, place: str) -> Image.Image:
    """Black on white."""
    label = Image.new("1", (WIDTH, HEIGHT), 1)
    code = segno.make(f"VUZOL:{node.upper()}", error=QR_ERROR, micro=False)
    scale = HEIGHT // int(code.symbol_size()[0])
    drawn = io.BytesIO()
    code.save(drawn, kind="png", scale=scale)  # with its quiet zone of four modules
    picture = Image.open(drawn).convert("1")
    side = picture.width
    label.paste(picture, (0, (HEIGHT - side) // 2))
    left, y = side, MARGIN
    groups = " ".join(node[at : at + 4] for at in range(0, len(node), 4))
    for text, (font, times) in ((name, TITLE), (place, TEXT), (kind, TEXT), (groups, TEXT)):
        for line in _lines(text, font, times, WIDTH - left - MARGIN):
            y += _write(label, (left, y), line, font, times)
    return label


def write(label: Image.Image, stem: Path) -> tuple[Path, Path]:
    """As PNG and as PDF of the tape's size. Raises UsageError."""
    stem = stem.with_suffix("") if stem.suffix in (".png", ".pdf") else stem
    png, pdf = (stem.with_name(stem.name + suffix) for suffix in (".png", ".pdf"))
    try:
        label.save(png, dpi=(DPI, DPI))
        label.save(pdf, resolution=DPI)
    except OSError as error:
        raise UsageError("fault_unwritable", file=error.filename or stem, why=error.strerror) from None
    return png, pdf


def run(node: str, name: str, kind: str, place: str, stem: Path, *, as_json: bool, language: str) -> int:
    """Raises UsageError."""
    try:
        topics.node_id(node)
    except MalformedFrame:
        raise UsageError("fault_no_node", node=node) from None
    png, pdf = write(draw(node, name, kind, place), stem)
    print(json.dumps({"png": str(png), "pdf": str(pdf)}) if as_json else say(language, "label_done", png=png, pdf=pdf))
    return DONE


@cache
def _font(name: str) -> Font:
    return read_bdf((FONTS / "bdf" / name).read_text(encoding="utf-8"))


def _width(text: str, font: str, times: int) -> int:
    advances = {glyph.code: glyph.advance for glyph in _font(font).glyphs}
    return times * sum(advances.get(ord(sign), advances[ord("?")]) for sign in text)


def _lines(text: str, font: str, times: int, width: int) -> list[str]:
    """Broken between words; a word that is too long is broken too. At most two lines."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _width(longer, font, times) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    while any(_width(line, font, times) > width for line in lines):
        lines = [line if _width(line, font, times) <= width else line[:-2] + "…" for line in lines]
    return [line for line in lines[:2] if line]


def _write(label: Image.Image, at: tuple[int, int], text: str, font: str, times: int) -> int:
    """Draw one line; how high it is."""
    letters = _font(font)
    glyphs = {glyph.code: glyph for glyph in letters.glyphs}
    pen, (x, y) = ImageDraw.Draw(label), at
    for sign in text:
        glyph = glyphs.get(ord(sign)) or glyphs[ord("?")]
        for down, row in enumerate(glyph.rows):
            for along in range(glyph.width):
                if row >> (glyph.width - 1 - along) & 1:
                    left, top = x + along * times, y + down * times
                    pen.rectangle((left, top, left + times - 1, top + times - 1), fill=0)
        x += glyph.advance * times
    return letters.height * times

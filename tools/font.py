"""The font compiler: BDF sources in, the small binary fonts that displays read out.

It never draws and never runs on a device; firmware/drivers/font.py reads what it writes.
Spec: Glyph Bitmap Distribution Format 2.2 (Adobe 5005); the binary layout stands below.

    header      "VF" | version u8 | height u8 | ascent u8 | ranges u8 | glyphs u16
    ranges      first code point u32 | glyphs u16 | bytes a row u8      (most glyphs first)
    advances    one u8 a glyph, in the order of the ranges
    bitmaps     height rows a glyph, most significant bit left, in the same order
"""

import argparse
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

FONTS = Path(__file__).resolve().parent.parent / "firmware" / "fonts"
MAGIC = b"VF"
VERSION = 1
HEADER = struct.Struct(">2sBBBBH")
RANGE = struct.Struct(">IHB")


class BrokenFont(Exception):
    """A BDF file that cannot become a display font; the message names file and reason."""


@dataclass(frozen=True)
class Glyph:
    """One character: its advance in pixels, and `height` rows of pixels, each an integer of `width` bits."""

    code: int
    advance: int
    width: int
    rows: tuple[int, ...]

    @property
    def bytes_a_row(self) -> int:
        return max(1, (self.width + 7) // 8)


@dataclass(frozen=True)
class Font:
    height: int
    ascent: int
    glyphs: tuple[Glyph, ...]


def read_bdf(text: str) -> Font:
    """A BDF font whose glyphs stay within FONT_ASCENT and FONT_DESCENT. Raises BrokenFont."""
    lines = iter(text.splitlines())
    properties: dict[str, str] = {}
    glyphs: list[Glyph] = []
    for line in lines:
        keyword, _, rest = line.partition(" ")
        if keyword == "STARTCHAR":
            ascent, descent = (int(properties[name]) for name in ("FONT_ASCENT", "FONT_DESCENT"))
            glyphs.append(_read_glyph(rest, lines, ascent, ascent + descent))
        else:
            properties[keyword] = rest
    if not glyphs:
        raise BrokenFont("no glyphs")
    glyphs.sort(key=lambda glyph: glyph.code)
    for before, after in pairwise(glyphs):
        if before.code == after.code:
            raise BrokenFont(f"U+{after.code:04X} stands twice")
    return Font(ascent + descent, ascent, tuple(glyphs))


def _read_glyph(name: str, lines: Iterator[str], ascent: int, height: int) -> Glyph:
    fields: dict[str, list[int]] = {}
    for line in lines:
        keyword, *values = line.split()
        if keyword == "BITMAP":
            break
        fields[keyword] = [int(value) for value in values]
    ink_width, ink_height, left, below = fields["BBX"]
    top = ascent - below - ink_height
    if left < 0 or top < 0 or top + ink_height > height:
        raise BrokenFont(f"{name} leaves the cell: draw it within ascent and descent, with no negative left bearing")
    rows = [0] * height
    for row, line in enumerate(lines):
        if line == "ENDCHAR":
            break
        rows[top + row] = int(line, 16) >> (4 * len(line) - ink_width)
    return Glyph(fields["ENCODING"][0], fields["DWIDTH"][0], left + ink_width, tuple(rows))


def compile_font(font: Font) -> bytes:
    runs: list[list[Glyph]] = []
    for glyph in font.glyphs:
        if runs and glyph.code == runs[-1][-1].code + 1 and glyph.bytes_a_row == runs[-1][-1].bytes_a_row:
            runs[-1].append(glyph)
        else:
            runs.append([glyph])
    # the device searches from the front: long alphabets first, single signs last
    runs.sort(key=lambda run: (-len(run), run[0].code))
    ordered = [glyph for run in runs for glyph in run]
    parts = [HEADER.pack(MAGIC, VERSION, font.height, font.ascent, len(runs), len(ordered))]
    parts += [RANGE.pack(run[0].code, len(run), run[0].bytes_a_row) for run in runs]
    parts.append(bytes(glyph.advance for glyph in ordered))
    for glyph in ordered:
        shift = 8 * glyph.bytes_a_row - glyph.width
        parts += [(row << shift).to_bytes(glyph.bytes_a_row, "big") for row in glyph.rows]
    return b"".join(parts)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.font", description="Compile the BDF fonts of the displays.")
    parser.add_argument("--check", action="store_true", help="only say whether the compiled fonts match their sources")
    check = parser.parse_args(arguments).check
    sources = sorted((FONTS / "bdf").glob("*.bdf"))
    if not sources:
        print(f"no fonts: put BDF files into {FONTS / 'bdf'}", file=sys.stderr)
        return 2
    stale = []
    for source in sources:
        target = FONTS / f"{source.stem}.bin"
        try:
            compiled = compile_font(read_bdf(source.read_text(encoding="ascii")))
        except (BrokenFont, KeyError, ValueError) as error:
            print(f"{source.name}: {error}", file=sys.stderr)
            return 2
        if check:
            if not target.exists() or target.read_bytes() != compiled:
                stale.append(target.name)
        else:
            target.write_bytes(compiled)
            print(f"{target.name}: {len(compiled)} bytes")
    if stale:
        print(f"not what the sources say: {', '.join(stale)}; run python -m tools.font", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())

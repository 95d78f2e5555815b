"""A compiled bitmap font: text drawn into a framebuf, glyphs read from the file as they are needed.

It must never know what a panel is, nor what texts mean.
Spec: the file format stands in tools/font.py; firmware/fonts/README.md lists the glyphs.
"""

import struct
from array import array

import framebuf

MAGIC = b"VF"
VERSION = 1
HEADER = ">2sBBBBH"
HEADER_SIZE = 8
RANGE = ">IHB"
RANGE_SIZE = 7
FAR_RIGHT = 0x7FFF


class BadFont(Exception):
    """The file is no compiled font of this version."""


class Font:
    """Only the ranges and the advances stay in RAM; bitmaps stay in the file."""

    def __init__(self, path: str):
        self._path = path
        self._stream = None
        self._firsts = array("I")
        self._counts = array("H")
        self._strides = b""
        self._advances = b""
        self._bitmaps = 0
        self._cells = {}
        self._advance = 0
        self._stride = 0
        self._offset = 0
        self.height = 0
        self.ascent = 0

    def open(self):
        """Raises OSError (no such file) or BadFont."""
        self.close()
        stream = open(self._path, "rb")  # noqa: SIM115 - stays open, for drawing reads from it
        self._stream = stream
        header = stream.read(HEADER_SIZE)
        if len(header) != HEADER_SIZE:
            raise BadFont("short")
        magic, version, self.height, self.ascent, range_count, glyph_count = struct.unpack(HEADER, header)
        if magic != MAGIC or version != VERSION:
            raise BadFont("not a font of version 1")
        table = stream.read(range_count * RANGE_SIZE)
        self._advances = stream.read(glyph_count)
        if len(table) != range_count * RANGE_SIZE or len(self._advances) != glyph_count:
            raise BadFont("short")
        self._bitmaps = HEADER_SIZE + len(table) + glyph_count
        self._firsts = array("I", bytes(4 * range_count))
        self._counts = array("H", bytes(2 * range_count))
        self._strides = bytearray(range_count)
        for number in range(range_count):
            first, count, stride = struct.unpack_from(RANGE, table, number * RANGE_SIZE)
            self._firsts[number] = first
            self._counts[number] = count
            self._strides[number] = stride
            if stride not in self._cells:
                rows = bytearray(stride * self.height)
                self._cells[stride] = (rows, framebuf.FrameBuffer(rows, stride * 8, self.height, framebuf.MONO_HLSB))

    def close(self):
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def width(self, text: str) -> int:
        """Pixels that `draw` would move on by."""
        pixels = 0
        for char in text:
            self._find(ord(char))
            pixels += self._advance
        return pixels

    def fit(self, text: str, pixels: int) -> int:
        """How many characters of the text, from its beginning, stay within so many pixels."""
        count = 0
        for char in text:
            self._find(ord(char))
            pixels -= self._advance
            if pixels < 0:
                break
            count += 1
        return count

    def draw(self, canvas, text: str, x: int, y: int, right: int = FAR_RIGHT) -> int:
        """Sets the pixels of the text, whose cell's top left corner is (x, y), in a framebuf; returns the next x.

        Glyphs that begin at or beyond `right`, or end left of 0, are not even read: a text that scrolls stays cheap.
        Raises BadFont if the font is not open.
        """
        stream = self._stream
        if stream is None:
            raise BadFont("not open")
        for char in text:
            if x >= right:
                break
            known = self._find(ord(char))
            if x + self._advance > 0:
                if known:
                    rows, glyph = self._cells[self._stride]
                    stream.seek(self._offset)
                    stream.readinto(rows)
                    canvas.blit(glyph, x, y, 0)
                else:
                    canvas.rect(x, y, self._advance - 1, self.ascent, 1)
            x += self._advance
        return x

    def _find(self, code):
        """Whether the font has the character; where its bitmap lies stays in attributes: a tuple would cost heap."""
        index = 0
        offset = self._bitmaps
        for number in range(len(self._counts)):
            place = code - self._firsts[number]
            count = self._counts[number]
            stride = self._strides[number]
            size = stride * self.height
            if 0 <= place < count:
                self._advance = self._advances[index + place]
                self._offset = offset + place * size
                self._stride = stride
                return True
            index += count
            offset += count * size
        self._advance = self.height // 2
        return False

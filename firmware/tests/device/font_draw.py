"""Draws a text in a font on an empty canvas and prints the canvas and what the font says of the text.

It must never judge: firmware/tests/test_driver_font.py draws the same from the BDF source.
Spec: firmware/drivers/font.py. Arguments: font, width, height, x, y, text.
"""

import gc
import json
import sys

import framebuf

from firmware import fonts
from firmware.drivers.font import Font

REPEATS = 20


def main(name, width, height, x, y, text):
    font = Font(fonts.path(name))
    font.open()
    pixels = bytearray(width // 8 * height)
    canvas = framebuf.FrameBuffer(pixels, width, height, framebuf.MONO_HLSB)
    end = font.draw(canvas, text, x, y)
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(REPEATS):
        font.draw(canvas, text, x, y)
    allocated = gc.mem_alloc() - before
    fits = font.fit(text, width)
    print(
        json.dumps(
            {"pixels": pixels.hex(), "end": end, "width": font.width(text), "fits": fits, "allocated": allocated}
        )
    )


main(sys.argv[1], *[int(word) for word in sys.argv[2:6]], sys.argv[6])

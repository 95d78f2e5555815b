"""A display's picture as an image, and whether the display's own record proves it.

Never knows a page or a language; pure functions of the bits that the panel reported.
Specification: protocols/README.md, "Picture" and shown_on_glass; PNG (ISO/IEC 15948) clauses 11.2 and 11.3.2.1.
"""

from __future__ import annotations

import base64
import struct
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controller.services.live import DisplayView

AMBER = bytes((0xFF, 0xB0, 0x1A))  # what a 590 nm LED looks like on a screen
BLACK = bytes((0, 0, 0))
KEPT_IMAGES = 512

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ONE_BIT, _PALETTE = 1, 3


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@lru_cache(maxsize=KEPT_IMAGES)
def picture_url(width: int, height: int, bits: bytes) -> str:
    """A data URL of the picture, one image pixel a lamp: amber where lit, see-through where dark.

    The bits already are the rows of a one-bit PNG, so nothing is converted. The page scales it up and shapes the lamps.
    """
    stride = (width + 7) // 8
    rows = b"".join(b"\0" + bits[top : top + stride] for top in range(0, stride * height, stride))
    png = (
        _SIGNATURE
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, _ONE_BIT, _PALETTE, 0, 0, 0))
        + _chunk(b"PLTE", BLACK + AMBER)
        + _chunk(b"tRNS", b"\0")
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def proof(display: DisplayView) -> str:
    """Picture against record: `proven`, `newer`, `unproven` (no record yet) or `absent` (no picture).

    `newer`: another picture than the record's. A display counts minutes down by itself and records what it was ordered
    to show, so for a while this is right; an alarm says when it has lasted too long.
    """
    if display.bits is None:
        return "absent"
    if display.picture_crc is None:
        return "unproven"
    return "proven" if zlib.crc32(display.bits) == display.picture_crc else "newer"

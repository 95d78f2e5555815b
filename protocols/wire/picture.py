"""The picture on a display's glass, for people who look from afar.

    width u16 | height u16 | bits: rows from the top, each padded to whole bytes, leftmost pixel in the highest bit

Never journalled: the record shown_on_glass carries its CRC-32 and is the proof.
Specification: protocols/README.md, "Picture".
"""

import struct
from collections import namedtuple

from protocols.wire.envelope import PICTURE, seal
from protocols.wire.errors import EncodeError, MalformedFrame

_HEADER = ">HH"
_HEADER_SIZE = 4

Picture = namedtuple("Picture", ("width", "height", "bits"))


def _bits_size(width: int, height: int) -> int:
    return (width + 7) // 8 * height


def build(key: bytes, node: bytes, boot_id: int, picture: Picture) -> bytes:
    """Seal a Picture of at most 384 x 64 pixels or the same area."""
    if len(picture.bits) != _bits_size(picture.width, picture.height):
        raise EncodeError(f"{len(picture.bits)} bytes of bits")
    header = struct.pack(_HEADER, picture.width, picture.height)
    return seal(key, PICTURE, node, boot_id, header + picture.bits)


def parse(payload: bytes) -> Picture:
    """Read a Picture. Raises MalformedFrame."""
    if len(payload) < _HEADER_SIZE:
        raise MalformedFrame("malformed", "picture cut short")
    width, height = struct.unpack_from(_HEADER, payload)
    bits = bytes(payload[_HEADER_SIZE:])
    if not bits or len(bits) != _bits_size(width, height):
        raise MalformedFrame("malformed", "picture size")
    return Picture(width, height, bits)

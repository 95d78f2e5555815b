"""A release's manifest: what a set of modules and assets is for, and the pieces that its image is made of.

    magic "VZR1" | board 16 | kinds u32, a bit each | counter u32 | image u16 | firmware 3 | size u32 | SHA-256 32 |
    text 24 | count u16 | pieces ...            a piece: size u16 | deflated size u16 | SHA-256, its first 16 bytes

Never knows what an image holds. A piece that deflating makes no smaller is left as it is: both its sizes are equal.
Specification: protocols/WIRE.md, "Firmware".
"""

import struct
from collections import namedtuple

from protocols.wire.errors import MalformedFrame

MAGIC = b"VZR1"
IMAGE = 1  # raised when sets need something of a board's image that the images before have not
_HEAD = ">4s16sIIH3sI32s24sH"
HEAD_SIZE = 95
_PIECE = ">HH16s"
PIECE_SIZE = 20
MAX_PIECES = 800
MAX_RAW = 4096  # bytes of a piece, inflated
MAX_STORED = 1024  # and as it travels: one chunk
WINDOW_BITS = 10  # of the deflated stream: what inflates it needs 1 KiB
DIGEST_SIZE = 16

# `counter` is the document's version; `image` the least version of a board's own image; `kinds` has bit n for kind n
Manifest = namedtuple(
    "Manifest", ("board", "kinds", "counter", "image", "firmware", "size", "sha256", "text", "pieces")
)
Piece = namedtuple("Piece", ("size", "stored", "digest"))


def build(manifest: Manifest, pieces: list[Piece]) -> bytes:
    """The manifest's bytes; `pieces` are as many as it says."""
    head = struct.pack(
        _HEAD,
        MAGIC,
        manifest.board.encode(),
        manifest.kinds,
        manifest.counter,
        manifest.image,
        bytes(manifest.firmware),
        manifest.size,
        manifest.sha256,
        manifest.text.encode(),
        manifest.pieces,
    )
    return head + b"".join([struct.pack(_PIECE, *piece) for piece in pieces])


def parse(data: bytes) -> Manifest:
    """Its head. Raises MalformedFrame."""
    if len(data) < HEAD_SIZE:
        raise MalformedFrame("malformed", "manifest")
    magic, board, kinds, counter, image, firmware, size, sha256, text, count = struct.unpack_from(_HEAD, data)
    if magic != MAGIC or counter == 0 or size == 0 or not 1 <= count <= MAX_PIECES:
        raise MalformedFrame("malformed", "manifest")
    try:
        names = [part.rstrip(b"\0").decode() for part in (board, text)]
    except UnicodeError:
        raise MalformedFrame("malformed", "manifest") from None
    return Manifest(names[0], kinds, counter, image, tuple(firmware), size, sha256, names[1], count)


def length(manifest: Manifest) -> int:
    """How long the manifest is, in bytes."""
    return HEAD_SIZE + PIECE_SIZE * int(manifest.pieces)


def place(number: int) -> int:
    """Where piece `number` is described in the manifest."""
    return HEAD_SIZE + PIECE_SIZE * number


def parse_piece(data: bytes, offset: int = 0) -> Piece:
    """Raises MalformedFrame."""
    piece = Piece(*struct.unpack_from(_PIECE, data, offset))
    if not 1 <= piece.stored <= piece.size <= MAX_RAW or piece.stored > MAX_STORED:
        raise MalformedFrame("malformed", "piece")
    return piece

"""The M-Bus link layer: three shapes of frame, their lengths and checksums.

    E5                                      acknowledgement
    10 | C | A | checksum | 16              short
    68 | L | L | 68 | C | A | CI | data … | checksum | 16       long; L counts C to the last data byte

Never knows what the data means, nor how long an answer may take. Specification: EN 13757-2, section 5.
"""

from collections import namedtuple

from protocols.wire.errors import EncodeError, MalformedFrame

ACK = 0xE5
START_SHORT = 0x10
START_LONG = 0x68
STOP = 0x16

SND_NKE = 0x40  # C fields, EN 13757-2 table 1
SND_UD = 0x53
REQ_UD2 = 0x5B
RSP_UD = 0x08
FCB = 0x20  # frame count bit of a request
MASTER = 0x40  # who speaks

SECONDARY = 0xFD  # whoever is selected
ANYBODY = 0xFE  # whoever is there answers: collides with more than one
EVERYBODY = 0xFF  # nobody answers

SHORT_SIZE = 5
LONG_AROUND = 6  # bytes of a long frame that L does not count
MIN_LENGTH = 3
MAX_SIZE = 255 + LONG_AROUND

Frame = namedtuple("Frame", ("control", "address", "ci", "data"))  # ci None: a short frame; data: a view, no copy


def size(head: bytes | bytearray | memoryview, have: int) -> int:
    """The size of the frame that begins with the first `have` bytes of `head`; 0: one cannot say yet.

    Raises MalformedFrame as soon as no frame begins so.
    """
    if not have:
        return 0
    if head[0] == ACK:
        return 1
    if head[0] == START_SHORT:
        return SHORT_SIZE
    if head[0] != START_LONG:
        raise MalformedFrame("malformed", f"no frame begins with {head[0]:02X}")
    if have < 4:
        return 0
    if head[1] != head[2] or head[3] != START_LONG or head[1] < MIN_LENGTH:
        raise MalformedFrame("malformed", f"length {head[1]} and {head[2]}: at least {MIN_LENGTH}, twice the same")
    return head[1] + LONG_AROUND


def parse(data: bytes | bytearray | memoryview) -> Frame | None:
    """The one frame that `data` is; None for an acknowledgement. Raises MalformedFrame."""
    view = memoryview(data)
    wanted = size(view, len(view))
    if not wanted or len(view) < wanted:
        raise MalformedFrame("malformed", f"cut short: {len(view)} of {wanted or 'at least 4'} bytes")
    if len(view) > wanted:
        raise MalformedFrame("malformed", f"{len(view) - wanted} bytes behind the frame")
    if wanted == 1:
        return None
    body = view[1:-2] if wanted == SHORT_SIZE else view[4:-2]
    if view[-1] != STOP:
        raise MalformedFrame("malformed", f"ends with {view[-1]:02X}, not with {STOP:02X}")
    if view[-2] != sum(body) & 0xFF:
        raise MalformedFrame("malformed", f"wrong checksum: {view[-2]:02X}, the bytes give {sum(body) & 0xFF:02X}")
    if wanted == SHORT_SIZE:
        return Frame(body[0], body[1], None, body[2:])
    return Frame(body[0], body[1], body[2], body[3:])


def build_short(control: int, address: int) -> bytes:
    """A short frame: SND_NKE or REQ_UD2."""
    return bytes((START_SHORT, control, address, (control + address) & 0xFF, STOP))


def build_long(control: int, address: int, ci: int, data: bytes = b"") -> bytes:
    """A long frame. Raises EncodeError for more data than a frame holds."""
    length = MIN_LENGTH + len(data)
    if length > 255:
        raise EncodeError(f"{len(data)} bytes of data in one frame")
    body = bytes((control, address, ci)) + data
    return bytes((START_LONG, length, length, START_LONG)) + body + bytes((sum(body) & 0xFF, STOP))

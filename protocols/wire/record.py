"""A record: what a node journals and sends, in one and the same form.

    kind u8 | version u8 | body length u8 | clock quality u8 | seq u64 | time s u32 | time ms u16 | body

Never knows what a body means: unknown kinds pass through (G8).
Specification: protocols/README.md, "Record".
"""

import struct
from collections import namedtuple

from protocols.wire.errors import EncodeError, MalformedFrame

_HEADER = ">BBBBQIH"
HEADER_SIZE = 18
MAX_BODY = 232
MAX_KIND = 0x7F  # above: commands; 0xFE and 0xFF mean something else in a journal

CLOCK_UNSET = 0  # the time is the uptime
CLOCK_HELD = 1  # kept by the node's own oscillator since it was last set
CLOCK_RECEIPT = 2  # set from the controller's receipts
CLOCK_GNSS = 3

Record = namedtuple("Record", ("kind", "version", "clock_quality", "seq", "time_s", "time_ms", "body"))


def build(kind: int, version: int, clock_quality: int, seq: int, time_ms: int, body: bytes) -> bytes:
    """Build a record. `time_ms` is Unix time in milliseconds (or uptime while CLOCK_UNSET)."""
    if not 1 <= kind <= MAX_KIND:
        raise EncodeError(f"record kind {kind}")
    if len(body) > MAX_BODY:
        raise EncodeError(f"body of {len(body)} bytes")
    if not 0 <= version <= 255 or not 0 <= clock_quality <= 255:
        raise EncodeError("version or clock quality out of range")
    if not 1 <= seq <= 0xFFFFFFFFFFFFFFFF:
        raise EncodeError("sequence number out of range")
    if not 0 <= time_ms // 1000 <= 0xFFFFFFFF:
        raise EncodeError("time out of range")
    header = struct.pack(
        _HEADER,
        kind,
        version,
        len(body),
        clock_quality,
        seq,
        time_ms // 1000,
        time_ms % 1000,
    )
    return header + body


def parse(data: bytes, offset: int = 0) -> tuple[Record, int]:
    """Read the record at `offset`; returns (Record, offset behind it). Raises MalformedFrame."""
    if len(data) - offset < HEADER_SIZE:
        raise MalformedFrame("malformed", "record header cut short")
    kind, version, size, quality, seq, time_s, time_ms = struct.unpack_from(_HEADER, data, offset)
    end = offset + HEADER_SIZE + size
    if end > len(data) or size > MAX_BODY:
        raise MalformedFrame("malformed", "record body cut short")
    if not 1 <= kind <= MAX_KIND or seq == 0 or time_ms > 999:
        raise MalformedFrame("malformed", "record header")
    return Record(
        kind,
        version,
        quality,
        seq,
        time_s,
        time_ms,
        bytes(data[offset + HEADER_SIZE : end]),
    ), end

"""A receipt: what the controller's database holds for good (G3).

    up to u64 | server time s u32 | ms u16 | count u8 | count x (first u64, last u64)

Every sequence number up to `up_to` is stored or declared a gap, except the listed missing ranges.
A controller with more ranges than fit names a smaller `up_to`, so the sentence above stays true.
Specification: protocols/README.md, "Receipt".
"""

import struct
from collections import namedtuple

from protocols.wire.envelope import RECEIPT, seal
from protocols.wire.errors import EncodeError, MalformedFrame

_HEADER = ">QIHB"
_HEADER_SIZE = 15
_RANGE_SIZE = 16
MAX_RANGES = 16

Receipt = namedtuple("Receipt", ("up_to", "time_ms", "missing"))


def build(key: bytes, node: bytes, boot_id: int, up_to: int, time_ms: int, missing: list[tuple[int, int]]) -> bytes:
    """Seal a receipt. `missing` is a sorted list of (first, last), at most MAX_RANGES."""
    if len(missing) > MAX_RANGES:
        raise EncodeError(f"{len(missing)} missing ranges")
    payload = struct.pack(_HEADER, up_to, time_ms // 1000, time_ms % 1000, len(missing))
    for first, last in missing:
        payload += struct.pack(">QQ", first, last)
    return seal(key, RECEIPT, node, boot_id, payload)


def parse(payload: bytes) -> Receipt:
    """Read a receipt; `time_ms` is Unix time. Raises MalformedFrame."""
    if len(payload) < _HEADER_SIZE:
        raise MalformedFrame("malformed", "receipt cut short")
    up_to, time_s, time_ms, count = struct.unpack_from(_HEADER, payload)
    if len(payload) != _HEADER_SIZE + count * _RANGE_SIZE or count > MAX_RANGES or time_ms > 999:
        raise MalformedFrame("malformed", "receipt")
    missing = []
    below = 0
    for i in range(count):
        first, last = struct.unpack_from(">QQ", payload, _HEADER_SIZE + i * _RANGE_SIZE)
        if not below < first <= last <= up_to:
            raise MalformedFrame("malformed", "missing ranges out of order")
        missing.append((first, last))
        below = last
    return Receipt(up_to, time_s * 1000 + time_ms, missing)

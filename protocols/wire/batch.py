"""A batch: records on their way up, as the payload of one envelope.

    count u16 | records ...

Never knows which of its records were sent before.
Specification: protocols/README.md, "Batch".
"""

import struct

from protocols.wire import record
from protocols.wire.envelope import BATCH, HEADER_SIZE, MAX_SIZE, seal
from protocols.wire.errors import MalformedFrame
from protocols.wire.mac import MAC_SIZE

_COUNT_SIZE = 2
MAX_RECORDS_SIZE = MAX_SIZE - HEADER_SIZE - MAC_SIZE - _COUNT_SIZE


def build(key: bytes, node: bytes, boot_id: int, records: list[bytes]) -> bytes:
    """Seal `records` (a list of records in wire form) into one envelope."""
    return seal(key, BATCH, node, boot_id, struct.pack(">H", len(records)), *records)


def parse(payload: bytes) -> list[record.Record]:
    """The payload's records. Raises MalformedFrame: a batch is taken whole or not at all."""
    if len(payload) < _COUNT_SIZE:
        raise MalformedFrame("malformed", "batch without a count")
    (count,) = struct.unpack_from(">H", payload)
    records = []
    offset = _COUNT_SIZE
    for _ in range(count):
        one, offset = record.parse(payload, offset)
        records.append(one)
    if offset != len(payload):
        raise MalformedFrame("malformed", "bytes behind the last record")
    return records

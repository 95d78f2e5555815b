"""A drain file: a journal as it was read out of a node that no longer boots its application.

    {"vuzol_drain": 1, "node": "16 hex digits", "bytes": size, "source": "where it was read"} \\n
    the journal's partition, as far as it has been read: whole sectors, from the first on

Performs no I/O and believes nothing but each entry's CRC: flash holds no MAC. Host only.
Specification: tools/README.md, "Dead nodes"; wire/journal_format.py for what is in the partition.
"""

import json
from dataclasses import dataclass

from protocols.wire import journal_format, record, topics
from protocols.wire.errors import MalformedFrame
from protocols.wire.record import Record

VERSION = 1
MAX_SEQ = (1 << 63) - 1  # what a database's integer holds; a counter never gets there
MAX_HEADER = 1024
MAX_PARTITION = 16 << 20


class DrainError(Exception):
    """No drain file, or not a whole one; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Drain:
    """`image` may be the beginning of the partition only: then reading can go on."""

    node: bytes
    size: int
    source: str
    image: bytes

    @property
    def whole(self) -> bool:
        """True when the last sector is there."""
        return len(self.image) == self.size


@dataclass(frozen=True, slots=True)
class Contents:
    """What a journal still holds: (record, wire form) by number, and what could not be read."""

    records: list[tuple[Record, bytes]]
    receipted: int
    damaged: int


def build_header(node: bytes, size: int, source: str) -> bytes:
    """The first line."""
    told = {"vuzol_drain": VERSION, "node": topics.node_name(node), "bytes": size, "source": source[:200]}
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"


def parse(data: bytes) -> Drain:
    """The file, whole or not. Raises DrainError."""
    line, newline, image = data[: MAX_HEADER + 1].partition(b"\n")
    try:
        told = json.loads(line)
        version, node, size, source = told["vuzol_drain"], topics.node_id(told["node"]), told["bytes"], told["source"]
        source.encode()  # JSON can hold what no text is: half a surrogate pair
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MalformedFrame):
        newline = b""
    if not newline or type(version) is not int or type(size) is not int or not isinstance(source, str):
        raise DrainError("this is no drain file: make one with vuzol drain")
    if version != VERSION:
        raise DrainError(f"this drain file is of version {version}: update Vuzol")
    image = data[len(line) + 1 :]
    if not 0 < size <= MAX_PARTITION or size % journal_format.SECTOR_SIZE or len(image) > size:
        raise DrainError("the drain file's size and its first line contradict each other: read the node again")
    return Drain(node, size, source, image)


def contents(image: bytes) -> Contents:
    """The records in a journal's whole sectors; whatever no record can be made of is counted in `damaged`."""
    found = journal_format.read_image(image[: len(image) - len(image) % journal_format.SECTOR_SIZE])
    records = []
    damaged = found.bad_entries
    for data in found.records:
        try:
            one, _ = record.parse(data)
        except MalformedFrame:
            one = None
        if one is None or one.seq > MAX_SEQ:
            damaged += 1
        else:
            records.append((one, bytes(data)))
    return Contents(records, found.receipted, damaged)

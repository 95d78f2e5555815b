"""The mailbox: how envelopes travel through a Modbus node's files and registers; what both sides of it share.

Never opens an envelope and never knows the line. Specification: protocols/README.md, "Modbus".

    status   0xF000  version | up number, length | down number, have, length | boot id u32         8 registers
    up       0x14    file = transfer number: length u16 | envelope | zeros                       at most 121 words
    down     0x10    0xF100: number | length | offset in bytes | data ...                        at most 123 words
             0x15    file = transfer number: length u16 | envelope                               at most 122 words
"""

import struct
from collections import namedtuple

from protocols.wire.errors import MalformedFrame

VERSION = 1
REFERENCE_TYPE = 6  # the only one that files have

STATUS_ADDRESS = 0xF000
STATUS_WORDS = 8
_STATUS = ">6HI"

DOWN_ADDRESS = 0xF100
_DOWN = ">3H"
DOWN_HEADER_SIZE = 6
MAX_DOWN_DATA = 240  # bytes of envelope in one 0x10: 123 words are the most, three of them the header

FIRST_NUMBER = 1
LAST_NUMBER = 0xFEFF
WILL_FILE = 0xFF01  # the node's STATE offline envelope
ONLINE_FILE = 0xFF02  # its STATE online envelope

MAX_READ_WORDS = 121  # of one 0x14: 2 + 242 of 245 bytes
LENGTH_SIZE = 2

SILENCE_MS = 30_000  # a node that was not polled for so long begins its session anew

Status = namedtuple(
    "Status", ("version", "up_number", "up_length", "down_number", "down_have", "down_length", "boot_id")
)
Chunk = namedtuple("Chunk", ("number", "length", "offset", "data"))


def next_number(number: int) -> int:
    """The transfer number that follows; from 0 (none yet) the first."""
    return number + 1 if number < LAST_NUMBER else FIRST_NUMBER


def pack_status(status: Status) -> bytes:
    """The status block as it lies in its registers."""
    return struct.pack(_STATUS, *status)


def unpack_status(data: bytes) -> Status:
    """The status block from its registers. Raises MalformedFrame."""
    if len(data) != 2 * STATUS_WORDS:
        raise MalformedFrame("malformed", "mailbox status")
    status = Status(*struct.unpack(_STATUS, data))
    if status.version != VERSION:
        raise MalformedFrame("unknown_version", str(status.version))
    return status


def file_words(length: int) -> int:
    """How many words the file of an envelope of `length` bytes has."""
    return (LENGTH_SIZE + length + 1) // 2


def pack_down(envelope: bytes, number: int, offset: int) -> bytes:
    """What one 0x10 to DOWN_ADDRESS carries of an envelope from `offset` on; the offset is even."""
    data = envelope[offset : offset + MAX_DOWN_DATA]
    return struct.pack(_DOWN, number, len(envelope), offset) + data + bytes(len(data) % 2)


def unpack_down(data: bytes) -> Chunk:
    """The chunk in the registers written to DOWN_ADDRESS, without its padding. Raises MalformedFrame."""
    if len(data) <= DOWN_HEADER_SIZE:
        raise MalformedFrame("malformed", "mailbox chunk")
    number, length, offset = struct.unpack(_DOWN, data[:DOWN_HEADER_SIZE])
    body = data[DOWN_HEADER_SIZE:]
    if offset + len(body) > length + 1:
        raise MalformedFrame("malformed", "mailbox chunk")
    return Chunk(number, length, offset, body[: length - offset])

"""Modbus RTU frames: unit, PDU, CRC-16; how long a frame is, how long the silence around it.

    unit u8 | function u8 | data ... | CRC-16, low byte first

Never knows what a PDU means. Specification: Modbus over serial line V1.02, section 2.5.1; Modbus Application Protocol
V1.1b3, section 6 (lengths). A MicroPython node cannot police t1.5 inside a frame: length, CRC and idle line are enough.
"""

import struct
from array import array

from protocols.wire.errors import MalformedFrame
from protocols.wire.modbus_pdu import EXCEPTION

MAX_FRAME = 256
MIN_FRAME = 4
HEAD_SIZE = 11  # of a request: its length stands in so many bytes

_POLYNOMIAL = 0xA001  # x16 + x15 + x2 + 1, reflected


def _table() -> "array[int]":
    table = array("H")
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def crc16(data: bytes) -> int:
    """The CRC of `data`; 0 for a frame whose CRC is right."""
    crc, table = 0xFFFF, _TABLE
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


def build(unit: int, pdu: bytes) -> bytes:
    """The frame around a PDU."""
    frame = bytes((unit,)) + pdu
    return frame + struct.pack("<H", crc16(frame))


def check(frame: bytes) -> tuple[int, bytes]:
    """(unit, PDU) of a whole frame. Raises MalformedFrame."""
    if not MIN_FRAME <= len(frame) <= MAX_FRAME:
        raise MalformedFrame("malformed", f"{len(frame)} bytes are no Modbus frame")
    if crc16(frame):
        raise MalformedFrame("wrong_crc")
    return frame[0], frame[1:-2]


# Function: the frame's bytes without what it counts itself, and the index of that count (0: it counts nothing).
_REQUESTS = {
    0x01: (8, 0),
    0x02: (8, 0),
    0x03: (8, 0),
    0x04: (8, 0),
    0x05: (8, 0),
    0x06: (8, 0),
    0x0F: (9, 6),
    0x10: (9, 6),
    0x14: (5, 2),
    0x15: (5, 2),
    0x17: (13, 10),
    0x2B: (7, 0),
}
_RESPONSES = {
    0x01: (5, 2),
    0x02: (5, 2),
    0x03: (5, 2),
    0x04: (5, 2),
    0x05: (8, 0),
    0x06: (8, 0),
    0x0F: (8, 0),
    0x10: (8, 0),
    0x14: (5, 2),
    0x15: (5, 2),
    0x17: (5, 2),
}


def _length(table: dict[int, tuple[int, int]], start: bytes) -> int | None:
    if len(start) < 2:
        return 0
    if start[1] not in table:
        return None
    size, count_at = table[start[1]]
    if not count_at:
        return size
    return size + start[count_at] if len(start) > count_at else 0


def request_length(start: bytes) -> int | None:
    """How long the request is that begins so; 0: more of it has to be seen; None: an unknown function's end tells."""
    return _length(_REQUESTS, start)


def response_length(start: bytes) -> int | None:
    """As request_length(), of a response; one of 0x2B tells only by its end."""
    if len(start) > 1 and start[1] & EXCEPTION:
        return 5
    return _length(_RESPONSES, start)


def character_us(baud: int) -> int:
    """Eleven bits, as the serial line guide counts a character."""
    return -(-11_000_000 // baud)


def t35_us(baud: int) -> int:
    """The shortest silence between two frames."""
    return 1750 if baud > 19_200 else -(-38_500_000 // baud)


class Receiver:
    """The requests to one unit out of what is heard on a line, burst by burst: a silence ends a burst.

    A node that was busy hears a burst that began with the traffic of others, so a request is looked for anywhere in it.
    One that is not whole yet `waits`: adapters pause inside a frame; give_up() when nothing more comes.
    """

    def __init__(self, unit: int) -> None:
        self._unit = unit
        self._begun = b""
        self._is_guess = False  # what begun behind others' traffic may be a part of that
        self.crc_errors = 0

    @property
    def waits(self) -> bool:
        return bool(self._begun)

    def feed(self, burst: bytes) -> bytes | None:
        """The PDU of the request that ends this burst, None when there is none. `burst` is at least one byte."""
        heard = self._begun + burst
        self._begun = b""
        unit = bytes((self._unit,))
        at = heard.find(unit)
        is_ours = at == 0 and not self._is_guess
        while at >= 0:
            length = request_length(heard[at : at + HEAD_SIZE])
            ends_here = length == len(heard) - at or (length is None and at == 0 and len(heard) >= MIN_FRAME)
            if ends_here and not crc16(heard[at:]):
                self._is_guess = False
                return heard[at + 1 : -2]
            if not self._begun and length is not None and (not length or len(heard) - at < length <= MAX_FRAME):
                self._begun = heard[at:]
                self._is_guess = at > 0 or not is_ours
                is_ours = is_ours and self._is_guess
            at = heard.find(unit, at + 1)
        if not self._begun:
            self._is_guess = False
        self.crc_errors += is_ours
        return None

    def give_up(self) -> None:
        """The rest of the request that waits does not come."""
        self.crc_errors += not self._is_guess
        self._begun, self._is_guess = b"", False

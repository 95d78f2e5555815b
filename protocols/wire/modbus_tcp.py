"""Modbus TCP: the header before each PDU.

    transaction u16 | protocol u16 = 0 | length u16 of what follows | unit u8 | PDU

Never knows what a PDU means. Specification: Modbus Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3.
"""

import struct

from protocols.wire.errors import MalformedFrame

PORT = 502
_HEADER = ">3HB"
HEADER_SIZE = 7
MAX_PDU = 253
ITSELF = 0xFF  # the unit of a device that is addressed by its IP address alone


def build(transaction: int, unit: int, pdu: bytes) -> bytes:
    """The header and the PDU."""
    return struct.pack(_HEADER, transaction, 0, 1 + len(pdu), unit) + pdu


def parse_header(header: bytes) -> tuple[int, int, int]:
    """(transaction, unit, bytes of PDU that follow). Raises MalformedFrame: the connection has lost its frames."""
    transaction, protocol, length, unit = struct.unpack(_HEADER, header)
    if protocol or not 1 < length <= 1 + MAX_PDU:
        raise MalformedFrame("malformed", "MBAP header")
    return transaction, unit, length - 1

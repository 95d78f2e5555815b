"""The values of a meter reading, packed: an archive on flash holds twice as many as with fields of one width.

    bits u8 | register u24 | unit u8 | exponent i8 | [tariff u8 | device u8 | storage u16] | raw i8, i16, i32 or i64
    bits: 0-1 function (M-Bus: now, maximum, minimum, in error), 2-3 width of raw (2^n bytes), 4 the bracket is there

Never scales a value: raw times ten to the exponent is in the unit. Specification: protocols/schema/utility_meter.py.
`register` is of the reading's protocol: M-Bus code of wire/mbus/vif.py and first VIFE, OBIS C.D.E, Modbus address, 0.
"""

import struct
from collections import namedtuple

from protocols.wire.errors import EncodeError, MalformedFrame

_HEAD = ">IBb"  # bits above the register
_PLACE = ">BBH"
_WIDTHS = (">b", ">h", ">i", ">q")
_HAS_PLACE = 0x10
_HEAD_SIZE = 6
_PLACE_SIZE = 4

Row = namedtuple("Row", ("register", "function", "storage", "tariff", "device", "unit", "exponent", "raw"))


def build(row: Row) -> bytes:
    """The packed form of one value. Raises EncodeError."""
    width = 0
    while width < 3 and not -(1 << (8 << width) - 1) <= row.raw < 1 << (8 << width) - 1:
        width += 1
    place = bool(row.tariff or row.device or row.storage)
    fits = (
        0 <= row.register < 1 << 24
        and 0 <= row.function <= 3
        and -(1 << 63) <= row.raw < 1 << 63
        and 0 <= row.unit <= 255
        and -128 <= row.exponent <= 127
        and 0 <= row.tariff <= 255
        and 0 <= row.device <= 255
        and 0 <= row.storage <= 65_535
    )
    if not fits:
        raise EncodeError(f"meter value {row}")
    bits = row.function | width << 2 | _HAS_PLACE * place
    data = struct.pack(_HEAD, bits << 24 | row.register, row.unit, row.exponent)
    if place:
        data += struct.pack(_PLACE, row.tariff, row.device, row.storage)
    return data + struct.pack(_WIDTHS[width], row.raw)


def parse(data: bytes) -> list[Row]:
    """Every value of a reading. Raises MalformedFrame."""
    rows, at = [], 0
    try:
        while at < len(data):
            head, unit, exponent = struct.unpack_from(_HEAD, data, at)
            at += _HEAD_SIZE
            bits, place = head >> 24, (0, 0, 0)
            if bits & ~(_HAS_PLACE | 0x0F):
                raise MalformedFrame("malformed", "a meter value of an unknown form")
            if bits & _HAS_PLACE:
                place = struct.unpack_from(_PLACE, data, at)
                at += _PLACE_SIZE
            width = bits >> 2 & 3
            (raw,) = struct.unpack_from(_WIDTHS[width], data, at)
            at += 1 << width
            tariff, device, storage = place
            rows.append(Row(head & 0xFFFFFF, bits & 3, storage, tariff, device, unit, exponent, raw))
    except (ValueError, struct.error):  # MicroPython and CPython
        raise MalformedFrame("malformed", "meter values cut short")
    return rows

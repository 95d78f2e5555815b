"""The data of one M-Bus record, by the coding that its DIF names: numbers, dates, texts.

Never scales: that is the VIF's business. What the meter marks as no value is None.
Specification: EN 13757-3, table 4 (coding) and annex A (types A to J; LVAR in table 5).
"""

import struct

from protocols.wire.errors import MalformedFrame

SIZES = (0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 0, 6, 0)  # bytes by the DIF's low four bits
REAL = 0x05
LVAR = 0x0D
BCD = (0x09, 0x0A, 0x0B, 0x0C, 0x0E)

_LVAR_TEXT_END = 0xC0
_LVAR_LARGE = {0xF5: 48, 0xF6: 64}
_YEARS_OF_OLD_METERS = 80  # type F without a century: up to here it is this one


def read(coding: int, data: memoryview, dated: bool) -> int | float | str | None:
    """The value of `data`, which is as long as `coding` says. `dated`: its VIF names a point in time."""
    if dated and coding in _DATES:
        return _DATES[coding](data)
    if coding in BCD:
        return bcd(data)
    if coding == REAL:
        number: float = struct.unpack("<f", data)[0]
        return number if number - number == 0 else None  # neither infinite nor "not a number"
    return integer(data) if len(data) else None


def integer(data: memoryview) -> int:
    """Type B: signed, the lowest byte first."""
    number = int.from_bytes(bytes(data), "little")
    return number - (1 << 8 * len(data)) if data[-1] & 0x80 else number


def bcd(data: memoryview) -> int | None:
    """Type A: F as the first digit is a minus; any other digit above 9 is the meter's way to say: no value."""
    number, negative = 0, False
    for place in range(len(data) - 1, -1, -1):
        tens, ones = data[place] >> 4, data[place] & 0x0F
        if place == len(data) - 1 and tens == 0xF:
            tens, negative = 0, True
        if tens > 9 or ones > 9:
            return None
        number = number * 100 + tens * 10 + ones
    return -number if negative else number


def lvar_size(lvar: int) -> int:
    """How many bytes follow a LVAR byte. Raises MalformedFrame."""
    if lvar < _LVAR_TEXT_END:
        return lvar
    if lvar <= 0xC9 or 0xD0 <= lvar <= 0xD9 or 0xE0 <= lvar <= 0xEF:
        return lvar & 0x0F
    if 0xF0 <= lvar <= 0xF4:
        return 4 * (lvar - 0xEC)
    if lvar in _LVAR_LARGE:
        return _LVAR_LARGE[lvar]
    raise MalformedFrame("malformed", f"reserved LVAR {lvar:02X}")


def read_lvar(lvar: int, data: memoryview) -> int | str | None:
    """Text, BCD number, or binary as hexadecimal text with the highest byte first."""
    if lvar < _LVAR_TEXT_END:
        return text(data)
    if lvar < 0xE0:
        number = bcd(data)
        return -number if number is not None and lvar >= 0xD0 else number
    return hexadecimal(bytes([data[place] for place in range(len(data) - 1, -1, -1)]))


def text(data: memoryview) -> str:
    """ISO 8859-1, the last character first."""
    return "".join([chr(data[place]) for place in range(len(data) - 1, -1, -1)])


def hexadecimal(data: bytes | memoryview) -> str:
    """`00 1F E5`."""
    return " ".join([f"{byte:02X}" for byte in data])


def _date(data: memoryview) -> str:
    """Type G, and the last two bytes of F and I. An open field is 0, as the meter sends it."""
    year = data[0] >> 5 | (data[1] & 0xF0) >> 1
    return f"{2000 + year}-{data[1] & 0x0F:02d}-{data[0] & 0x1F:02d}"


def _date_time(data: memoryview) -> str | None:
    """Type F: to the minute, in the meter's own time; None: the meter says that its time is not valid."""
    if data[0] & 0x80:
        return None
    century = data[1] >> 5 & 3
    year = data[2] >> 5 | (data[3] & 0xF0) >> 1
    if century == 0 and year <= _YEARS_OF_OLD_METERS:
        century = 1
    date = f"{1900 + 100 * century + year}-{data[3] & 0x0F:02d}-{data[2] & 0x1F:02d}"
    return f"{date}T{data[1] & 0x1F:02d}:{data[0] & 0x3F:02d}:00"


def _date_time_second(data: memoryview) -> str | None:
    """Type I: to the second."""
    if data[1] & 0x80:
        return None
    return f"{_date(data[3:5])}T{_time(data[0:3])}"


def _time(data: memoryview) -> str:
    """Type J."""
    return f"{data[2] & 0x1F:02d}:{data[1] & 0x3F:02d}:{data[0] & 0x3F:02d}"


_DATES = {0x02: _date, 0x03: _time, 0x04: _date_time, 0x06: _date_time_second}

"""What a meter's long frame says of itself, and where its records are: the way from a frame to readings.

Never asks a meter anything: master.py does. Specification: EN 13757-3, sections 5 (CI field), 6 and 8 (errors);
EN 1434-3 for the fixed structure, which old heat meters still speak.
"""

from collections import namedtuple

from protocols.wire.errors import MalformedFrame
from protocols.wire.mbus import values
from protocols.wire.mbus.frame import Frame
from protocols.wire.mbus.records import ACTUAL, STORED, Record, Records

CI_RECORDS = (0x51, 0x78)  # records without a header: to a meter, and from one
CI_VARIABLE = 0x72
CI_SHORT_HEADER = 0x7A
CI_FIXED = 0x73
CI_ERROR = 0x70
FIXED = 0x300  # codes of the fixed structure's units stand behind those of vif.py

# What a meter is not telling is None. `id` are the eight digits on its label, `signature` is as received.
Header = namedtuple("Header", ("id", "manufacturer", "version", "medium", "access_number", "status", "signature"))
NO_HEADER = Header(None, None, None, None, None, None, None)

ERRORS = (  # EN 13757-3, table 22
    "unspecified error",
    "unimplemented CI field",
    "buffer too long, truncated",
    "too many records",
    "premature end of record",
    "more than 10 DIFE",
    "more than 10 VIFE",
    "reserved",
    "application busy",
    "too many readouts",
)

_MEDIA_OF_FIXED = (
    "Other", "Oil", "Electricity", "Gas", "Heat", "Steam", "Hot Water", "Water", "H.C.A.", "Reserved",
    "Gas Mode 2", "Heat Mode 2", "Hot Water Mode 2", "Water Mode 2", "H.C.A. Mode 2", "Reserved",
)  # fmt: skip
_UNITS_OF_FIXED = (  # EN 1434-3, table 7: three units a row, each also in tens and hundreds
    (0x02, "Energy", ("Wh", "kWh", "MWh")),
    (0x0B, "Energy", ("kJ", "MJ", "GJ")),
    (0x14, "Power", ("W", "kW", "MW")),
    (0x1D, "Power", ("kJ/h", "MJ/h", "GJ/h")),
    (0x26, "Volume", ("ml", "l", "m^3")),
    (0x2F, "Volume flow", ("ml/h", "l/h", "m^3/h")),
)
_CODES_A_ROW = 9
_OTHER_UNITS_OF_FIXED = {0x38: (-3, "°C", "Temperature"), 0x39: (0, "Units for H.C.A.", "H.C.A.")}
_SAME_BUT_STORED = 0x3E  # the second counter is the first one, on a fixed day
_STATUS_BINARY = 0x80  # the counters are binary, not BCD
_STATUS_STORED = 0x40


class MeterRefused(Exception):
    """The meter understood and says that it cannot answer; the text is its reason."""


class Telegram:
    """The header, and the records to iterate over once. `more_follow` is known behind the last record."""

    def __init__(self, header: Header, records: "Records | list[Record]") -> None:
        self.header = header
        self.records = records

    @property
    def more_follow(self) -> bool:
        """Whether the meter has another telegram to give."""
        return isinstance(self.records, Records) and self.records.more_follow


def parse(frame: Frame) -> Telegram:
    """The telegram in a long frame. Raises MalformedFrame, and MeterRefused for a meter's own error."""
    data = frame.data
    if frame.ci == CI_VARIABLE:
        _need(data, 12)
        return Telegram(_variable_header(data), Records(data[12:]))
    if frame.ci == CI_SHORT_HEADER:
        _need(data, 4)
        signature = values.hexadecimal(data[2:4])
        return Telegram(Header(None, None, None, None, data[0], data[1], signature), Records(data[4:]))
    if frame.ci in CI_RECORDS:
        return Telegram(NO_HEADER, Records(data))
    if frame.ci == CI_FIXED:
        _need(data, 16)
        return _fixed(data)
    if frame.ci == CI_ERROR:
        code = data[0] if len(data) else 0
        raise MeterRefused(ERRORS[code] if code < len(ERRORS) else f"error {code:02X}")
    raise MalformedFrame("malformed", "no telegram of a meter" if frame.ci is None else f"unknown CI {frame.ci:02X}")


def manufacturer(code: int) -> str:
    """The three letters of a manufacturer's code, EN 62056-21 and the FLAG association."""
    return "".join([chr(64 + (code >> shift & 31)) for shift in (10, 5, 0)])


def _need(data: memoryview, size: int) -> None:
    if len(data) < size:
        raise MalformedFrame("malformed", f"header cut short: {len(data)} of {size} bytes")


def _variable_header(data: memoryview) -> Header:
    return Header(
        _digits(data[0:4]),
        manufacturer(data[4] | data[5] << 8),
        data[6],
        data[7],
        data[8],
        data[9],
        values.hexadecimal(data[10:12]),
    )


def _digits(data: memoryview) -> str:
    """The identification number; a meter may use letters A to F in it, and F is a wildcard."""
    return "".join([f"{data[place]:02X}" for place in range(len(data) - 1, -1, -1)])


def _fixed(data: memoryview) -> Telegram:
    """Identification, access number, status, two units with the medium in their high bits, two counters."""
    status = data[5]
    medium = _MEDIA_OF_FIXED[data[6] >> 6 | data[7] >> 4 & 0x0C]
    header = Header(_digits(data[0:4]), None, None, medium, data[4], status, None)
    codes = data[6] & 0x3F, data[7] & 0x3F
    function = STORED if status & _STATUS_STORED else ACTUAL
    records = [_counter(data[8:12], codes[0], function, status)]
    if codes[1] == _SAME_BUT_STORED:
        codes, function = (codes[0], codes[0]), STORED
    records.append(_counter(data[12:16], codes[1], function, status))
    return Telegram(header, records)


def _counter(data: memoryview, code: int, function: int, status: int) -> Record:
    raw = values.integer(data) if status & _STATUS_BINARY else values.bcd(data)
    exponent, unit, quantity = _OTHER_UNITS_OF_FIXED.get(code, (0, "", f"Unknown (unit {code:02X})"))
    for first, of_row, units in _UNITS_OF_FIXED:
        if first <= code < first + _CODES_A_ROW:
            exponent, unit, quantity = (code - first) % 3, units[(code - first) // 3], of_row
    return Record(function, 0, 0, 0, quantity, unit, raw, exponent, FIXED | code, b"")

"""One reading of a meter, whatever it speaks: its values as rows of a record, and who gave them.

Never scales a value into a float, and never keeps more rows than it was told to.
Specification: protocols/schema/utility_meter.py.
"""

from binascii import crc32

from protocols.wire import meter_rows
from protocols.wire.errors import EncodeError
from protocols.wire.iec62056 import decimal
from protocols.wire.mbus.records import ACTUAL, IN_ERROR
from protocols.wire.meter_units import NO_UNIT, UNITS, unit_of

MOST_BYTES = 212  # of rows in a record
NOT_TOLD = 255
DIGITS_OF_FLOAT = 7
_HOUR_S = 3_600


class MeterReading:
    """`rows` are meter_rows, built; `checksum` tells a reading that the meter repeats."""

    def __init__(self, most):
        self._most = most
        self.rows = []
        self.identity = self.maker = b""
        self.version = self.access_number = self.status = 0
        self.medium = NOT_TOLD
        self.checksum = 0

    def take_telegram(self, told):
        """What a telegram on M-Bus says: the numbers in a unit that are of now, in the meter's order."""
        header = told.header
        self.identity = (header.id or "").encode()
        self.maker = (header.manufacturer or "").encode()
        self.version = header.version or 0
        self.medium = header.medium if isinstance(header.medium, int) else NOT_TOLD
        self.access_number = header.access_number or 0
        self.status = header.status or 0
        for record in told.records:
            unit = unit_of(record.unit)
            function = 0 if record.function == ACTUAL else record.function
            if unit is None or unit[0] == NO_UNIT or record.storage or function > IN_ERROR:
                continue
            register = record.code << 8 | (record.vifes[0] & 0x7F if record.vifes else 0)
            self._add(register, function, record.tariff, record.device, unit, record.exponent, record.raw)

    def take_data_set(self, found):
        """What a 62056-21 data set says, if its address ends in an OBIS code C.D.E and its first value is a number."""
        self.checksum = crc32(found.address.encode(), self.checksum)
        text, unit_text = found.values[-1]
        if found.address.startswith("0.0") and not self.identity:
            self.identity = text.encode()[-8:]
        code = _obis(found.address)
        number = decimal(text)
        hours = unit_text == "h"
        unit = unit_of("s" if hours else unit_text)
        if code is None or number is None or unit is None or unit[0] == NO_UNIT:
            return
        raw, exponent = number
        self.checksum = crc32(text.encode(), self.checksum)
        tariff = code & 0xFF if code & 0xFF < 64 else 0
        self._add(code, 0, tariff, 0, unit, exponent, raw * _HOUR_S if hours else raw)

    def take_register(self, register, raw):
        """What a row of a Modbus template gave."""
        self._add(register.address, 0, 0, 0, unit_of(register.unit), register.exponent, raw)

    def take_count(self, pulse, count):
        """What a pulse counter stands at: in its unit, and the count itself, which the node remembers by."""
        self._add(0, 0, 0, 0, (UNITS.index(pulse.unit), 0), pulse.exponent, pulse.start + pulse.weight * count)
        self._add(0, 0, 0, 0, (UNITS.index("pulse"), 0), 0, count)

    def parts(self):
        """The rows, joined to as many pieces as records are needed; one empty piece where there are none."""
        pieces = [b""]
        for row in self.rows:
            if len(pieces[-1]) + len(row) > MOST_BYTES:
                pieces.append(b"")
            pieces[-1] += row
        return pieces

    def _add(self, register, function, tariff, device, unit, exponent, raw):
        if isinstance(raw, float):
            raw, exponent = digits(raw, exponent)
        exponent += unit[1]
        if type(raw) is not int or len(self.rows) == self._most:
            return
        row = meter_rows.Row(register, function, 0, tariff, device, unit[0], exponent, raw)
        try:
            self.rows.append(meter_rows.build(row))
        except EncodeError:
            pass  # a meter that has a subunit 256 is read without it


def padded(text, size):
    """Text in a field of so many bytes."""
    return (text + bytes(size))[:size]


def digits(number, exponent):
    """A float as a whole number and a power of ten, to the digits that a float of 32 bits has."""
    places = 0
    while number and abs(number) < 10 ** (DIGITS_OF_FLOAT - 1) and places < 18 and number != int(number):
        number *= 10
        places += 1
    raw = round(number)
    while places and raw % 10 == 0:
        raw //= 10
        places -= 1
    return raw, exponent - places


def _obis(address):
    """C.D.E of `A-B:C.D.E*F`, one byte each; None: no such code."""
    parts = address.split("*")[0].split(":")[-1].split("&")[0].split(".")
    if len(parts) == 2:
        parts.append("255")  # EDIS without E
    if len(parts) != 3 or not all(part.isdigit() and int(part) < 256 for part in parts):
        return None
    return int(parts[0]) << 16 | int(parts[1]) << 8 | int(parts[2])

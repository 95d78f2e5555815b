"""The records of a telegram, one at a time: what each says, without a copy of the telegram.

    DIF | DIFE … | VIF | VIFE … | data        storage, tariff, device; quantity, unit, power of ten; value

Never keeps what it has given. Specification: EN 13757-3, section 6.
"""

from collections import namedtuple

from protocols.wire.errors import MalformedFrame
from protocols.wire.mbus import values, vif

MAX_EXTENSIONS = 10  # of a DIF, and of a VIF: EN 13757-3, 6.3.5

INSTANTANEOUS, MAXIMUM, MINIMUM, IN_ERROR, MANUFACTURER_DATA, MORE_FOLLOW, ACTUAL, STORED = range(8)

_MORE = 0x80  # another extension byte follows
_FILLER = 0x2F
_MANUFACTURER = 0x0F  # the rest of the telegram is the manufacturer's own,
_MORE_FOLLOW = 0x1F  # and more telegrams follow
_SPECIAL = 0x0F
_TEXT_VIF = 0x7C
_FIRST_EXTENSION = 0xFD
_SECOND_EXTENSION = 0xFB

# `raw` times ten to the `exponent` is the value in `unit`; a raw text has no exponent, None is no value. `code` is
# vif.meaning()'s; `vifes` are the extensions behind the VIF, which may narrow the quantity (import or export, …).
Record = namedtuple(
    "Record",
    ("function", "storage", "tariff", "device", "quantity", "unit", "raw", "exponent", "code", "vifes"),
)


class Records:
    """Iterates over the records of `data`; raises MalformedFrame where it cannot go on.

    Behind the last record `more_follow` tells whether the meter has another telegram to give.
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0
        self.more_follow = False

    def __iter__(self) -> "Records":
        return self

    def __next__(self) -> Record:
        while self._at < len(self._data) and self._data[self._at] == _FILLER:
            self._at += 1
        if self._at == len(self._data):
            raise StopIteration
        dif = self._byte("DIF")
        if dif in (_MANUFACTURER, _MORE_FOLLOW):
            return self._rest(dif == _MORE_FOLLOW)
        if dif & 0x0F == _SPECIAL:
            raise MalformedFrame("malformed", f"reserved DIF {dif:02X}")
        storage, tariff, device = self._dif_extensions(dif)
        code, text, vifes = self._vif()
        counts, exponent, factor, unit, quantity = vif.meaning(code)
        if text is not None:
            unit, quantity = "-", text
        raw = self._value(dif & 0x0F, counts == vif.DATE)
        if isinstance(raw, (int, float)):
            raw *= factor
            for vife in vifes if code != vif.MANUFACTURER else b"":
                if vife & 0x7F == vif.MANUFACTURER:
                    break
                raw, exponent = vif.corrected(raw, exponent, vife)
        return Record(dif >> 4 & 3, storage, tariff, device, quantity, unit, raw, exponent, code, vifes)

    def _byte(self, what: str) -> int:
        self._need(1, what)
        self._at += 1
        return self._data[self._at - 1]

    def _take(self, count: int, what: str) -> memoryview:
        self._need(count, what)
        self._at += count
        return self._data[self._at - count : self._at]

    def _need(self, count: int, what: str) -> None:
        if self._at + count > len(self._data):
            raise MalformedFrame("malformed", f"ends inside {what} of a record, at byte {len(self._data)} of the data")

    def _rest(self, more_follow: bool) -> Record:
        self.more_follow = more_follow
        rest = self._take(len(self._data) - self._at, "manufacturer data")
        function = MORE_FOLLOW if more_follow else MANUFACTURER_DATA
        return Record(function, 0, 0, 0, "", "", values.hexadecimal(rest), 0, vif.MANUFACTURER, b"")

    def _dif_extensions(self, dif: int) -> tuple[int, int, int]:
        """Storage, tariff and device: one DIFE after the other adds higher bits."""
        storage, tariff, device = dif >> 6 & 1, 0, 0
        more, count = dif & _MORE, 0
        while more:
            if count == MAX_EXTENSIONS:
                raise MalformedFrame("malformed", f"more than {MAX_EXTENSIONS} DIFE")
            dife = self._byte("the DIFE")
            storage |= (dife & 0x0F) << 1 + 4 * count
            tariff |= (dife >> 4 & 3) << 2 * count
            device |= (dife >> 6 & 1) << count
            more, count = dife & _MORE, count + 1
        return storage, tariff, device

    def _vif(self) -> tuple[int, str | None, bytes]:
        """The code of vif.meaning(), a VIF in plain text, and the VIFE that are left."""
        first = self._byte("the VIF")
        text = None
        if first & 0x7F == _TEXT_VIF:
            text = values.text(self._take(self._byte("the text VIF"), "the text VIF"))
        vifes, more = bytearray(), first & _MORE
        while more:
            if len(vifes) == MAX_EXTENSIONS:
                raise MalformedFrame("malformed", f"more than {MAX_EXTENSIONS} VIFE")
            vifes.append(self._byte("the VIFE"))
            more = vifes[-1] & _MORE
        if first == _FIRST_EXTENSION:
            return vif.FIRST_EXTENSION | vifes[0] & 0x7F, None, bytes(vifes[1:])
        if first == _SECOND_EXTENSION:
            return vif.SECOND_EXTENSION | vifes[0] & 0x7F, None, bytes(vifes[1:])
        return first & 0x7F, text, bytes(vifes)

    def _value(self, coding: int, dated: bool) -> int | float | str | None:
        if coding == values.LVAR:
            lvar = self._byte("the data")
            return values.read_lvar(lvar, self._take(values.lvar_size(lvar), "the data"))
        return values.read(coding, self._take(values.SIZES[coding], "the data"), dated)


def value(record: Record) -> int | float | str | None:
    """The value in the record's unit; on a microcontroller a fraction has a float's 24 bits."""
    raw: int | float | str | None = record.raw
    if not isinstance(raw, (int, float)) or not record.exponent:
        return raw
    exponent: int = record.exponent
    return raw * int(10**exponent) if exponent > 0 else raw / 10**-exponent

"""The rows inside air_means: which channels an air post has, in what unit, and how a channel's minute is packed.

Never computes a mean. Specification: this drawing; design, domain.md "Air". A row has no fixed size, unlike those of
other messages, because 48 hours of minutes have to fit a journal of half a megabyte, two of them to a page.

    head u8      channel (lower five bits) | 20 raw | 40 spread | 80 marked
    mean i16     in steps of the channel
    marked:      flags u8 | count if flags has 80      of the seconds that were measured; without it, all of the period
    spread:      mean - minimum | maximum - mean | standard deviation               in steps
    raw:         working electrode i16 | auxiliary electrode i16                    in sixteenths of a millivolt
    brief: all rows in one, in the order of their channels
    head u8      1F | 80 marked, and then channels u24, a bit each | mean i16 of each
    marked:      channels u24 | of each: flags u8 | count if flags has 80
    numbers without a size are written seven bits a byte, the lowest first, 80 set on all but the last byte
"""

from collections import namedtuple
from struct import pack

from protocols.wire.errors import MalformedFrame

CHANNELS = (  # name, unit, decimals: a step is 10 to the power of minus decimals
    ("pm1", "ug/m3", 1),
    ("pm2_5", "ug/m3", 1),
    ("pm4", "ug/m3", 1),
    ("pm10", "ug/m3", 1),
    ("no2", "ppb", 1),
    ("so2", "ppb", 1),
    ("no", "ppb", 1),
    ("co", "ppb", 0),
    ("o3", "ppb", 1),
    ("h2s", "ppb", 1),
    ("nh3", "ppb", 1),
    ("temperature", "degC", 2),
    ("humidity", "%", 1),
    ("pressure", "hPa", 1),
    ("wind_speed", "m/s", 2),
    ("wind_direction", "deg", 1),  # where it comes from; the mean of the vector, so it has no spread
    ("supply", "V", 2),
    ("door", "%", 0),  # of the time it stood open
)
NUMBERS = {name: number for number, (name, _, _) in enumerate(CHANNELS)}
GASES = ("no2", "so2", "no", "co", "o3", "h2s", "nh3")

FLAG_WARM_UP = 1  # the sensor has not been on for long enough
FLAG_HUMIDITY = 2  # too damp or too dry for this sensor
FLAG_RANGE = 4  # beyond what the sensor, its converter or its calibration covers
FLAG_NOISE = 8  # it jumps from second to second
FLAG_MAINTENANCE = 16  # somebody works on the post

RAW_STEPS_A_MV = 16
LOWEST, HIGHEST = -32768, 32767

_CHANNEL = 0x1F
_ALL = 0x1F  # no channel has this number, nor one of 24 and above
_RAW = 0x20
_SPREAD = 0x40
_MARKED = 0x80
_MORE = 0x80
_COUNTED = 0x80
_LONGEST = 5  # bytes of a number without a size

# minimum, maximum, deviation: None where not told. we, ae: electrodes, None where there are none. All in steps.
Row = namedtuple("Row", ("channel", "count", "flags", "mean", "minimum", "maximum", "deviation", "we", "ae"))


def build(rows: list[Row], seconds: int, brief: bool = False) -> bytes:
    """The tail of an air_means over `seconds`; a brief one tells means and marks alone, of rows in channel order."""
    if brief:
        return _build_brief(rows, seconds)
    data = b""
    for row in rows:
        head = row.channel
        more = _mark(row, seconds)
        if more:
            head |= _MARKED
        if row.deviation is not None:
            head |= _SPREAD
            more += _number(row.mean - row.minimum) + _number(row.maximum - row.mean) + _number(row.deviation)
        if row.we is not None:
            head |= _RAW
            more += pack(">hh", row.we, row.ae)
        data += pack(">Bh", head, row.mean) + more
    return data


def _build_brief(rows: list[Row], seconds: int) -> bytes:
    channels = marked = 0
    means = marks = b""
    for row in rows:
        channels |= 1 << row.channel
        means += pack(">h", row.mean)
        mark = _mark(row, seconds)
        if mark:
            marked |= 1 << row.channel
            marks += mark
    data = pack(">I", (_ALL | (_MARKED if marked else 0)) << 24 | channels) + means
    return data + pack(">I", marked)[1:] + marks if marked else data


def _mark(row: Row, seconds: int) -> bytes:
    """Flags and count, nothing for a row that was measured all the time and has no flag."""
    if row.count != seconds:
        return bytes((row.flags | _COUNTED,)) + _number(row.count)
    return bytes((row.flags,)) if row.flags else b""


def parse(data: bytes, seconds: int) -> list[Row]:
    """The Rows of a tail. Raises MalformedFrame."""
    rows = []
    at = 0
    try:
        while at < len(data):
            head = data[at]
            if head & _CHANNEL == _ALL:
                brief, at = _read_brief(data, at, seconds)
                rows += brief
                continue
            mean = _signed(data, at + 1)
            at += 3
            count, flags = seconds, 0
            minimum = maximum = deviation = we = ae = None
            if head & _MARKED:
                flags, count, at = _read_mark(data, at, seconds)
            if head & _SPREAD:
                below, at = _read(data, at)
                above, at = _read(data, at)
                deviation, at = _read(data, at)
                minimum, maximum = mean - below, mean + above
            if head & _RAW:
                we, ae = _signed(data, at), _signed(data, at + 2)
                at += 4
            rows.append(Row(head & _CHANNEL, count, flags, mean, minimum, maximum, deviation, we, ae))
    except IndexError:
        raise MalformedFrame("malformed", "air_rows")
    return rows


def _read_brief(data: bytes, at: int, seconds: int) -> tuple[list[Row], int]:
    """All rows of a brief tail and where the next thing begins. Raises IndexError."""
    is_marked = data[at] & _MARKED
    numbers = _channels(data, at + 1)
    at += 4
    means_at = at
    at += 2 * len(numbers)
    marks = {}
    if is_marked:
        marked = _channels(data, at)
        at += 3
        for number in marked:
            flags, count, at = _read_mark(data, at, seconds)
            marks[number] = flags, count
    rows = []
    for place, number in enumerate(numbers):
        flags, count = marks.get(number, (0, seconds))
        rows.append(Row(number, count, flags, _signed(data, means_at + 2 * place), None, None, None, None, None))
    return rows, at


def _channels(data: bytes, at: int) -> list[int]:
    bits = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
    return [number for number in range(24) if bits >> number & 1]


def _read_mark(data: bytes, at: int, seconds: int) -> tuple[int, int, int]:
    """Flags, count, and where the next thing begins. Raises IndexError."""
    flags = data[at]
    if not flags & _COUNTED:
        return flags, seconds, at + 1
    count, at = _read(data, at + 1)
    return flags & ~_COUNTED, count, at


def _number(value: int) -> bytes:
    data = b""
    while value >= _MORE:
        data += bytes((value & 0x7F | _MORE,))
        value >>= 7
    return data + bytes((value,))


def _read(data: bytes, at: int) -> tuple[int, int]:
    """A number and where the next thing begins. Raises IndexError, also for one that never ends."""
    value = 0
    for place in range(_LONGEST):
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if not byte & _MORE:
            return value, at + place + 1
    raise IndexError


def _signed(data: bytes, at: int) -> int:
    value = data[at] << 8 | data[at + 1]
    return value - 0x10000 if value & 0x8000 else value

"""The archive of an air post: means and flags of many periods, a column each, small enough to keep for decades.

Never holds bounds, deviations or electrodes: those stay in the records. Specification: this drawing. Chosen by
measurement on two weeks of minutes of a real SPS30 beside a road in London, in bytes a mean with its flags and time:
rows 8.0, rows in zlib 3.4 to 4.0, columns of differences 4.0, those in zlib 0.5 to 0.7.

    "VZAIR1" | node 8 | zlib of: for each channel: number | periods | starts | minutes | means | flags
    all are numbers of seven bits a byte, lowest first; signed ones as 0, -1, 1, -2 …
    starts and means are differences to the one before; a start is in seconds, a mean in the channel's steps
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from protocols.wire.errors import MalformedFrame

MAGIC = b"VZAIR1"
NODE_SIZE = 8
MAX_SIZE = 64 << 20  # of what is unpacked: 20 years of a post
_LEVEL = 9


class Period(NamedTuple):
    """One mean: `channel` is its number in wire/air_rows.py, `mean` in its steps, `flags` those of air_rows."""

    channel: int
    start_s: int
    minutes: int
    mean: int
    flags: int


def pack(node: bytes, periods: Iterable[Period]) -> bytes:
    """An archive of these periods; channel by channel, each in the order given."""
    channels: dict[int, list[Period]] = {}
    for period in periods:
        channels.setdefault(period.channel, []).append(period)
    out = bytearray()
    for number, found in sorted(channels.items()):
        _write(out, number)
        _write(out, len(found))
        _write_differences(out, (period.start_s for period in found))
        for period in found:
            _write(out, period.minutes)
        _write_differences(out, (period.mean for period in found))
        for period in found:
            _write(out, period.flags)
    return MAGIC + node + zlib.compress(bytes(out), _LEVEL)


def unpack(data: bytes) -> tuple[bytes, list[Period]]:
    """The node and its periods. Raises MalformedFrame."""
    head = len(MAGIC) + NODE_SIZE
    if len(data) < head or data[: len(MAGIC)] != MAGIC:
        raise MalformedFrame("malformed", "air_archive")
    unzip = zlib.decompressobj()
    try:
        content = unzip.decompress(data[head:], MAX_SIZE)
        if not unzip.eof or unzip.unused_data:
            raise MalformedFrame("malformed", "air_archive")
        numbers = _numbers(content)
        periods: list[Period] = []
        while (channel := next(numbers, None)) is not None:
            count = next(numbers)
            if count > len(content):
                raise MalformedFrame("malformed", "air_archive")
            starts = _sums(numbers, count)
            minutes = [next(numbers) for _ in range(count)]
            means = _sums(numbers, count)
            flags = [next(numbers) for _ in range(count)]
            periods += map(Period, [channel] * count, starts, minutes, means, flags)
    except (zlib.error, StopIteration):
        raise MalformedFrame("malformed", "air_archive") from None
    return data[len(MAGIC) : head], periods


def _write(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _write_differences(out: bytearray, values: Iterable[int]) -> None:
    before = 0
    for value in values:
        away = value - before
        _write(out, away * 2 if away >= 0 else -away * 2 - 1)
        before = value


def _numbers(content: bytes) -> Iterator[int]:
    """Every number of the content; one that is cut short is none."""
    value = shift = 0
    for byte in content:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0


def _sums(numbers: Iterator[int], count: int) -> list[int]:
    found = []
    value = 0
    for _ in range(count):
        folded = next(numbers)
        value += -((folded + 1) // 2) if folded & 1 else folded // 2
        found.append(value)
    return found

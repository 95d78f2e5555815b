"""The minute grid and what its periods are made of: for each channel count, mean, minimum, maximum, deviation, flags.

Never reads a sensor, and keeps no single second: memory does not grow with the period.
Specification: protocols/wire/air_rows.py; design, domain.md "Air" and "Wind".
"""

from firmware.drivers.wind import WindVector
from protocols.wire.air_rows import FLAG_NOISE, FLAG_RANGE, HIGHEST, LOWEST, NUMBERS, Row
from protocols.wire.record import CLOCK_UNSET

WIND_DIRECTION = NUMBERS["wind_direction"]
DOOR = NUMBERS["door"]  # its mean says it all

# How far a channel may jump from one second to the next on average, in its steps; channels that are not here may.
QUIET = {NUMBERS[name]: 100 for name in ("no2", "so2", "no", "co", "o3", "h2s", "nh3", "temperature")}


class _Channel:
    """Sums are taken from the first value on, so that they stay small."""

    def __init__(self, first):
        self.count = 0
        self.flags = 0
        self.first = self.last = self.minimum = self.maximum = first
        self.total = 0
        self.squares = 0
        self.jumps = 0
        self.raw_count = 0
        self.we = 0
        self.ae = 0

    def add(self, value, flags, raw):
        away = value - self.first
        self.count += 1
        self.flags |= flags
        self.total += away
        self.squares += away * away
        self.jumps += abs(value - self.last)
        self.last = value
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)
        if raw:
            self.raw_count += 1
            self.we += raw[0]
            self.ae += raw[1]

    def row(self, number):
        count = self.count
        mean = self.first + _rounded(self.total, count)
        variance = (self.squares - self.total * self.total // count) // count
        flags = self.flags
        if number in QUIET and self.jumps > QUIET[number] * count:
            flags |= FLAG_NOISE
        if not LOWEST <= self.minimum <= self.maximum <= HIGHEST:
            flags |= FLAG_RANGE
        mean = _within(mean)
        we = ae = None
        if number == DOOR:
            return Row(number, count, flags, mean, None, None, None, None, None)
        if self.raw_count:
            we = _within(_rounded(self.we, self.raw_count))
            ae = _within(_rounded(self.ae, self.raw_count))
        minimum, maximum = _within(self.minimum), _within(self.maximum)
        return Row(number, count, flags, mean, minimum, maximum, _root(variance), we, ae)


class Period:
    """Seconds that belong together; rows() tells what they were."""

    def __init__(self):
        self._channels = {}
        self._wind = WindVector()
        self._wind_flags = 0

    def add(self, number, value, flags=0, beside=None):
        """One second of a channel in its steps. beside: both electrodes of a gas, the speed of a direction."""
        if number == WIND_DIRECTION:
            self._wind.add(beside, value)
            self._wind_flags |= flags
            return
        channel = self._channels.get(number)
        if channel is None:
            channel = self._channels[number] = _Channel(value)
        channel.add(value, flags, beside)

    def rows(self):
        """One Row for each channel that was measured, in the channels' order."""
        rows = [channel.row(number) for number, channel in self._channels.items()]
        if self._wind.count:
            mean = self._wind.direction_ddeg()
            rows.append(Row(WIND_DIRECTION, self._wind.count, self._wind_flags, mean, None, None, None, None, None))
        return sorted(rows)  # the channel comes first in a row


class Grid:
    """Periods of one length, one after the other."""

    def __init__(self, minutes, clock):
        self._length_ms = minutes * 60_000
        self._clock = clock
        self._begin()

    def ended(self):
        """A clock that was set back a little does not go through a period twice."""
        quality, now_ms = self._clock.stamp()
        in_ms = now_ms - self._start_ms
        return not -self._length_ms < in_ms < self._length_ms or (quality == CLOCK_UNSET) != self._unset

    def close(self):
        """(start in seconds, rows) of the period that has ended; the next one begins."""
        period, start_ms, was_unset, began_ms = self.period, self._start_ms, self._unset, self._began_ms
        self._begin()
        if was_unset and not self._unset:  # the record's clock is the new one
            start_ms = self._clock.stamp()[1] - (self._clock.monotonic_ms() - began_ms)
        return start_ms // 1000, period.rows()

    def _begin(self):
        quality, now_ms = self._clock.stamp()
        self._unset = quality == CLOCK_UNSET
        self._start_ms = now_ms // self._length_ms * self._length_ms
        self._began_ms = self._clock.monotonic_ms()  # the clock that never steps
        self.period = Period()


def _rounded(total, count):
    return (2 * total + count) // (2 * count)


def _within(value):
    return min(max(value, LOWEST), HIGHEST)


def _root(square):
    """The square root, rounded down."""
    if square < 2:
        return max(square, 0)
    root = square
    better = (root + 1) // 2
    while better < root:
        root = better
        better = (root + square // root) // 2
    return root

"""A particle sensor Sensirion SPS30: idle, measuring, asleep; a new value each second; its status register.
It must never know which bus it is on; what it counts is the weather's.
Specification: Sensirion SPS30 datasheet 1.0, sections 4 to 6.
"""

import struct

from emulation.peripherals.ports import Clock
from emulation.peripherals.weather import Weather

SECOND_US = 1_000_000
STATUS_SPEED, STATUS_LASER, STATUS_FAN = 1 << 21, 1 << 5, 1 << 4
FLOATS, INTEGERS = 3, 5  # output formats


class Sps30:
    """`status` is what its register tells; set from outside, as a fan that stands still would."""

    def __init__(self, clock: Clock, weather: Weather) -> None:
        self._clock = clock
        self._weather = weather
        self._format = FLOATS
        self._measures_since_us = 0
        self._read_values = 0
        self.powered = False
        self.measuring = False
        self.asleep = False
        self.status = 0
        self.cleanings = 0

    def power(self, on: bool) -> None:
        self.powered = on
        self.measuring = self.asleep = False

    def start(self, output_format: int) -> None:
        if not self.measuring and output_format in (FLOATS, INTEGERS):
            self.measuring = True
            self._format = output_format
            self._measures_since_us = self._clock.now_us()
            self._read_values = 0

    def stop(self) -> None:
        self.measuring = False

    def clean_fan(self) -> None:
        self.cleanings += self.measuring

    @property
    def has_new_value(self) -> bool:
        return self.measuring and self._values_so_far() > self._read_values

    def take_value(self) -> bytes:
        """Ten values in the chosen format; nothing while there is no new one, as the serial interface has it."""
        if not self.has_new_value:
            return b""
        return self.last_value()

    def last_value(self) -> bytes:
        self._read_values = self._values_so_far()
        weather = self._weather
        pm4 = (weather.pm2_5_ugm3 + weather.pm10_ugm3) / 2
        mass = (weather.pm1_ugm3, weather.pm2_5_ugm3, pm4, weather.pm10_ugm3)
        numbers = [weather.pm2_5_ugm3 * share for share in (5.0, 6.0, 6.4, 6.5, 6.6)]
        if self._format == FLOATS:
            return struct.pack(">10f", *mass, *numbers, 0.7)
        return struct.pack(">10H", *(min(round(value), 0xFFFF) for value in (*mass, *numbers)), 700)

    def _values_so_far(self) -> int:
        return (self._clock.now_us() - self._measures_since_us) // SECOND_US

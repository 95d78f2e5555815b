"""A sensor Bosch BME280 on I2C: registers, forced and normal mode; raw values that mean the weather to whoever
compensates them. It must never know a driver, nor how one compensates.
Specification: BST-BME280-DS002, 5.4 (registers), 8.1 (compensation in floating point, here sought backwards).
"""

import struct
from collections.abc import Callable

from emulation.peripherals.ports import Clock
from emulation.peripherals.weather import Weather

CHIP_ID = 0x60
MEASURE_US = 8_000  # 9.1: one of each, typically
ID, RESET, CTRL_HUM, STATUS, CTRL_MEAS, CONFIG, DATA = 0xD0, 0xE0, 0xF2, 0xF3, 0xF4, 0xF5, 0xF7
SOFT_RESET = 0xB6
SKIPPED = b"\x80\0\0\x80\0\0\x80\0"

# One chip's constants; temperature and pressure are those of the BMP280 datasheet's example.
T1, T2, T3 = 27504, 26435, -1000
P1, P2, P3, P4, P5, P6, P7, P8, P9 = 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000
H1, H2, H3, H4, H5, H6 = 75, 362, 0, 325, 50, 30


class Bme280:
    """An I2CDevice."""

    def __init__(self, clock: Clock, weather: Weather) -> None:
        self._clock = clock
        self._weather = weather
        self._powered = False
        self.present = True
        self._reset()

    def power(self, on: bool) -> None:
        self._powered = on
        self._reset()

    def _reset(self) -> None:
        self._registers = bytearray(256)
        self._registers[ID] = CHIP_ID
        self._registers[DATA : DATA + 8] = SKIPPED
        self._registers[0x88:0xA0] = struct.pack("<HhhHhhhhhhhh", T1, T2, T3, P1, P2, P3, P4, P5, P6, P7, P8, P9)
        self._registers[0xA1] = H1
        humidity = struct.pack("<hBbBbb", H2, H3, H4 >> 4, H4 & 0x0F | (H5 & 0x0F) << 4, H5 >> 4, H6)
        self._registers[0xE1:0xE8] = humidity
        self._pointer = 0
        self._humidity_on = False
        self._done_us: int | None = None
        self._written: bytearray | None = None

    def start(self, read: bool) -> bool:
        self._written = None if read else bytearray()
        if read:
            self._finish()
        return self._powered and self.present

    def write_byte(self, byte: int) -> bool:
        assert self._written is not None
        self._written.append(byte)
        return True

    def read_byte(self) -> int:
        value = self._registers[self._pointer]
        if self._pointer == STATUS:
            value = 0x08 if self._done_us is not None else 0
        self._pointer = (self._pointer + 1) % 256
        return value

    def stop(self) -> None:
        if self._written:
            self._pointer = self._written[0]
            for register, value in zip(self._written[::2], self._written[1::2], strict=False):
                self._write(register, value)

    def _write(self, register: int, value: int) -> None:
        if register == RESET and value == SOFT_RESET:
            self._reset()
        elif register in (CTRL_HUM, CTRL_MEAS, CONFIG):
            self._registers[register] = value
            if register == CTRL_MEAS:
                self._humidity_on = self._registers[CTRL_HUM] & 0b111 != 0  # 5.4.3: takes effect with this write
                if value & 0b11:
                    self._done_us = self._clock.now_us() + MEASURE_US

    def _finish(self) -> None:
        if self._done_us is None or self._clock.now_us() < self._done_us:
            return
        control = self._registers[CTRL_MEAS]
        if control & 0b11 == 0b11:  # normal mode goes on measuring
            self._done_us = self._clock.now_us() + MEASURE_US
        else:
            self._done_us = None
            self._registers[CTRL_MEAS] = control & ~0b11
        data = bytearray(raw_data(self._weather))
        if not control >> 5:
            data[3:6] = SKIPPED[3:6]
        if not control >> 2 & 0b111:
            data[0:3] = SKIPPED[0:3]
        if not self._humidity_on:
            data[6:8] = SKIPPED[6:8]
        self._registers[DATA : DATA + 8] = data


def raw_data(weather: Weather) -> bytes:
    """Registers F7…FE."""
    temperature = _sought(lambda raw: t_fine(raw) / 5120, weather.temperature_c, 1 << 20)
    fine = t_fine(temperature)
    pressure = _sought(lambda raw: -pressure_pa(fine, raw), -weather.pressure_pa, 1 << 20)
    humidity = _sought(lambda raw: humidity_percent(fine, raw), weather.humidity_percent, 1 << 16)
    return (pressure << 4).to_bytes(3, "big") + (temperature << 4).to_bytes(3, "big") + humidity.to_bytes(2, "big")


def _sought(value_of: Callable[[int], float], wanted: float, end: int) -> int:
    """The smallest raw value below `end` that means at least `wanted`; `value_of` rises."""
    low, high = 0, end - 1
    while low < high:
        middle = (low + high) // 2
        if value_of(middle) < wanted:
            low = middle + 1
        else:
            high = middle
    return low


def t_fine(raw: int) -> float:
    var1 = (raw / 16384 - T1 / 1024) * T2
    return var1 + (raw / 131072 - T1 / 8192) ** 2 * T3


def pressure_pa(fine: float, raw: int) -> float:
    var1 = fine / 2 - 64000
    var2 = (var1 * var1 * P6 / 32768 + var1 * P5 * 2) / 4 + P4 * 65536
    var1 = (1 + (P3 * var1 * var1 / 524288 + P2 * var1) / 524288 / 32768) * P1
    pressure = (1048576 - raw - var2 / 4096) * 6250 / var1
    return pressure + (P9 * pressure * pressure / 2147483648 + pressure * P8 / 32768 + P7) / 16


def humidity_percent(fine: float, raw: int) -> float:
    var = fine - 76800
    slope = 1 + H3 / 67108864 * var
    humidity = (raw - (H4 * 64 + H5 / 16384 * var)) * (H2 / 65536 * (1 + H6 / 67108864 * var * slope) * slope)
    return humidity * (1 - H1 * humidity / 524288)

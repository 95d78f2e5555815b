"""The particle sensor Sensirion SPS30 on I2C: measured mass and number of particles, its status, its fan.

It must never judge a value; it is handed a machine.I2C (100 kHz at most).
Spec: Sensirion SPS30 datasheet 1.0 (D1, March 2020), section 6 (I2C), 4.3 (measured values), 4.4 (device status).
"""

import asyncio
from collections import namedtuple
from struct import unpack

from firmware.drivers.sensor_fault import SensorFault

ADDRESS = 0x69
START_MEASUREMENT = b"\x00\x10"
STOP_MEASUREMENT = b"\x01\x04"
READ_DATA_READY_FLAG = b"\x02\x02"
READ_MEASURED_VALUES = b"\x03\x00"
START_FAN_CLEANING = b"\x56\x07"
WAKE_UP = b"\x11\x03"
READ_DEVICE_STATUS_REGISTER = b"\xd2\x06"
FLOATS = b"\x03\x00"  # the output format: big-endian IEEE 754

# Bits of the device status register (4.4)
STATUS_SPEED = 1 << 21  # the fan is too fast or too slow
STATUS_LASER = 1 << 5
STATUS_FAN = 1 << 4  # the fan stands still

EXECUTE_MS = 20  # 6.3: at most so long for start and stop
WAKE_MS = 5
READY_POLL_MS = 100
READY_TIMEOUT_MS = 1500  # a new value each second
TRIES = 3

# 4.3: mass in ug/m3, numbers of particles a cm3, typical size in um
Measured = namedtuple(
    "Measured", ("pm1", "pm2_5", "pm4", "pm10", "n0_5", "n1_0", "n2_5", "n4_0", "n10", "typical_size")
)
VALUES_SIZE = 40


def measured(data: bytes) -> Measured:
    """The Measured of 40 bytes of floats. Raises SensorFault when one of them is no number."""
    values = unpack(">10f", data)
    for value in values:
        if not 0 <= value < 1e6:  # false for a NaN
            raise SensorFault("bad_value")
    return Measured(*values)


def crc8(data) -> int:
    """6.2: polynomial 31, begins with FF."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x31 if crc & 0x80 else crc << 1) & 0xFF
    return crc


class Sps30:
    def __init__(self, i2c):
        self._i2c = i2c
        self.crc_errors = 0

    async def open(self):
        """Wakes it and starts the measurement anew. Raises SensorFault."""
        try:
            self._i2c.writeto(ADDRESS, WAKE_UP)
        except OSError:
            pass  # 6.3.7: the first one only wakes the bus of a sensor that sleeps, and is not acknowledged
        self._write(WAKE_UP)
        await asyncio.sleep_ms(WAKE_MS)
        self._write(STOP_MEASUREMENT)
        await asyncio.sleep_ms(EXECUTE_MS)
        self._write(START_MEASUREMENT + FLOATS + bytes((crc8(FLOATS),)))
        await asyncio.sleep_ms(EXECUTE_MS)

    async def read(self) -> Measured:
        """The next value. Raises SensorFault."""
        waited_ms = 0
        while not self._ask(READ_DATA_READY_FLAG, 2)[1]:
            waited_ms += READY_POLL_MS
            if waited_ms > READY_TIMEOUT_MS:
                raise SensorFault("not_ready")
            await asyncio.sleep_ms(READY_POLL_MS)
        return measured(self._ask(READ_MEASURED_VALUES, VALUES_SIZE))

    def status(self) -> int:
        """STATUS_… bits; 0: all is well. Raises SensorFault."""
        (bits,) = unpack(">I", self._ask(READ_DEVICE_STATUS_REGISTER, 4))
        return bits & (STATUS_SPEED | STATUS_LASER | STATUS_FAN)

    def clean_fan(self):
        """Ten seconds at full speed; measured values stand still meanwhile. Raises SensorFault."""
        self._write(START_FAN_CLEANING)

    def _ask(self, pointer, size):
        """`size` bytes behind a pointer; each two of them come with their CRC."""
        for _ in range(TRIES):
            self._write(pointer)
            try:
                answer = self._i2c.readfrom(ADDRESS, size // 2 * 3)
            except OSError:
                raise SensorFault("bus")
            data = b""
            for at in range(0, len(answer), 3):
                if crc8(answer[at : at + 2]) == answer[at + 2]:
                    data += answer[at : at + 2]
            if len(data) == size:
                return data
            self.crc_errors += 1
        raise SensorFault("bad_crc")

    def _write(self, data):
        try:
            self._i2c.writeto(ADDRESS, data)
        except OSError:
            raise SensorFault("bus")

"""The sensor Bosch BME280 on I2C: temperature, pressure and humidity, one forced measurement at a time, in integers.

It must never know what the values are for; it is handed a machine.I2C.
Spec: Bosch BST-BME280-DS002, 4.2.3 (compensation, its 32- and 64-bit integer code), 5.3 (forced mode), 5.4 (registers).
"""

import asyncio
from collections import namedtuple
from struct import unpack

from firmware.drivers.sensor_fault import SensorFault

ADDRESS = 0x76
ID = 0xD0
RESET = 0xE0
CTRL_HUM = 0xF2
STATUS = 0xF3
CTRL_MEAS = 0xF4
DATA = 0xF7  # press, temp, hum: 3 + 3 + 2 bytes
CALIB_00 = 0x88
CALIB_26 = 0xE1

CHIP_ID = b"\x60"
SOFT_RESET = b"\xb6"
STATUS_MEASURING = 0x08
STATUS_IM_UPDATE = 0x01
OVERSAMPLING_1 = b"\x01"
FORCED_1_1 = b"\x25"  # temperature and pressure once each, then sleep
SKIPPED = 0x80000  # what an unmeasured temperature or pressure reads as

RESET_MS = 2
MEASURE_MS = 10  # appendix B: 9.3 ms at most
POLL_MS = 2
POLLS = 20

Climate = namedtuple("Climate", ("temperature_cdeg", "humidity_cpc", "pressure_pa"))
Trimming = namedtuple(
    "Trimming",
    ("t1", "t2", "t3", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "h1", "h2", "h3", "h4", "h5", "h6"),
)


def trimming(calib_00: bytes, calib_26: bytes) -> Trimming:
    """The constants of one chip from its registers 88…A1 and E1…E7 (table 16)."""
    h2, h3, h4_high, h45_low, h5_high, h6 = unpack("<hBbBbb", calib_26)
    h4 = h4_high << 4 | h45_low & 0x0F
    h5 = h5_high << 4 | h45_low >> 4
    return Trimming(*(list(unpack("<HhhHhhhhhhhh", calib_00[:24])) + [calib_00[25], h2, h3, h4, h5, h6]))


def temperature_fine(trim: Trimming, raw: int) -> int:
    """t_fine of 4.2.3, which the others need; 5120 of it are one degree."""
    var1 = ((raw >> 3) - (trim.t1 << 1)) * trim.t2 >> 11
    var2 = (((raw >> 4) - trim.t1) * ((raw >> 4) - trim.t1) >> 12) * trim.t3 >> 14
    return var1 + var2


def pressure_q8(trim: Trimming, fine: int, raw: int) -> int:
    """Pascal x 256 (BME280_compensate_P_int64). 0 when the trimming makes no sense."""
    var1 = fine - 128000
    var2 = var1 * var1 * trim.p6 + (var1 * trim.p5 << 17) + (trim.p4 << 35)
    var1 = (var1 * var1 * trim.p3 >> 8) + (var1 * trim.p2 << 12)
    var1 = ((1 << 47) + var1) * trim.p1 >> 33
    if not var1:
        return 0
    pressure = ((1048576 - raw << 31) - var2) * 3125 // var1
    var1 = trim.p9 * (pressure >> 13) * (pressure >> 13) >> 25
    var2 = trim.p8 * pressure >> 19
    return (pressure + var1 + var2 >> 8) + (trim.p7 << 4)


def humidity_q10(trim: Trimming, fine: int, raw: int) -> int:
    """Percent x 1024 (bme280_compensate_H_int32)."""
    v = fine - 76800
    slope = ((v * trim.h6 >> 10) * ((v * trim.h3 >> 11) + 32768) >> 10) + 2097152
    v = ((raw << 14) - (trim.h4 << 20) - trim.h5 * v + 16384 >> 15) * (slope * trim.h2 + 8192 >> 14)
    v -= ((v >> 15) * (v >> 15) >> 7) * trim.h1 >> 4
    return min(max(v, 0), 419430400) >> 12


class Bme280:
    def __init__(self, i2c, address: int = ADDRESS):
        self._i2c = i2c
        self._address = address
        self._trim = trimming(bytes(26), bytes(7))  # until open() has read the chip's own

    async def open(self):
        """Resets it and reads its constants. Raises SensorFault."""
        try:
            if self._read(ID, 1) != CHIP_ID:
                raise SensorFault("wrong_chip")
            self._i2c.writeto_mem(self._address, RESET, SOFT_RESET)
            await self._until(STATUS_IM_UPDATE, RESET_MS)
            self._trim = trimming(self._read(CALIB_00, 26), self._read(CALIB_26, 7))
            self._i2c.writeto_mem(self._address, CTRL_HUM, OVERSAMPLING_1)
        except OSError:
            raise SensorFault("bus")

    async def read(self) -> Climate:
        """Measures once: 0.01 °C, 0.01 % relative humidity, Pa. Raises SensorFault."""
        try:
            self._i2c.writeto_mem(self._address, CTRL_MEAS, FORCED_1_1)
            await self._until(STATUS_MEASURING, MEASURE_MS)
            data = self._read(DATA, 8)
        except OSError:
            raise SensorFault("bus")
        pressure = data[0] << 12 | data[1] << 4 | data[2] >> 4
        temperature = data[3] << 12 | data[4] << 4 | data[5] >> 4
        if SKIPPED in (pressure, temperature):
            raise SensorFault("bad_value")  # it was reset meanwhile and has measured nothing
        fine = temperature_fine(self._trim, temperature)
        return Climate(
            fine * 5 + 128 >> 8,
            humidity_q10(self._trim, fine, data[6] << 8 | data[7]) * 100 + 512 >> 10,
            pressure_q8(self._trim, fine, pressure) + 128 >> 8,
        )

    async def _until(self, busy_bit, expected_ms):
        await asyncio.sleep_ms(expected_ms)
        for _ in range(POLLS):
            if not self._read(STATUS, 1)[0] & busy_bit:
                return
            await asyncio.sleep_ms(POLL_MS)
        raise SensorFault("not_ready")

    def _read(self, register, size):
        return self._i2c.readfrom_mem(self._address, register, size)

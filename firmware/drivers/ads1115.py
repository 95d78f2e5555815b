"""The analogue-digital converter TI ADS1115 on I2C: one conversion at a time, of one input against ground.

It must never know what is wired to an input; it is handed a machine.I2C.
Spec: TI SBAS444D, 9.3.3 (full scale), 9.6 (registers).
"""

import asyncio

from firmware.drivers.sensor_fault import SensorFault

CONVERSION = 0
CONFIG = 1

OS = 0x8000  # written: begin; read: 1 when no conversion runs
MUX_AIN0_GND = 0x4000
MUX_STEP = 0x1000
MODE_SINGLE_SHOT = 0x0100
DR_128SPS = 0x0080
COMP_QUE_DISABLED = 0x0003

# Full scale in mV: its PGA bits
PGA = {6144: 0x0000, 4096: 0x0200, 2048: 0x0400, 1024: 0x0600, 512: 0x0800, 256: 0x0A00}
INPUTS = 4

CONVERSION_MS = 8  # 1 / 128 s, and up to 10 % more
POLL_MS = 1
POLLS = 8


class Ads1115:
    def __init__(self, i2c, address: int):
        self._i2c = i2c
        self._address = address
        self._word = bytearray(2)

    async def read_uv(self, channel: int, full_scale_mv: int = 2048) -> int:
        """Microvolts at an input, 0 to 3. A value at the end of the scale is all it can say. Raises SensorFault."""
        begin = OS | MUX_AIN0_GND + channel * MUX_STEP | PGA[full_scale_mv]
        begin |= MODE_SINGLE_SHOT | DR_128SPS | COMP_QUE_DISABLED
        try:
            self._i2c.writeto(self._address, bytes((CONFIG, begin >> 8, begin & 0xFF)))
            await asyncio.sleep_ms(CONVERSION_MS)
            for _ in range(POLLS):
                config = self._register(CONFIG)
                if (config | OS) != begin:
                    raise SensorFault("refused")  # it was reset meanwhile, or is another chip
                if config & OS:
                    return _signed(self._register(CONVERSION)) * full_scale_mv * 125 // 4096  # 1000 / 32768
                await asyncio.sleep_ms(POLL_MS)
        except OSError:
            raise SensorFault("bus")
        raise SensorFault("not_ready")

    def _register(self, number):
        self._i2c.readfrom_mem_into(self._address, number, self._word)
        return self._word[0] << 8 | self._word[1]


def _signed(word):
    return word - 0x10000 if word & 0x8000 else word

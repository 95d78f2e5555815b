"""The particle sensor Sensirion SPS30 on a UART: the same values as on I2C, in SHDLC frames.

It must never judge a value; it is handed a machine.UART, whose speed it sets.
Spec: Sensirion SPS30 datasheet 1.0, section 5.3 (commands); firmware/drivers/shdlc.py (frames).
"""

import asyncio

from firmware.drivers.sensor_fault import SensorFault
from firmware.drivers.shdlc import ShdlcReader, request
from firmware.drivers.sps30 import VALUES_SIZE, measured
from firmware.drivers.uart_reader import UartReader

BAUD = 115_200
ADDRESS = 0
START_MEASUREMENT = 0x00
STOP_MEASUREMENT = 0x01
READ_MEASURED_VALUES = 0x03
WAKE_UP = 0x11
BIG_ENDIAN_FLOATS = b"\x01\x03"

WAKE_PULSE = b"\xff"  # 5.3.5: any byte wakes the interface, which then takes WAKE_UP for 100 ms
WAKE_MS = 5
ANSWER_TIMEOUT_MS = 200
POLL_MS = 100
POLLS = 15  # a new value each second
CHUNK = 64
LINE_GONE_MS = 100


class Sps30OnUart:
    """Counters of bad bytes are in `reader`."""

    def __init__(self, uart):
        self._uart = uart
        self._line = UartReader(uart)
        self._chunk = memoryview(bytearray(CHUNK))
        self.reader = ShdlcReader()

    async def open(self):
        """Wakes it and starts the measurement anew. Raises SensorFault."""
        self._uart.init(baudrate=BAUD)
        self._uart.write(WAKE_PULSE)
        await asyncio.sleep_ms(WAKE_MS)
        for command, data in ((WAKE_UP, b""), (STOP_MEASUREMENT, b""), (START_MEASUREMENT, BIG_ENDIAN_FLOATS)):
            await self._ask(command, data)

    async def read(self):
        """The next Measured. Raises SensorFault."""
        for _ in range(POLLS):
            data = (await self._ask(READ_MEASURED_VALUES, b"")).data
            if len(data) == VALUES_SIZE:
                return measured(data)
            await asyncio.sleep_ms(POLL_MS)
        raise SensorFault("not_ready")

    async def _ask(self, command, data):
        self._uart.write(request(ADDRESS, command, data))
        try:
            return await asyncio.wait_for_ms(self._answer(command), ANSWER_TIMEOUT_MS)
        except asyncio.TimeoutError:
            raise SensorFault("silent")

    async def _answer(self, command):
        while True:
            size = await self._line.readinto(self._chunk)
            if not size:  # readable, yet empty: the other end of the line has gone
                await asyncio.sleep_ms(LINE_GONE_MS)
            for answer in self.reader.feed(self._chunk, size):
                if answer.command == command:
                    return answer

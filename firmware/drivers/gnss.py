"""The GNSS receiver on a UART: waits for bytes without polling and gives whole fixes, or says that it hears none.

It must never know what a position is used for; it is handed a machine.UART.
Spec: firmware/drivers/uart_reader.py; the sentences are firmware/drivers/nmea.py's.
"""

import asyncio

from firmware.drivers.nmea import NmeaReader
from firmware.drivers.uart_reader import UartReader

SILENCE_MS = 5000  # receivers speak once a second
LINE_GONE_MS = 200
GATHER_MS = 150  # let a burst gather: some 150 characters at 9600 baud, of which an RP2040 keeps 256
CHUNK = 192


class Gnss:
    """Counters of bad bytes are in `nmea`."""

    def __init__(self, uart, silence_ms: int = SILENCE_MS):
        self._line = UartReader(uart)
        self._silence_ms = silence_ms
        self._chunk = memoryview(bytearray(CHUNK))
        self._waiting = []
        self.nmea = NmeaReader()

    async def next(self):
        """The next Fix (void ones too); None when the receiver has given none for silence_ms, and again each time."""
        if not self._waiting:
            try:
                await asyncio.wait_for_ms(self._listen(), self._silence_ms)
            except asyncio.TimeoutError:
                return None
        return self._waiting.pop(0)

    async def _listen(self):
        while not self._waiting:
            size = await self._line.readinto(self._chunk)
            self._waiting = list(self.nmea.feed(self._chunk, size))
            if not self._waiting:
                await asyncio.sleep_ms(GATHER_MS if size else LINE_GONE_MS)

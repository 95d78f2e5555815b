"""The GNSS receiver on a UART: waits for bytes without polling and gives whole fixes, or says that it hears none.

It must never know what a position is used for; it is handed a machine.UART.
Spec: MicroPython asyncio.StreamReader over machine.UART; the sentences are firmware/drivers/nmea.py's.
"""

import asyncio

from firmware.drivers.nmea import NmeaReader

SILENCE_MS = 5000  # receivers speak once a second
LINE_GONE_MS = 200
CHUNK = 64  # the RP2040's UART holds 32 bytes in hardware and asyncio reads what is there


class Gnss:
    """Counters of bad bytes are in `nmea`."""

    def __init__(self, uart, silence_ms: int = SILENCE_MS):
        self._stream = asyncio.StreamReader(uart)
        self._silence_ms = silence_ms
        self._chunk = bytearray(CHUNK)
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
            size = await self._stream.readinto(self._chunk)
            if not size:  # readable, yet empty: the other end of the line has gone
                await asyncio.sleep_ms(LINE_GONE_MS)
                continue
            self._waiting = list(self.nmea.feed(self._chunk, size))

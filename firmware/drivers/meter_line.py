"""A half-duplex line to meters on a UART: speak, then listen for so long; the line's speed and framing change at will.

It must never know a protocol; it is handed a machine.UART.
Spec: MicroPython machine.UART; firmware/drivers/uart_reader.py. Level converters and optical heads need no direction.
"""

import asyncio

from firmware.drivers.uart_reader import UartReader

CHARACTER_BITS = 11
TURN_MS = 5  # until a converter has turned the line round
EVEN = 0


class MeterLine:
    def __init__(self, uart):
        self._uart = uart
        self._reader = UartReader(uart)
        self._drain = memoryview(bytearray(32))
        self.baud = 0

    def open(self, baud, bits=8, parity=EVEN):
        """Speak and listen at this speed from now on."""
        self.baud = baud
        self._uart.init(baudrate=baud, bits=bits, parity=parity, stop=1)

    def character_ms(self, count):
        """How long so many characters take, rounded up."""
        return -(-count * CHARACTER_BITS * 1000 // self.baud)

    async def send(self, data):
        """What was heard before is forgotten; returns when the last bit has left."""
        while self._uart.any():
            self._uart.readinto(self._drain)
        self._uart.write(data)
        await asyncio.sleep_ms(self.character_ms(len(data)))
        while not self._uart.txdone():
            await asyncio.sleep_ms(TURN_MS)

    async def pause(self, ms):
        """Say nothing for so long: some meters have to rest before they are spoken to."""
        await asyncio.sleep_ms(ms)

    async def receive(self, view, within_ms):
        """Bytes as they come, into a memoryview; 0: silence for so long."""
        try:
            return await asyncio.wait_for_ms(self._reader.readinto(view), within_ms)
        except asyncio.TimeoutError:
            return 0

"""What has arrived on a UART, and no more: the way to read one without holding up the node.

It must never know what the bytes mean; it is handed a machine.UART.
Spec: MicroPython asyncio.StreamReader over machine.UART. Asked for more than is there, read() and readinto() keep the
processor until the line pauses (RP2: `timeout_char`, a character at least), so they are asked for what any() tells.
"""

import asyncio


class UartReader:
    def __init__(self, uart):
        self._uart = uart
        self._stream = asyncio.StreamReader(uart)

    async def readinto(self, view) -> int:
        """Waits for bytes without polling and puts what is there into a memoryview. 0: the line has gone."""
        size = await self._stream.readinto(view[:1])
        more = min(self._uart.any(), len(view) - 1)
        if size and more:
            size += self._uart.readinto(view[1 : 1 + more])
        return size

"""A UART of the chip on a descriptor of the host: a pseudo-terminal or a socket, for a relay or any serial program.
It must never know what the bytes mean, nor wait: what cannot be written yet waits here.
Specification: emulation/rp2040/README.md, "The way out".
"""

import os

from emulation.rp2040.uart_line import UartLine

CHUNK_BYTES = 4096


class HostPort:
    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._unwritten = bytearray()

    def attach(self, line: UartLine) -> None:
        line.on_output = self._unwritten.extend

    def poll(self, line: UartLine | None) -> None:
        """Pass on what has come from either side; without a chip nobody listens."""
        try:
            arrived = os.read(self._descriptor, CHUNK_BYTES)
        except (BlockingIOError, OSError):  # EIO: nobody has opened the other end of the pseudo-terminal
            arrived = b""
        if arrived and line is not None:
            line.send(arrived)
        if self._unwritten:
            try:
                del self._unwritten[: os.write(self._descriptor, self._unwritten)]
            except OSError:
                self._unwritten.clear()  # an unplugged line keeps nothing

"""A UART or the console of the chip on a descriptor of the host: a pseudo-terminal or a socket, for any serial program.
It must never know what the bytes mean, nor wait: what cannot be written yet waits here.
Specification: emulation/rp2040/README.md, "The way out".
"""

import os
from collections.abc import Callable

CHUNK_BYTES = 4096


class HostPort:
    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._unwritten = bytearray()

    def say(self, data: bytes) -> None:
        """The chip's side; it is passed on with the next poll()."""
        self._unwritten += data

    def poll(self, hear: Callable[[bytes], None] | None) -> None:
        """Pass on what has come from either side; without a chip nobody listens."""
        try:
            arrived = os.read(self._descriptor, CHUNK_BYTES)
        except (BlockingIOError, OSError):  # EIO: nobody has opened the other end of the pseudo-terminal
            arrived = b""
        if arrived and hear is not None:
            hear(arrived)
        if self._unwritten:
            try:
                del self._unwritten[: os.write(self._descriptor, self._unwritten)]
            except OSError:
                self._unwritten.clear()  # an unplugged line keeps nothing

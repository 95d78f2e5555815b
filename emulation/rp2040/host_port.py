"""A UART or the console of the chip on a descriptor of the host: a pseudo-terminal or a socket, for any serial program.
It must never know what the bytes mean, nor wait: what cannot be written yet waits here.
Specification: emulation/rp2040/README.md, "The way out".
"""

import os
from collections.abc import Callable

CHUNK_BYTES = 4096
CHARACTER_BITS = 10


class HostPort:
    """With a `baud` bytes pass no faster than a serial line of that speed carries them, in the time of `now_us`."""

    def __init__(self, descriptor: int, baud: int = 0, now_us: Callable[[], int] = lambda: 0) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._unwritten = bytearray()
        self._baud = baud
        self._now_us = now_us
        self._polled_us = now_us()
        self._in = self._out = 0.0  # bytes that the line could have carried and did not

    def say(self, data: bytes) -> None:
        """The chip's side; it is passed on with the next poll()."""
        self._unwritten += data

    def poll(self, hear: Callable[[bytes], None] | None) -> None:
        """Pass on what has come from either side; without a chip nobody listens."""
        carried = self._carried()
        self._in, self._out = min(self._in, carried) + carried, min(self._out, carried) + carried
        try:
            arrived = os.read(self._descriptor, int(min(CHUNK_BYTES, self._in))) if self._in >= 1 else b""
        except (BlockingIOError, OSError):  # EIO: nobody has opened the other end of the pseudo-terminal
            arrived = b""
        self._in -= len(arrived)
        if arrived and hear is not None:
            hear(arrived)
        if self._unwritten and self._out >= 1:
            try:
                written = os.write(self._descriptor, self._unwritten[: int(min(CHUNK_BYTES, self._out))])
            except OSError:
                self._unwritten.clear()  # an unplugged line keeps nothing
                return
            del self._unwritten[:written]
            self._out -= written

    def _carried(self) -> float:
        """How many bytes the line could carry since it was asked last."""
        if not self._baud:
            return CHUNK_BYTES
        before_us, self._polled_us = self._polled_us, self._now_us()
        return (self._polled_us - before_us) * self._baud / CHARACTER_BITS / 1e6

"""Bytes that have arrived on a line or a socket and were not read yet: the reading half of a MicroPython stream.
It must never know where they come from.
Specification: MicroPython's stream protocol; an empty line gives None as long as it is open, b"" at its end.
"""

import select


class Arrived:
    def __init__(self):
        self._bytes = b""
        self.ended = False

    def take(self, data):
        self._bytes += data

    def any(self):
        return len(self._bytes)

    def read(self, nbytes=-1):
        if not self._bytes:
            return b"" if self.ended else None
        size = len(self._bytes) if nbytes < 0 else nbytes
        data, self._bytes = self._bytes[:size], self._bytes[size:]
        return data

    def readinto(self, buf, nbytes=None):
        data = self.read(len(buf) if nbytes is None else nbytes)
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    def readline(self):
        return self.read(self._bytes.find(b"\n") + 1 or -1)

    def ready(self, flags):
        return flags & select.POLLIN if self._bytes or self.ended else 0

"""`machine.UART` on a descriptor of its own (VUZOL_UART<n>), which the emulator has set to O_NONBLOCK.
It must never know what is at the other end.
Specification: MicroPython's `machine.UART`. A stream that gives its descriptor lets asyncio sleep in poll().
"""

import io
import os
import select

_MP_STREAM_POLL = 3
_MP_STREAM_GET_FILENO = 10
_EINVAL = -22
_AHEAD = 256


_open = {}  # lines stay open as long as the node runs: who lets a UART go may make another


class UART(io.IOBase):
    def __init__(self, id, baudrate=9600, bits=8, parity=None, stop=1, **_options):
        descriptor = os.getenv("VUZOL_UART%d" % id)
        if not descriptor:
            raise ValueError("nothing is wired to UART(%d)" % id)
        self._descriptor = int(descriptor)
        if descriptor not in _open:
            _open[descriptor] = open(self._descriptor, "r+b")  # noqa: SIM115
        self._line = _open[descriptor]
        self._ahead = b""  # what any() has seen

    def init(self, *_values, **_options):
        pass

    def deinit(self):
        pass

    def any(self):
        if not self._ahead:
            self._ahead = self._line.read(_AHEAD) or b""
        return len(self._ahead)

    def read(self, nbytes=-1):
        if not self._ahead:
            return self._line.read(nbytes)
        size = len(self._ahead) if nbytes < 0 else nbytes
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data

    def readline(self):
        if not self._ahead:
            return self._line.readline()
        return self.read(self._ahead.find(b"\n") + 1 or -1)

    def readinto(self, buf, nbytes=None):
        if not self._ahead:
            return self._line.readinto(buf) if nbytes is None else self._line.readinto(buf, nbytes)
        data = self.read(len(buf) if nbytes is None else nbytes)
        buf[: len(data)] = data
        return len(data)

    def write(self, buf):
        return self._line.write(buf)

    def flush(self):
        pass

    def txdone(self):
        return True

    def ioctl(self, request, argument):
        if self._ahead:  # the descriptor knows nothing of it
            return argument & select.POLLIN if request == _MP_STREAM_POLL else _EINVAL
        return self._descriptor if request == _MP_STREAM_GET_FILENO else _EINVAL

"""`machine.UART` on a descriptor of its own (VUZOL_UART<n>), which the emulator has set to O_NONBLOCK.
It must never know what is at the other end.
Specification: MicroPython's `machine.UART`. A stream that gives its descriptor lets asyncio sleep in poll().
"""

import io
import os
import select

_MP_STREAM_GET_FILENO = 10
_EINVAL = -22


class UART(io.IOBase):
    def __init__(self, id, baudrate=9600, bits=8, parity=None, stop=1, **_options):
        descriptor = os.getenv("VUZOL_UART%d" % id)
        if not descriptor:
            raise ValueError("nothing is wired to UART(%d)" % id)
        self._descriptor = int(descriptor)
        self._line = open(self._descriptor, "r+b")  # noqa: SIM115 (it stays open as long as the node runs)
        self._poll = select.poll()
        self._poll.register(self._line, select.POLLIN)

    def init(self, *_values, **_options):
        pass

    def deinit(self):
        pass

    def any(self):
        """1 when something is there to read; the real one counts, which `machine` does not promise."""
        for _ in self._poll.ipoll(0):
            return 1
        return 0

    def read(self, nbytes=-1):
        return self._line.read(nbytes)

    def readline(self):
        return self._line.readline()

    def readinto(self, buf, nbytes=None):
        return self._line.readinto(buf) if nbytes is None else self._line.readinto(buf, nbytes)

    def write(self, buf):
        return self._line.write(buf)

    def flush(self):
        pass

    def txdone(self):
        return True

    def ioctl(self, request, _argument):
        return self._descriptor if request == _MP_STREAM_GET_FILENO else _EINVAL

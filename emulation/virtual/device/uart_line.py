"""`machine.UART` in virtual time: bytes go and come with the frames of the bus.
It must never know what is at the other end; the model there keeps the line's pace.
Specification: MicroPython's `machine.UART`; time_frames.py.
"""

import os

import bus_link
import select
import time_frames
from arrived import Arrived


class UART(Arrived):
    def __init__(self, id, baudrate=9600, bits=8, parity=None, stop=1, **_options):
        if str(id) not in os.getenv("VUZOL_UARTS").split(","):
            raise ValueError("nothing is wired to UART(%d)" % id)
        super().__init__()
        self._id = id
        bus_link.receivers[time_frames.UART_DATA, id] = self.take

    def init(self, *_values, **_options):
        pass

    def deinit(self):
        pass

    def write(self, buf):
        bus_link.post(time_frames.UART_WRITE, self._id, buf)
        return len(buf)

    def flush(self):
        pass

    def txdone(self):
        return True

    def ready(self, flags):
        return super().ready(flags) | flags & select.POLLOUT

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
    IRQ_RXIDLE = 16
    IRQ_TXIDLE = 32  # never comes: what is written has left, as far as the node can tell

    def __init__(self, id, baudrate=9600, bits=8, parity=None, stop=1, **_options):
        if str(id) not in os.getenv("VUZOL_UARTS").split(","):
            raise ValueError("nothing is wired to UART(%d)" % id)
        super().__init__()
        self._id = id
        self._interrupt = None
        bus_link.receivers[time_frames.UART_DATA, id] = self.take

    def init(self, *_values, **_options):
        pass

    def deinit(self):
        pass

    def irq(self, handler=None, trigger=0, hard=False):
        """What arrives is a burst that a silence has ended: who hands it over has waited for that."""
        if handler:
            self._interrupt = handler
        return self

    def flags(self):
        return self.IRQ_RXIDLE

    def take(self, data):
        super().take(data)
        if self._interrupt:
            self._interrupt(self)

    def write(self, buf):
        bus_link.post(time_frames.UART_WRITE, self._id, buf)
        return len(buf)

    def flush(self):
        pass

    def txdone(self):
        return True

    def ready(self, flags):
        return super().ready(flags) | flags & select.POLLOUT

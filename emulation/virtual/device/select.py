"""MicroPython's `select` in virtual time, for what has no descriptor: our UARTs and sockets, and flags of asyncio's.
It must never know what an object carries: each tells by `ready(flags)` which of the flags hold.
Specification: MicroPython's documentation of `select`, as far as asyncio uses it.
"""

from io import IOBase

import bus_link
import time_frames

POLLIN = 1
POLLOUT = 4
POLLERR = 8
POLLHUP = 16
MP_STREAM_POLL = 3


class poll:
    def __init__(self):
        self._watched = []  # [object, flags]
        self.is_new = False  # there is something that was not looked at
        self.has_flags = False  # which tasks may set

    def register(self, obj, eventmask=POLLIN | POLLOUT):
        self.is_new = True
        self.has_flags = self.has_flags or isinstance(obj, IOBase)
        for one in self._watched:
            if one[0] is obj:
                one[1] = eventmask
                return
        self._watched.append([obj, eventmask])

    modify = register

    def unregister(self, obj):
        for i, one in enumerate(self._watched):
            if one[0] is obj:
                self._watched.pop(i)
                return

    def poll(self, timeout=-1):
        """[(object, flags that hold)], when `timeout` ms have passed, or as soon as something has happened."""
        bus_link.same = False
        found = self._look()
        if found or timeout == 0:
            return found
        bus_link.wait(time_frames.NEVER_US if timeout < 0 else (bus_link.now_us // 1000 + timeout) * 1000)
        return self._look()

    def ipoll(self, timeout=-1, _flags=0):
        return self.poll(timeout)

    def _look(self):
        self.is_new = bus_link.arrived = False
        found = ()
        for obj, flags in self._watched:
            holds = obj.ioctl(MP_STREAM_POLL, flags) if isinstance(obj, IOBase) else obj.ready(flags)
            if holds:
                found += ((obj, holds),)
        return found

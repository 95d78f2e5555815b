"""Client sockets in virtual time: a connection is a number, its bytes go and come with the frames of the bus.
It must never open a real connection.
Specification: MicroPython's documentation of `socket`, non-blocking, as far as the firmware uses it; time_frames.py.
"""

import struct
from errno import ECONNRESET, EINPROGRESS

import bus_link
import select
import time_frames
from arrived import Arrived

AF_INET = 2
SOCK_STREAM = 1
SOL_SOCKET = 1
SO_REUSEADDR = 2
_PIECE = 8000
_last = 0


def getaddrinfo(host, port, *_hints):
    return [(AF_INET, SOCK_STREAM, 0, "", (host, port))]


class socket(Arrived):
    def __init__(self, *_family):
        global _last
        super().__init__()
        _last = _last % 255 + 1
        self._number = _last
        self._open = False
        for kind, receive in (
            (time_frames.OPENED, self._opened),
            (time_frames.SOCKET_DATA, self.take),
            (time_frames.CLOSED, self._ended),
        ):
            bus_link.receivers[kind, self._number] = receive

    def setsockopt(self, *_option):
        pass

    def setblocking(self, flag):
        if flag:
            raise NotImplementedError("sockets in virtual time do not block")

    def connect(self, address):
        host, port = address
        bus_link.post(time_frames.CONNECT, self._number, struct.pack("<H", port) + host.encode())
        raise OSError(EINPROGRESS)

    def write(self, buf):
        if self.ended:
            raise OSError(ECONNRESET)
        if not self._open:
            return None
        size = min(len(buf), _PIECE)
        bus_link.post(time_frames.SEND, self._number, memoryview(buf)[:size])
        return size

    def close(self):
        for kind in (time_frames.OPENED, time_frames.SOCKET_DATA, time_frames.CLOSED):
            bus_link.receivers.pop((kind, self._number), None)
        bus_link.post(time_frames.CLOSE, self._number)

    def ready(self, flags):
        holds = super().ready(flags)
        if self.ended:
            return holds | select.POLLHUP
        return holds | flags & select.POLLOUT if self._open else holds

    def _opened(self, _data):
        self._open = True

    def _ended(self, _data):
        self._open = False
        self.ended = True

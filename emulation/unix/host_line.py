"""A descriptor of the host, a socket or a pseudo-terminal, as a serial line: bytes that nobody reads are lost.
It must never know what the bytes mean. Everything here runs in the bus server's thread.
Specification: emulation/unix/bus_server.py.
"""

import contextlib
import os
from collections.abc import Callable

from emulation.unix.bus_server import BusServer

CHUNK = 4096


class HostLine:
    """It works on a duplicate: the descriptor's owner may close it at any time."""

    def __init__(self, server: BusServer, descriptor: int, on_data: Callable[[bytes], None]) -> None:
        self._server = server
        self._on_data = on_data
        self._descriptor = os.dup(descriptor)
        self._open = True
        os.set_blocking(self._descriptor, False)
        server.watch(self._descriptor, self._arrived)

    def send(self, data: bytes) -> None:
        if self._open:
            with contextlib.suppress(OSError):  # full or gone: a line without flow control loses what nobody reads
                os.write(self._descriptor, data)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._server.unwatch(self._descriptor)
            os.close(self._descriptor)

    def _arrived(self) -> None:
        try:
            data = os.read(self._descriptor, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._on_data(data)
        else:
            self.close()

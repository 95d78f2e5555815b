"""The console of a process as a board's USB port: a terminal inside, a pseudo-terminal's master of the host outside.
It must never know what is typed. Ctrl-C interrupts the program that runs; everything else passes as it is.
Specification: termios(3); setsid(1), `--ctty`; MicroPython's unix port sets the terminal itself at its prompt.
"""

import contextlib
import os
import pty
import shutil
import termios
import tty
from collections.abc import Sequence

from emulation.unix.bus_server import BusServer
from emulation.unix.host_line import HostLine

NO_CHARACTER = b"\0"
AGAIN_US = 1000


class ConsoleCable:
    def __init__(self, server: BusServer, descriptor: int) -> None:
        self._server = server
        self._descriptor = descriptor
        self._line: HostLine | None = None
        self._inside = -1
        self._untaken = bytearray()

    def command(self, command: Sequence[str]) -> list[str]:
        """With the terminal as the one that Ctrl-C comes from."""
        setsid = shutil.which("setsid")
        return [setsid, "--ctty", *command] if setsid else list(command)

    def open(self) -> tuple[int, int]:
        """(the emulator's end, the node's end)."""
        self._inside, of_node = pty.openpty()
        tty.setraw(of_node)
        mode = termios.tcgetattr(of_node)
        mode[3] |= termios.ISIG
        for key in (termios.VQUIT, termios.VSUSP):
            mode[6][key] = NO_CHARACTER
        termios.tcsetattr(of_node, termios.TCSANOW, mode)
        if self._line is None:
            self._line = HostLine(self._server, self._descriptor, self._typed)
        return self._inside, of_node

    def say(self, text: bytes) -> None:
        if self._line is not None:
            self._line.send(text)

    def closed(self) -> None:
        """The program has ended; the port stays."""
        self._inside = -1
        self._untaken.clear()

    def close(self) -> None:
        if self._line is not None:
            self._line.close()

    def _typed(self, keys: bytes) -> None:
        if self._inside < 0:
            return
        waited = bool(self._untaken)
        self._untaken += keys
        if not waited:
            self._push()

    def _push(self) -> None:
        """A USB port has flow control: what the program has not read yet waits."""
        if not self._untaken:
            return
        with contextlib.suppress(BlockingIOError):
            del self._untaken[: os.write(self._inside, self._untaken)]
        if self._untaken:
            self._server.clock.call_at(self._server.clock.now_us() + AGAIN_US, self._push)

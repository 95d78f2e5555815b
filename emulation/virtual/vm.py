"""One run of a MicroPython process in virtual time: it runs while we wait for it, and waits while the world runs.
It must never know what its frames mean; whoever serves it does, and says what time it is.
Specification: emulation/virtual/device/time_frames.py.
"""

import contextlib
import os
import socket
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

from emulation.unix.node_process import Program
from emulation.unix.process import at_fixed_addresses, bound_to_parent
from emulation.virtual.device import time_frames as frames

CHUNK = 65_536
PATIENCE_S = 60  # of real time without a word: a node that computes for so long hangs
_WAIT_ANSWER = struct.Struct(frames.WAIT_ANSWER)


class NodeHangs(Exception):
    """It computes and computes, and never waits: no time passes for it, so that its watchdog cannot help."""


class Vm:
    """`wakes_us` is when its wait ends; None: it runs, and has to be heard."""

    def __init__(self, program: Program, folder: Path, environment: Mapping[str, str], console: int) -> None:
        self._bus, its_bus = socket.socketpair()
        self._bus.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE_S, 0))
        self.wakes_us: int | None = None
        command = [str(program.micropython), "-X", f"heapsize={program.heap}", *program.arguments]
        variables = {
            "PATH": os.environ.get("PATH", ""),
            "MICROPYPATH": program.search_path,
            "VUZOL_BUS_FD": str(its_bus.fileno()),
            "VUZOL_UNIQUE_ID": program.unique_id,
        }
        with its_bus:
            self._process = subprocess.Popen(
                bound_to_parent(at_fixed_addresses(command)),
                cwd=folder,
                env={**variables, **environment, **program.environment},
                pass_fds=[its_bus.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the emulator, which ends its nodes in order
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def hear(self) -> bytes:
        """What it says next; nothing when it has ended. Raises NodeHangs."""
        try:
            return self._bus.recv(CHUNK)
        except BlockingIOError:
            raise NodeHangs(f"process {self.pid} has not waited for {PATIENCE_S} s of real time") from None
        except ConnectionError:
            return b""

    def answer(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):  # it has ended, as it will be heard
            self._bus.sendall(data)

    def wake(self, now_us: int, free_until_us: int, arrivals: bytes) -> None:
        """End its wait."""
        self.wakes_us = None
        self.answer(_WAIT_ANSWER.pack(0, now_us, free_until_us, len(arrivals)) + arrivals)

    def end(self, *, kill: bool) -> int:
        """Its exit status; `kill` stops it at whatever instruction it is."""
        if kill:
            self._process.kill()
        self._bus.close()
        return self._process.wait()

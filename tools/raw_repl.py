"""MicroPython's raw REPL over a serial port: break in, run a program, read what it printed.

Never knows what the programs do.
Specification: docs.micropython.org/en/latest/reference/repl.html, "Raw mode".
"""

import time

import serial

from tools.errors import UsageError

BAUD = 115_200
BREAK_IN, RAW, GO = b"\r\x03\x03", b"\r\x01", b"\x04"
PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
FRIENDLY = b"\r\x02"
BREAK_AGAIN_S = 1.0
PIECE_BYTES = 64  # a UART's REPL has no flow control and a small buffer
PIECE_PAUSE_S = 0.005


class ReplFailed(Exception):
    """The program ended with a traceback; its last line is the text."""


class RawRepl:
    """One conversation on an open port."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._heard = bytearray()

    def enter(self, timeout_s: float) -> None:
        """Stop whatever runs. Raises UsageError when nothing answers."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            self._heard.clear()
            self._port.write(BREAK_IN + RAW)
            if self._until(PROMPT, BREAK_AGAIN_S) is not None:
                return
        raise UsageError(
            f"no MicroPython answers at {self._port.port}: check cable and port; a chip that does not start at all is "
            "read with picotool save -a in BOOTSEL mode, then vuzol drain FILE"
        )

    def leave(self) -> None:
        """Back to the friendly prompt: somebody may look around, and a reset starts the application."""
        self._port.write(FRIENDLY)

    def run(self, source: str, timeout_s: float) -> str:
        """What the program printed. Raises ReplFailed, TimeoutError."""
        data = source.encode() + GO
        for start in range(0, len(data), PIECE_BYTES):
            self._port.write(data[start : start + PIECE_BYTES])
            time.sleep(PIECE_PAUSE_S)
        parts = [self._until(end, timeout_s) for end in (b"OK", GO, GO, b">")]
        _, printed, traceback, prompt = parts
        if printed is None or traceback is None or prompt is None:
            raise TimeoutError("the board fell silent")
        if traceback:
            raise ReplFailed(traceback.decode("utf-8", "replace").strip().splitlines()[-1])
        return printed.decode("utf-8", "replace")

    def _until(self, end: bytes, timeout_s: float) -> bytes | None:
        """Everything before `end`, None when it does not come; what is behind it waits."""
        deadline_s = time.monotonic() + timeout_s
        while (at := self._heard.find(end)) < 0:
            arrived = self._port.read(max(1, self._port.in_waiting))
            if not arrived and time.monotonic() > deadline_s:
                return None
            self._heard += arrived
        found = bytes(self._heard[:at])
        del self._heard[: at + len(end)]
        return found

"""MicroPython's raw REPL over a serial port: break in, run a program, read what it printed.

Never knows what the programs do.
Specification: docs.micropython.org/en/latest/reference/repl.html, "Raw mode" and "Raw-paste mode".
"""

import time

import serial

from tools.errors import UsageError

BAUD = 115_200
BREAK_IN, RAW, GO = b"\r\x03\x03", b"\r\x01", b"\x04"
PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
FRIENDLY = b"\r\x02"
PASTE, PASTE_OK, PASTE_UNKNOWN = b"\x05A\x01", b"R\x01", b"ra"
MORE, ENOUGH = 0x01, 0x04
BREAK_AGAIN_S = 1.0
PIECE_BYTES = 64  # a UART's REPL has no flow control and a small buffer; raw-paste has its own
PIECE_PAUSE_S = 0.005
SIGN_S = 5.0
SILENCE_S = 0.1


class ReplFailed(Exception):
    """The program ended with a traceback; its last line is the text."""


class RawRepl:
    """One conversation on an open port."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._heard = bytearray()
        self._pastes = True

    def enter(self, timeout_s: float) -> None:
        """Stop whatever runs. Raises UsageError when nothing answers."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            self._heard.clear()
            self._port.write(BREAK_IN + RAW)
            if self._until(PROMPT, BREAK_AGAIN_S) is not None:
                self._until_silence()
                return
        raise UsageError("fault_silent", port=self._port.port)

    def soft_reset(self, timeout_s: float) -> None:
        """Forget everything that was loaded; the application is not started. Raises UsageError."""
        self._port.write(GO)
        self._until(b">", timeout_s)
        self.enter(timeout_s)

    def leave(self) -> None:
        """Back to the friendly prompt: somebody may look around, and a reset starts the application."""
        self._port.write(FRIENDLY)

    def run(self, source: str, timeout_s: float) -> str:
        """What the program printed. Raises ReplFailed, TimeoutError."""
        self.begin(source)
        return self.end(timeout_s)

    def begin(self, source: str) -> None:
        """The program runs now: talk to it with say() and hear(), or wait for its end(). Raises TimeoutError."""
        data = source.encode()
        if self._pastes and not self._paste(data):
            self._pastes = False
        if not self._pastes:
            self._type(data + GO)
            self.hear(b"OK", SIGN_S)

    def end(self, timeout_s: float, *, printed_all: bool = False) -> str:
        """What it printed since it was last heard, unless all of that was heard. Raises ReplFailed, TimeoutError."""
        printed = b"" if printed_all else self.hear(GO, timeout_s)
        traceback = self.hear(GO, timeout_s)
        self.hear(b">", timeout_s)
        if traceback:
            raise ReplFailed(traceback.decode("utf-8", "replace").strip().splitlines()[-1])
        return printed.decode("utf-8", "replace")

    def say(self, data: bytes) -> None:
        """Bytes for the program's standard input."""
        self._port.write(data)

    def hear(self, end: bytes, timeout_s: float) -> bytes:
        """Everything before `end`. Raises TimeoutError."""
        found = self._until(end, timeout_s)
        if found is None:
            raise TimeoutError("the board fell silent")
        return found

    def hear_one(self, timeout_s: float) -> bytes:
        """One byte. Raises TimeoutError."""
        return self._take(1, timeout_s)

    def _type(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            self._port.write(data[start : start + PIECE_BYTES])
            time.sleep(PIECE_PAUSE_S)

    def _paste(self, data: bytes) -> bool:
        """False from a board that has no raw-paste mode. Raises TimeoutError."""
        self._port.write(PASTE)
        sign = self._take(len(PASTE_OK))
        if sign != PASTE_OK:
            if sign == PASTE_UNKNOWN:  # it took ^E and "A" for a program and told its banner again
                self.hear(b">", SIGN_S)
            return False
        window = room = int.from_bytes(self._take(2), "little")
        while data:
            while not room or self._heard or self._port.in_waiting:
                (sign_byte,) = self._take(1)
                if sign_byte == ENOUGH:  # it takes no more: its complaint follows
                    self._port.write(GO)
                    return True
                room += window
            self._port.write(data[:room])
            data, room = data[room:], max(0, room - len(data[:room]))
        self._port.write(GO)
        while self._take(1) != GO:
            pass
        return True

    def _take(self, count: int, timeout_s: float = SIGN_S) -> bytes:
        deadline_s = time.monotonic() + timeout_s
        while len(self._heard) < count:
            if time.monotonic() > deadline_s:
                raise TimeoutError("the board fell silent")
            self._heard += self._port.read(max(1, self._port.in_waiting))
        found = bytes(self._heard[:count])
        del self._heard[:count]
        return found

    def _until_silence(self) -> None:
        """A prompt may come twice, from a board that was asked twice."""
        deadline_s = time.monotonic() + SILENCE_S
        while time.monotonic() < deadline_s:
            if self._port.read(max(1, self._port.in_waiting)):
                deadline_s = time.monotonic() + SILENCE_S
        self._heard.clear()

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

"""A real board on a serial port, driven through its REPL: its settings, another program, and what it prints.

Never knows whether the silicon is emulated, nor a test. It puts back the settings that it found.
Specification: MicroPython's documentation, "REPL", raw mode; hil_tests/README.md.
"""

import contextlib
import time
from collections.abc import Callable
from types import TracebackType

import serial

from emulation.node_handle import NotSeen
from emulation.rp2040.repl import Repl

ANSWER_S = 20.0
READ_S = 0.05
SETTINGS = "/settings.json"
# A debugger would hold the watchdog; the REPL clears its enable bit (RP2040 datasheet, sections 2.1.2 and 4.7.6).
HOLD_WATCHDOG = "import machine\nmachine.mem32[0x4005B000] = 1 << 30"
RESET = "import machine\nmachine.reset()"


class BenchNode:
    """What NodeHandle has of console and power, as far as a serial port reaches."""

    def __init__(self, port: str, settings: bytes | None, program: str) -> None:
        self._port = port
        self._serial = serial.Serial(port, timeout=READ_S)
        self._printed = bytearray()
        self._repl = Repl(self._type, self._listen, lambda: bytes(self._printed), lambda: None)
        self._stop()
        self._found = self._read_settings()
        self._write_settings(settings)
        self._printed.clear()
        self._repl.begin(program or RESET)

    def __enter__(self) -> "BenchNode":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._write_settings(self._found)
        self._repl.begin(RESET)
        self._listen(READ_S)
        self._serial.close()

    @property
    def console(self) -> str:
        return bytes(self._printed).decode("utf-8", "replace").replace("\r\n", "\n")

    def wait_console(self, text: str, timeout_s: float) -> None:
        """Raises NotSeen."""
        self.wait_until(lambda: text in self.console, timeout_s, repr(text))

    def wait_until(self, seen: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Raises NotSeen."""
        deadline_s = time.monotonic() + timeout_s
        while not seen():
            if time.monotonic() > deadline_s:
                raise NotSeen(f"{what} was not seen on {self._port} within {timeout_s} s:\n{self.console[-2000:]}")
            self._listen(READ_S)

    def pass_time(self, seconds: float) -> None:
        self._listen(seconds)

    def _stop(self) -> None:
        """Whatever runs: break it, and keep the watchdog from biting a board that nobody feeds any more."""
        self._repl.enter(ANSWER_S)
        self._repl.execute(HOLD_WATCHDOG, ANSWER_S)

    def _read_settings(self) -> bytes | None:
        said = self._repl.execute(
            f"try:\n    print(open({SETTINGS!r}, 'rb').read().hex())\nexcept OSError:\n    pass", ANSWER_S
        )
        return bytes.fromhex(said.strip()) or None

    def _write_settings(self, settings: bytes | None) -> None:
        if settings is None:
            source = f"import os\ntry:\n    os.remove({SETTINGS!r})\nexcept OSError:\n    pass"
        else:
            source = f"with open({SETTINGS!r}, 'wb') as file:\n    file.write({settings!r})"
        self._repl.execute(source, ANSWER_S)

    def _type(self, keys: bytes) -> None:
        self._serial.write(keys)

    def _listen(self, seconds: float) -> None:
        """A board that resets takes its USB port away for a moment."""
        deadline_s = time.monotonic() + seconds
        while True:
            try:
                self._printed += self._serial.read(max(1, self._serial.in_waiting))
            except (serial.SerialException, OSError):
                time.sleep(READ_S)
                with contextlib.suppress(serial.SerialException, OSError):
                    self._serial.close()
                    self._serial.open()
            if time.monotonic() >= deadline_s:
                return

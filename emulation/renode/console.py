"""The console's cable: keeps what the node says, and types another program than the firmware at its raw REPL.
It must never know what is typed.
Specification: ports.UartDevice; MicroPython's documentation, "REPL", raw mode.
"""

from collections.abc import Callable

from emulation.peripherals.ports import Alarm, Clock

BREAK, RAW, GO = b"\x03", b"\x01", b"\x04"
RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
AGAIN_US = 200_000
KEPT_BYTES = 256 * 1024


class Console:
    def __init__(self, clock: Clock, source: str | None) -> None:
        """`source` runs instead of the firmware; None lets the firmware run."""
        self._clock = clock
        self._source = source
        self._printed = bytearray()
        self._heard_before = 0
        self._breaking: Alarm | None = None
        self.on_said: Callable[[], None] = lambda: None
        self.on_output: Callable[[bytes], None] = lambda _data: None

    def begin(self) -> None:
        """The node has power."""
        if self._source is not None:
            self._heard_before = len(self._printed)
            self._break()

    def end(self) -> None:
        if self._breaking is not None:
            self._breaking.cancel()
            self._breaking = None

    def feed(self, data: bytes) -> None:
        self._printed += data
        if (
            self._breaking is not None
            and self._source is not None
            and RAW_PROMPT in self._printed[self._heard_before :]
        ):
            self.end()
            self.on_output(self._source.encode() + GO)
        del self._printed[:-KEPT_BYTES]
        self.on_said()

    @property
    def text(self) -> str:
        return bytes(self._printed).decode("utf-8", "replace").replace("\r\n", "\n")

    def _break(self) -> None:
        self.on_output(BREAK + BREAK + RAW)
        self._breaking = self._clock.call_at(self._clock.now_us() + AGAIN_US, self._break)

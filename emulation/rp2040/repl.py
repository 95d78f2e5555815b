"""Someone at the node's REPL over USB: stops what runs, types a program, reads what it printed.
It must never know what is typed. It holds the watchdog, as a debugger does: a stopped program feeds nothing.
Specification: MicroPython's documentation, "REPL", raw mode.
"""

from collections.abc import Callable

BREAK, RAW, GO = b"\x03", b"\x01", b"\x04"
RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
STEP_S = 0.005
BREAK_AGAIN_STEPS = 20


class ReplSilent(TimeoutError):
    """No prompt came; the message holds the console's end."""


class Repl:
    """`run` lets emulated time pass; `printed` is all that the console has said so far."""

    def __init__(
        self,
        type_keys: Callable[[bytes], None],
        run: Callable[[float], None],
        printed: Callable[[], bytes],
        hold_watchdog: Callable[[], None],
    ) -> None:
        self._type = type_keys
        self._run = run
        self._printed = printed
        self._hold_watchdog = hold_watchdog

    def enter(self, timeout_s: float) -> None:
        """Break whatever runs and wait for the raw prompt. Raises ReplSilent."""
        start = len(self._printed())
        for step in range(int(timeout_s / STEP_S)):
            if step % BREAK_AGAIN_STEPS == 0:
                self._hold_watchdog()
                self._type(BREAK + BREAK + RAW)
            self._run(STEP_S)
            if self._printed()[start:].endswith(RAW_PROMPT):
                return
        raise self._silent("the raw prompt", timeout_s)

    def begin(self, source: str) -> None:
        """Type a program at the raw prompt; it runs as time passes."""
        self._type(source.encode() + GO)

    def execute(self, source: str, timeout_s: float = 10.0) -> str:
        """Run a program to its end and give what it printed, a traceback included. Raises ReplSilent."""
        start = len(self._printed())
        self.begin(source)
        for _ in range(int(timeout_s / STEP_S)):
            self._run(STEP_S)
            said = self._printed()[start:]
            if said.endswith(GO + b">") and said.count(GO) >= 2:
                output, errors = said.removeprefix(b"OK").split(GO)[:2]
                return (output + errors).decode().replace("\r\n", "\n")
        raise self._silent("the program's end", timeout_s)

    def _silent(self, what: str, timeout_s: float) -> ReplSilent:
        return ReplSilent(f"{what} did not come within {timeout_s} s; the console ends:\n{self._printed()[-2000:]!r}")

"""A board on a serial port as the field tool speaks with it: programs at its REPL, files to and from it, resets.

Never prints what a settings file holds, and leaves the watchdog of a stopped application no time to bite.
Specification: README.md beside this file; tools/raw_repl.py; boards/<board>/board.toml.
"""

import json
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import serial

from tools.errors import UsageError
from tools.image_plan import BOARDS
from tools.raw_repl import BAUD, RawRepl, ReplFailed
from tools.serial_port import open_port

READ_TIMEOUT_S = 0.02
ENTER_S = 20.0
ANSWER_S = 60.0
BACK_S = 10.0  # a USB port is gone for a moment when its board resets
PLATFORMS = {"linux": "unix"}  # sys.platform of boards that have no machine's name of ours

# What a board says of itself; the key, and whatever else a settings file holds, stays where it is.
WHO = """
import sys, json
from binascii import hexlify
from hashlib import sha256
told = {"platform": sys.platform, "machine": getattr(sys.implementation, "_machine", ""), "node": "", "kind": ""}
told["micropython"] = ".".join([str(n) for n in sys.implementation[1][:3]])
try:
    import machine
    told["uid"] = hexlify(machine.unique_id()).decode()
except (ImportError, AttributeError):
    told["uid"] = ""
try:
    from firmware.boot import board
    from firmware.version import FIRMWARE
    hal = board("hal")
    told["firmware"] = list(FIRMWARE)
    path = hal.settings_path()
    with open(path, "rb") as file:
        data = file.read()
    told["settings"] = hexlify(sha256(data).digest()).decode()
    known = json.loads(data)
    told["node"], told["kind"], told["epoch"] = known["node"], known["kind"], known.get("journal_epoch", 0)
    told["publishers"] = known.get("publishers", [])
    from firmware import boot_record
    record = boot_record.BootRecord(board("slots").boot_flash())
    running = record.to_start()
    told["release"] = 0 if running is None else record.slots[running].version
except Exception as fault:
    told["fault"] = type(fault).__name__
print(json.dumps(told))
"""


HOLD_WATCHDOG = """
try:
    import gc
    gc.collect()
    from firmware.boot import board
    board("hal").hold_watchdog()
except (ImportError, AttributeError, MemoryError):
    pass
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a board says of itself. `firmware` is "" where none of ours is; `settings` is their file's SHA-256."""

    board: str
    machine: str
    micropython: str
    uid: str
    firmware: str
    node: str
    kind: str
    settings: str
    epoch: int
    publishers: tuple[str, ...]
    release: int  # the set that is started; 0: the one of the image


class Board:
    """An open port at its raw REPL. Every method raises UsageError when the board falls silent."""

    def __init__(self, port: str, line: serial.Serial) -> None:
        self.port = port
        self._line = line
        self.repl = RawRepl(line)

    def run(self, source: str, timeout_s: float = ANSWER_S) -> str:
        """What a program printed. Raises UsageError, ReplFailed."""
        try:
            return self.repl.run(source, timeout_s)
        except TimeoutError as silence:
            raise UsageError("fault_broken", port=self.port, why=silence) from None

    def ask(self, source: str, timeout_s: float = ANSWER_S) -> Any:
        """The JSON that a program printed last. Raises UsageError."""
        try:
            return json.loads(self.run(source, timeout_s).strip().splitlines()[-1])
        except (ReplFailed, ValueError, IndexError) as fault:
            raise UsageError("fault_broken", port=self.port, why=fault) from None

    def identify(self) -> Identity:
        told = self.ask(WHO)
        firmware = ".".join(map(str, told.get("firmware", [])))
        return Identity(
            _board_of(told["machine"], told["platform"]),
            told["machine"],
            told["micropython"],
            told["uid"] if told["uid"].strip("0f") else "",  # some boards tell nothing of use
            firmware,
            told["node"],
            told["kind"],
            told.get("settings", ""),
            told.get("epoch", 0),
            tuple(told.get("publishers", ())),
            told.get("release", 0),
        )

    def clear(self) -> None:
        """A fresh heap without the application, and a watchdog that does not bite while nobody feeds it."""
        self.run(HOLD_WATCHDOG)
        self.repl.soft_reset(ENTER_S)

    def reset(self) -> None:
        """Start the application. The port may be gone for a moment."""
        self.repl.begin("import machine\nmachine.reset()")

    def console(self, seconds: float) -> str:
        """What an application prints meanwhile."""
        heard = bytearray()
        deadline_s = time.monotonic() + seconds
        while time.monotonic() < deadline_s:
            try:
                heard += self._line.read(max(1, self._line.in_waiting))
            except (serial.SerialException, OSError):
                self._reopen(deadline_s)
        return heard.decode("utf-8", "replace")

    def _reopen(self, deadline_s: float) -> None:
        self._line.close()
        while True:
            try:
                self._line.open()
                return
            except (serial.SerialException, OSError):
                if time.monotonic() > deadline_s + BACK_S:
                    raise UsageError("fault_port_gone", port=self.port) from None
                time.sleep(READ_TIMEOUT_S)


@contextmanager
def listen(port: str) -> Iterator[Board]:
    """An open port whose application goes on. Raises UsageError."""
    with open_port(port, BAUD, READ_TIMEOUT_S) as line:
        yield Board(port, line)


@contextmanager
def stopped(port: str, enter_s: float = ENTER_S) -> Iterator[Board]:
    """A board at its prompt; what ran on it is stopped. Raises UsageError."""
    with listen(port) as board:
        try:
            board.repl.enter(enter_s)
            board.clear()
            yield board
        except OSError:  # pyserial's are such
            raise UsageError("fault_cable", port=port) from None


@cache
def facts_of_boards() -> dict[str, dict[str, Any]]:
    """Every board.toml by its folder's name."""
    return {path.parent.name: tomllib.loads(path.read_text("utf-8")) for path in sorted(BOARDS.glob("*/board.toml"))}


def facts(board: str) -> dict[str, Any]:
    """Raises UsageError."""
    try:
        return facts_of_boards()[board]
    except KeyError:
        raise UsageError("fault_no_such_board", board=board, boards=", ".join(facts_of_boards())) from None


def _board_of(machine: str, platform: str) -> str:
    """The folder of boards/, "" for one that we do not know."""
    for name, told in facts_of_boards().items():
        if "firmware" in told and told["firmware"]["machine"] == machine:
            return name
    return PLATFORMS.get(platform, "")

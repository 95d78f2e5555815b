"""Where a journal is read from: a board's REPL on a serial port, or its flash in a file.

Never writes to the node and never reads its key.
Specification: boards/<board>/board.toml for the flash map; boards/README.md; RP2040 datasheet for the watchdog.
"""

import json
from base64 import b64decode
from binascii import crc32
from pathlib import Path
from typing import Protocol

import serial

from protocols.wire.journal_format import SECTOR_SIZE
from tools.errors import UsageError
from tools.image_plan import Partition, partitions, plan_image
from tools.raw_repl import RawRepl, ReplFailed

ENTER_S = 15.0
ANSWER_S = 30.0
ATTEMPTS = 3
PLATFORM = "rp2"  # whose flash can be read from its prompt
SETTINGS_FILE = "settings.json"
BLANK = b"\xff" * SECTOR_SIZE

# The watchdog of a dead application would reset the board in the middle: bit 30 of its CTRL is cleared by way of the
# register's clearing alias (RP2040 datasheet, sections 2.1.2 and 4.7.6). It starts again with the application.
ON_BOARD = """
import json, machine, rp2
from binascii import b2a_base64, crc32
machine.mem32[0x4005B000] = 1 << 30
m = memoryview(rp2.Flash(start={start}, len={size}))
def sector(i):
    b = bytes(m[i * 4096:i * 4096 + 4096])
    print(crc32(b), "" if b == b"\\xff" * 4096 else b2a_base64(b).decode().strip())
def node():
    try:
        print(json.load(open("/settings.json"))["node"])
    except Exception:
        print("")
"""


class Source(Protocol):
    """Where a journal is read from."""

    size: int

    def node(self) -> str:
        """The node's name as its settings tell it, "" when they do not."""

    def crc(self, size: int) -> int:
        """CRC-32 of the first `size` bytes."""

    def sector(self, number: int) -> bytes:
        """One sector. Raises UsageError."""


class ImageFile:
    """A journal's partition, or a whole chip, in a file."""

    def __init__(self, folder: Path, image: bytes) -> None:
        self._folder = folder
        self._image = image
        self.size = len(image)

    @classmethod
    def read(cls, path: Path, board: str) -> "ImageFile":
        """Raises UsageError."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError("fault_unreadable", file=path, why=error.strerror) from None
        chip = flash_map(board)
        if not data or len(data) % SECTOR_SIZE:
            raise UsageError(
                "fault_no_flash", file=path, size=len(data), sector=SECTOR_SIZE, board=board, chip=chip["whole"].size
            )
        journal = chip["journal"] if len(data) == chip["whole"].size else Partition("journal", 0, len(data))
        return cls(path.parent, data[journal.start : journal.end])

    def node(self) -> str:
        try:
            settings = json.loads((self._folder / SETTINGS_FILE).read_bytes())
        except (OSError, ValueError):
            return ""
        return str(settings.get("node", "")) if isinstance(settings, dict) else ""

    def crc(self, size: int) -> int:
        return crc32(self._image[:size])

    def sector(self, number: int) -> bytes:
        return self._image[number * SECTOR_SIZE : (number + 1) * SECTOR_SIZE]


class Port:
    """A board's REPL on a serial port."""

    def __init__(self, port: serial.Serial, board: str) -> None:
        chip = flash_map(board)
        self._repl = RawRepl(port)
        self._name = port.port
        self._start = chip["journal"].start - chip["image"].end  # rp2.Flash counts from the end of the image
        self.size = chip["journal"].size

    def open(self) -> None:
        """Stop the application. Raises UsageError."""
        self._repl.enter(ENTER_S)
        if self._run("import sys\nprint(sys.platform)").strip() != PLATFORM:
            raise UsageError("fault_no_rp2040", port=self._name)
        self._run(ON_BOARD.format(start=self._start, size=self.size))

    def node(self) -> str:
        return self._run("node()").strip()

    def crc(self, size: int) -> int:
        told = self._run(f"print(crc32(m[:{size}]))").strip()
        return int(told) if told.isdigit() else -1

    def sector(self, number: int) -> bytes:
        for _ in range(ATTEMPTS):
            crc, _, text = self._run(f"sector({number})").strip().partition(" ")
            try:
                data = b64decode(text) or BLANK
            except ValueError:
                continue
            if crc == str(crc32(data)):
                return data
        raise UsageError("fault_garbles", port=self._name)

    def close(self) -> None:
        self._repl.leave()

    def _run(self, source: str) -> str:
        try:
            return self._repl.run(source, ANSWER_S)
        except (ReplFailed, TimeoutError) as error:
            raise UsageError("fault_broken", port=self._name, why=error) from None


def flash_map(board: str) -> dict[str, Partition]:
    """The partitions of a board by name, and "whole", the chip. Raises UsageError."""
    facts = plan_image(board).facts
    kind = next(name for name, value in facts["flash"].items() if isinstance(value, dict))  # it is the same for all
    placed = {part.name: part for part in partitions(facts, kind)}
    return placed | {"whole": Partition("whole", 0, facts["flash"]["total_bytes"])}

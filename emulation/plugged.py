"""A board plugged into this machine: an emulated one behind a serial port, which no tool can tell from a real one.
It must never know a tool. A new board is blank: an RP2040 shows its BOOTSEL drive in the folder, waiting for a UF2.
Specification: README.md beside this file; pty(7).

    python -m emulation.plugged --board rpi_pico --kind fare_validator    prints its port, and lives until Ctrl-C
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulation.launch import NodeHandle, board_facts, start
from emulation.rs485 import Pty


@dataclass(frozen=True)
class Plugged:
    """`port` is the serial port, `folder` holds its flash; the drive appears in it while the board has no firmware."""

    port: str
    folder: Path
    handle: NodeHandle


@contextmanager
def plugged(
    board: str,
    kind: str,
    folder: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    uplink: int | None = None,
    blank: bool = True,
) -> Iterator[Plugged]:
    """`config` says what hangs on it; `uplink` is a descriptor that its uplink is joined to."""
    blank = blank and board_facts(board)["emulator"] == "rp2040"
    with (
        closing(Pty()) as cable,
        start(board, kind, settings, folder, console=cable.descriptor, blank=blank, config=config) as handle,
    ):
        if uplink is not None:
            handle.connect_uplink(uplink)
        handle.keep_pace()
        yield Plugged(cable.path, folder, handle)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m emulation.plugged", description=__doc__)
    parser.add_argument("--board", default="rpi_pico", help="a folder of boards/")
    parser.add_argument("--kind", default="fare_validator", help="what hangs on it")
    parser.add_argument("--folder", type=Path, help="where its flash lives; a new one is blank")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="vuzol-board-"))
    blank = not any(folder.glob("chip.json"))
    with plugged(options.board, options.kind, folder, blank=blank) as board:
        sys.stdout.write(f"port {board.port}   folder {board.folder}\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()

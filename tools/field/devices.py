"""What is plugged in: serial ports, what answers at each, and boot loaders' drives that wait for an image.

Never leaves a board stopped: whatever was asked is started again.
Specification: README.md beside this file; pyserial's list_ports; UF2, "INFO_UF2.TXT".
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from serial.tools import list_ports

from tools.errors import DONE, NO, UsageError
from tools.field.at_once import at_once
from tools.field.board import Identity, facts_of_boards, stopped
from tools.texts import say

ENTER_S = 5.0
INFO = "INFO_UF2.TXT"
MOUNTS = ("/media/*/*", "/run/media/*/*", "/Volumes/*", "/mnt/*")


@dataclass(frozen=True, slots=True)
class Found:
    """A port or a drive, and what answered there."""

    port: str
    what: str  # what the host knows of it
    identity: Identity | None
    fault: str = ""


def ports() -> list[str]:
    """Serial ports of boards that we know, by their USB numbers."""
    ours = {
        (told["usb"]["vendor_id"], told["usb"]["product_id"])
        for told in facts_of_boards().values()
        if "vendor_id" in told["usb"]
    }
    return sorted(port.device for port in list_ports.comports() if (port.vid, port.pid) in ours)


def drives(board: str = "") -> list[Path]:
    """Mounted drives of boot loaders; of that board alone, where its board.toml names it."""
    wanted = facts_of_boards()[board].get("usb", {}).get("bootloader_board_id", "") if board else ""
    found = [path for pattern in MOUNTS for path in Path("/").glob(pattern[1:]) if os.access(path / INFO, os.R_OK)]
    return sorted(path for path in found if wanted in (path / INFO).read_text("utf-8", "replace"))


def look(port: str, language: str = "en") -> Found:
    """Ask what is there, and let it go on."""
    try:
        with stopped(port, ENTER_S) as board:
            identity = board.identify()
            board.reset()
            return Found(port, identity.machine, identity)
    except UsageError as fault:
        return Found(port, "", None, fault.text(language))


def run(named: Sequence[str], *, as_json: bool, language: str) -> int:
    """Print what is plugged in; status 1 when nothing is."""
    asked = list(named) or ports()
    found = at_once(lambda port: look(port, language), asked)
    waiting = [] if named else drives()
    if as_json:
        rows = [asdict(one) for one in found] + [{"port": str(drive), "what": "boot loader"} for drive in waiting]
        print(json.dumps(rows, ensure_ascii=False))
    elif not found and not waiting:
        print(say(language, "devices_none"))
    else:
        _print(found, waiting, language)
    return DONE if any(one.identity for one in found) or waiting else NO


def _print(found: list[Found], waiting: list[Path], language: str) -> None:
    table = Table(*(say(language, f"devices_{column}") for column in ("port", "board", "firmware", "node", "kind")))
    for one in found:
        told = one.identity
        if told is None:
            table.add_row(one.port, "–", "", "", "")
        else:
            firmware = told.firmware or say(language, "devices_no_firmware", version=told.micropython)
            firmware += f" · {told.release}" if told.release else ""
            node = told.node or say(language, "devices_blank")
            table.add_row(one.port, told.board or told.machine, firmware, node, told.kind)
    for drive in waiting:
        table.add_row(str(drive), say(language, "devices_bootloader"), "", "", "")
    Console().print(table)
    for one in found:
        if one.fault:
            print(one.fault)

"""Starts a node of any kind on the lane that its board names, and gives the handle on it.
It must never know what the node's firmware does, nor a protocol: it is the node's surroundings.
Specification: emulation/README.md.
"""

import importlib
import json
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from emulation.lanes import LaneNode, NodeOrder
from emulation.node_handle import NodeHandle, NoSuchPart, NotSeen
from emulation.unix.lane import UnixNode

__all__ = ["LaunchError", "NoSuchPart", "NodeHandle", "NotSeen", "board_facts", "start"]

BOARDS = Path(__file__).parents[1] / "boards"
SETTINGS_FILE = "settings.json"
FIRMWARE = ("-m", "firmware.boot")

# emulator of board.toml -> what makes a node of an order
LANES: dict[str, Callable[[NodeOrder], LaneNode]] = {
    "unix": UnixNode,
    # its emulator is a package that is not needed to run a town
    "rp2040": lambda order: importlib.import_module("emulation.rp2040.lane").Rp2040Node(order),
    "renode": lambda order: importlib.import_module("emulation.renode.lane").RenodeNode(order),
}


class LaunchError(Exception):
    """There is no such board, kind or lane; the message says what there is."""


def start(
    board: str,
    kind: str,
    settings: Mapping[str, Any] | bytes | None,
    folder: Path,
    *,
    program: Sequence[str] = FIRMWARE,
    heap: str | None = None,
    environment: Mapping[str, str] | None = None,
    lane: Callable[[NodeOrder], LaneNode] | None = None,
    console: int | None = None,
    blank: bool = False,
    config: Mapping[str, Any] | None = None,
) -> NodeHandle:
    """Start a node in its own `folder` (made if missing; settings.json and the flash image live there).

    `settings` is written as settings.json (bytes as they are, to try a bad file); None keeps the file that is there.
    `program` is what the VM runs instead of the firmware; `lane` makes the node instead of the board's usual lane.
    `console` is joined to its console, `blank` takes its firmware away (emulation/plugged.py uses both); `config` says
    what hangs on a node that has no settings yet.
    Raises LaunchError, MicroPythonMissing.
    """
    facts = board_facts(board)
    if kind not in facts["flash"] or not isinstance(facts["flash"][kind], dict):
        raise LaunchError(f"the board {board!r} has no flash map for the kind {kind!r}")
    if facts["emulator"] not in LANES:
        raise LaunchError(f"the board {board!r} needs the lane {facts['emulator']!r}; there are: {', '.join(LANES)}")
    folder.mkdir(parents=True, exist_ok=True)
    if settings is not None:
        data = settings if isinstance(settings, bytes) else json.dumps(settings, ensure_ascii=False).encode()
        write_secret(folder / SETTINGS_FILE, data)
    known: Mapping[str, Any] = settings if isinstance(settings, Mapping) else _settings_in(folder)
    config = known.get("config") if config is None else config
    pins = importlib.import_module(f"boards.{board}.pins")
    order = NodeOrder(
        roles=pins.KINDS[kind] | {"uplink": pins.UPLINK},
        config=config if isinstance(config, Mapping) else {},
        folder=folder,
        flash_bytes=facts["flash"][kind]["journal_bytes"],
        heap=heap or facts["heap"],
        unique_id=str(known.get("node", "0000000000000000")),
        program=program,
        environment=environment or {},
        flash_map={name: size for name, size in facts["flash"].items() if isinstance(size, int)} | facts["flash"][kind],
        console=console,
        blank=blank,
    )
    handle = NodeHandle((lane or LANES[facts["emulator"]])(order))
    handle.start()
    return handle


def board_facts(board: str) -> dict[str, Any]:
    """boards/<board>/board.toml. Raises LaunchError."""
    path = BOARDS / board / "board.toml"
    if not path.is_file():
        there = sorted(found.parent.name for found in BOARDS.glob("*/board.toml"))
        raise LaunchError(f"there is no board {board!r}; there are: {', '.join(there)}")
    return tomllib.loads(path.read_text())


def _settings_in(folder: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((folder / SETTINGS_FILE).read_bytes())
    except (OSError, ValueError):
        return {}  # the firmware is the one to complain
    return found if isinstance(found, dict) else {}


def write_secret(path: Path, data: bytes) -> None:
    """Write a file that holds keys: readable by its owner alone from its first byte on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)

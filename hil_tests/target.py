"""A target of the suite: its row in targets.toml, why it cannot do a thing, and nodes started on it.

Never knows what a test expects. On every target a node is told apart by its settings alone.
Specification: hil_tests/README.md; targets.toml.
"""

import json
import subprocess
import tomllib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from emulation import air_sheets
from emulation.launch import FIRMWARE, SETTINGS_FILE, NodeHandle, board_facts, start
from emulation.unix.micropython import find_micropython
from emulation.virtual.lane import VirtualNode
from hil_tests.bench_node import BenchNode
from protocols.provisioning import NodeEntry, settings_dict

FILE = Path(__file__).parent / "targets.toml"
NODE = bytes.fromhex("00000000000000a1")
CITY_KEY = "22" * 32
IN_SERVICE_S = 20.0
NOBODY_PORT = 9  # nobody listens there: what is journalled stays journalled
CONFIGS: dict[str, dict[str, Any]] = {
    "fare_validator": {"vehicle": 17, "door": 1, "city_key": CITY_KEY, "position_s": 10, "repeat_s": 4, "status_s": 30},
    "stop_display": {"width": 128, "height": 64, "stop_name": "Площа Визволення", "brightness": 8, "status_s": 30},
    "utility_meter": {
        "bus": {"protocol": "mbus", "baud": 2400},
        "meters": [
            {"number": 1, "address": 5, "every_min": 1},
            {"number": 2, "address": "12345678", "every_min": 1},
        ],
        "pulses": [{"number": 11, "unit": "m^3", "weight": 10, "exponent": -3, "start": 5_000, "every_min": 1}],
        "status_s": 30,
    },
    "air_sensor": {"calibration": air_sheets.calibration("no2", "co"), "cell_warm_up_s": 90, "status_s": 30},
}


class UnknownTarget(Exception):
    """The message says which there are."""


@dataclass(frozen=True)
class Target:
    name: str
    board: str
    can: frozenset[str]
    lacks: Mapping[str, str]
    absent: str  # why nothing can run on it now
    port: str

    def has(self, capability: str) -> bool:
        return capability in self.can

    def why_not(self, capability: str) -> str:
        """One sentence, empty when the target can."""
        if self.absent:
            return f"{self.name}: {self.absent}"
        if capability in self.can:
            return ""
        return (
            f"{self.name} has no {capability!r}: {self.lacks.get(capability, 'its row in targets.toml says no more')}"
        )


def meanings() -> dict[str, str]:
    """Every capability, and what it means."""
    return dict(tomllib.loads(FILE.read_text(encoding="utf-8"))["meaning"])


def read_target(wanted: str) -> Target:
    """`unix`, `rp2040`, `renode` or `bench:<serial port>`. Raises UnknownTarget."""
    rows = tomllib.loads(FILE.read_text(encoding="utf-8"))
    del rows["meaning"]
    name, _, port = wanted.partition(":")
    if name not in rows or (name == "bench") != bool(port):
        raise UnknownTarget(f"there is no target {wanted!r}; there are: {', '.join(rows)}:<serial port>")
    if port and not Path(port).exists():
        raise UnknownTarget(f"there is no serial port {port}: vuzol devices lists what is plugged in")
    row = rows[name]
    absent = row.get("absent") or _absent(name)
    can, lacks = set(row["can"]), row.get("lacks", {})
    if name == "unix" and not _has_raw_repl():
        can.remove("port")
        lacks |= {"port": "the unix port of MicroPython 1.25 has no raw REPL, by which tools reach a board"}
    return Target(name, row["board"], frozenset(can), lacks, absent, port)


def _has_raw_repl() -> bool:
    tell = [str(find_micropython()), "-c", "import sys; print(sys.implementation.version[1])"]
    return int(subprocess.run(tell, capture_output=True, check=True).stdout) > 25


def _absent(name: str) -> str:
    """Why the emulator of this target cannot run here; empty when it can."""
    if name == "renode":
        from emulation.renode import image as chip

        return chip.missing()
    if name != "rp2040":
        return ""
    try:
        from emulation.rp2040 import image  # its emulator is a package of the tests

        image.find_image()
    except ImportError as missing:
        return f"{missing.name} is missing; type: make setup"
    except image.ImageMissing as missing:
        return str(missing)
    return ""


def settings_of(kind: str, board: str, **config: Any) -> dict[str, Any]:
    """The settings of a lone node, as provisioning writes them; nobody answers on its uplink."""
    uplink = (
        {"transport": "mqtt", "host": "127.0.0.1", "port": NOBODY_PORT}
        if board == "unix"
        else {"transport": "modbus_rtu", "unit": 17}
    )
    entry = NodeEntry(NODE, bytes.fromhex("11" * 32), "bench", kind, "on the bench")
    return settings_dict(entry, language="uk", uplink=uplink, config={**CONFIGS[kind], **config})


class Desk:
    """Where the nodes of one test stand; they end with it."""

    def __init__(self, target: Target, folder: Path, nodes: ExitStack) -> None:
        self.target = target
        self._folder = folder
        self._nodes = nodes
        self.handles: list[NodeHandle] = []
        self._folders: dict[int, Path] = {}

    def settings(self, kind: str, **config: Any) -> dict[str, Any]:
        return settings_of(kind, self.target.board, **config)

    def node(
        self,
        kind: str = "fare_validator",
        settings: Mapping[str, Any] | bytes | None = None,
        program: str = "",
        real_time: bool = False,
        **config: Any,
    ) -> NodeHandle:
        """A node under power, with the usual settings unless others are given; b"" is a node without any.

        On unix it lives in virtual time, which is quicker, unless somebody outside has to keep up with it.
        """
        known: Mapping[str, Any] | bytes = self.settings(kind, **config) if settings is None else settings
        if self.target.name == "bench":
            data = known if isinstance(known, bytes) else json.dumps(known).encode()
            bench = self._nodes.enter_context(BenchNode(self.target.port, data or None, program))
            return cast(NodeHandle, bench)  # it has as much of one as its row in targets.toml promises
        arguments = ("-c", program) if program else FIRMWARE
        folder = self._folder / f"node{len(self.handles)}"
        lane = VirtualNode if self.target.name == "unix" and not real_time else None
        handle = start(self.target.board, kind, known or None, folder, program=arguments, lane=lane)
        self.handles.append(self._nodes.enter_context(handle))
        self._folders[id(handle)] = folder
        return handle

    def provision(self, node: NodeHandle, settings: Mapping[str, Any]) -> None:
        """Write the settings of a node without power."""
        (self._folders[id(node)] / SETTINGS_FILE).write_text(json.dumps(settings), encoding="utf-8")

    def damage_file_system(self, node: NodeHandle) -> None:
        """Write rubbish over the settings partition of a node without power."""
        chip = self._folders[id(node)] / "chip.flash"
        facts = board_facts(self.target.board)["flash"]
        with chip.open("r+b") as file:
            file.seek(facts["image_bytes"])
            file.write(b"\x5a" * facts["fare_validator"]["settings_bytes"])

    def validator(self, **config: Any) -> NodeHandle:
        """A validator in service."""
        node = self.node("fare_validator", **config)
        node.wait_light("blue", IN_SERVICE_S)
        return node

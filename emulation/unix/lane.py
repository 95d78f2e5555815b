"""The lane `unix`: makes a node out of a process, its peripherals and its flash, for emulation.launch.
It must never know a test or the demo; another lane gives the same object for another backend.
Specification: emulation/README.md, "Lanes".
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from emulation.lanes import NodeOrder
from emulation.peripherals.flash import Flash, Operations
from emulation.peripherals.ports import Clock
from emulation.peripherals.wiring import Wiring
from emulation.unix.bus_server import shared_server
from emulation.unix.host_line import HostLine
from emulation.unix.micropython import find_micropython
from emulation.unix.node_process import NodeProcess, Program

T = TypeVar("T")

DEVICE_MODULES = Path(__file__).parent / "device"
REPOSITORY = Path(__file__).parents[2]
FLASH_FILE = "journal.flash"


def partitions(order: NodeOrder) -> tuple[Flash, Flash]:
    """Of the node's chip: journal and documents (boards/unix/hal.py has their numbers)."""
    chip = Operations()
    documents_bytes = order.flash_map.get("documents_bytes", 0)
    return (
        Flash(order.folder / FLASH_FILE, order.flash_bytes, chip),
        Flash(order.folder / "documents.flash", documents_bytes, chip),
    )


class UnixNode:
    def __init__(self, order: NodeOrder) -> None:
        server = self._server = shared_server()
        self.clock: Clock = server.clock
        self._line: HostLine | None = None  # of the uplink
        self.wiring = server.call(lambda: Wiring(order.roles, order.config, server.clock))
        self._partitions = partitions(order)
        self.flash = self._partitions[0]
        program = Program(
            micropython=find_micropython(),
            arguments=order.program,
            search_path=f"{DEVICE_MODULES}:{REPOSITORY}:.frozen",
            heap=order.heap,
            unique_id=order.unique_id,
            environment=dict(order.environment),
            console=order.console,
        )
        self._process = NodeProcess(server, program, self.wiring, self._partitions, order.folder)

    def call(self, action: Callable[[], T]) -> T:
        return self._server.call(action)

    def on_console(self, action: Callable[[], None]) -> None:
        self._process.on_console = action

    def connect_uplink(self, descriptor: int) -> None:
        def connect() -> None:
            uplink = self.wiring.uplink
            assert uplink is not None
            self._disconnect()
            self._line = HostLine(self._server, descriptor, uplink.hear)
            uplink.on_said = self._line.send

        self._server.call(connect)

    def _disconnect(self) -> None:
        if self._line is not None:
            self._line.close()

    def power_on(self) -> None:
        if self.pid is None:
            self.wiring.power(True)
            self._process.start()

    def power_off(self) -> None:
        self._process.kill()
        self.wiring.power(False)

    def close(self) -> None:
        self.power_off()
        self._disconnect()
        for partition in self._partitions:
            partition.close()

    @property
    def console(self) -> str:
        return bytes(self._process.console).decode("utf-8", "replace")

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        return self._process.exit_status

    @property
    def resets(self) -> int:
        return self._process.resets

    @property
    def watchdog_bites(self) -> int:
        return self._process.watchdog_bites

"""The lane `renode`: makes a node out of Renode's STM32F429, its bridges and its peripherals, for emulation.launch.
It must never know a test. The chip's time follows the real clock; the peripherals live in it.
Specification: emulation/README.md, "Lanes"; emulation/renode/README.md.
"""

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

from boards.nucleo_f429zi import flash_map
from emulation.lanes import NodeOrder
from emulation.peripherals.flash import Flash
from emulation.peripherals.ports import Clock
from emulation.peripherals.wiring import Wiring
from emulation.renode import image
from emulation.renode.bridge_port import BridgePort
from emulation.renode.console import Console
from emulation.renode.namespace import TAP
from emulation.unix.bus_server import shared_server
from emulation.unix.host_line import HostLine
from emulation.unix.process import bound_to_parent

T = TypeVar("T")

FIRMWARE = ("-m", "firmware.boot")  # what the image itself begins with
SCRIPT = Path(__file__).with_name("node.resc")
CHIP_FILE = "chip.flash"
FLASH_ADDRESS = 0x0800_0000
CONSOLE_UART = 3
STORED_S = 30.0
BITE = b"Watchdog reset triggered!"


class RenodeNode:
    def __init__(self, order: NodeOrder) -> None:
        self._order = order
        server = self._server = shared_server()
        self.clock: Clock = server.clock
        self.wiring = server.call(lambda: Wiring(order.roles, order.config, server.clock))
        self.flash = Flash(order.folder / "operations.flash", order.flash_bytes)  # never operated: the chip has its own
        self._console = Console(server.clock, _source_of(order))
        self._port = server.call(
            lambda: BridgePort(server, self.wiring, order.roles, self._was_reset, {CONSOLE_UART: self._console})
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._exit_status: int | None = None
        self._began_anew = 0
        self._watchdog_bites = 0
        self._line: HostLine | None = None

    def call(self, action: Callable[[], T]) -> T:
        def run() -> T:
            result = action()
            self._port.refresh_inputs()
            return result

        return self._server.call(run)

    def on_console(self, action: Callable[[], None]) -> None:
        self._console.on_said = action

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
        if self.pid is not None:
            return
        self.wiring.power(True)
        temporary = self._order.folder / "tmp"  # Renode removes what it takes for rubbish of others in a shared one
        temporary.mkdir(exist_ok=True)
        options = ["--disable-xwt", "--console", "--plain"]
        for command in self.commands():
            options += ["-e", command]
        self._process = subprocess.Popen(
            bound_to_parent([str(image.find_renode()), *options]),
            cwd=self._order.folder,
            env=os.environ | {"TMPDIR": str(temporary)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        threading.Thread(target=self._read_log, args=(self._process.stdout,), daemon=True).start()
        self._console.begin()

    def commands(self) -> list[str]:
        """What is typed at Renode's monitor to have this node run: in a process of its own, or by renode-test."""
        chip, settings = self._order.folder / CHIP_FILE, self._order.folder / image.SETTINGS_FILE
        firmware = image.find_image()
        flash = chip.read_bytes() if chip.is_file() else b"\xff" * self._order.flash_map["total_bytes"]
        if settings.is_file():
            at = flash_map.STORAGE_ADDRESS - FLASH_ADDRESS + flash_map.SETTINGS_START
            end = at + flash_map.SETTINGS_BYTES
            flash = flash[:at] + image.settings_partition(flash[at:end], settings.read_bytes()) + flash[end:]
        chip.write_bytes(flash)
        commands = [
            f"$port={self._port.port}",
            f"include @{SCRIPT}",
            f"sysbus LoadBinary @{chip} {FLASH_ADDRESS:#x}",
            f"sysbus {image.LOADERS[firmware.suffix]} @{firmware}",
        ]
        if TAP in (name for _, name in socket.if_nameindex()):  # without it nobody else is on the node's switch
            commands += [f'emulation CreateTap "{TAP}" "tap"', "connector Connect host.tap switch"]
        return [*commands, "runMacro $reset", "start"]

    def power_off(self) -> None:
        """The chip stops where it is; what its flash holds by then is kept."""
        process, self._process = self._process, None
        if process is None:
            return
        self._console.end()
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.write(f'pause\nsysbus.flash SaveTo "{self._order.folder / CHIP_FILE}"\nquit\n'.encode())
            process.stdin.flush()
            self._port.serve_while(lambda: process.poll() is None, STORED_S)
        process.kill()
        self._exit_status = process.wait()
        with contextlib.suppress(OSError):
            process.stdin.close()
        self.wiring.power(False)

    def close(self) -> None:
        self.power_off()
        self._disconnect()
        self._port.close()
        self.flash.close()

    @property
    def console(self) -> str:
        return self._console.text

    @property
    def pid(self) -> int | None:
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process is not None else None

    @property
    def exit_status(self) -> int | None:
        return self._exit_status

    @property
    def resets(self) -> int:
        return max(0, self._began_anew - self._watchdog_bites)

    @property
    def watchdog_bites(self) -> int:
        return self._watchdog_bites

    def _was_reset(self) -> None:
        self._began_anew += 1

    def _read_log(self, log: IO[bytes]) -> None:
        with log, (self._order.folder / "renode.log").open("ab") as kept:
            for line in log:
                kept.write(line)
                self._watchdog_bites += BITE in line


def _source_of(order: NodeOrder) -> str | None:
    """The program as MicroPython's command line would have it: `-c source` or a file of the node's folder."""
    if tuple(order.program) == FIRMWARE:
        return None
    first, *rest = order.program
    return rest[0] if first == "-c" else (order.folder / first).read_text()

"""The lane `rp2040`: makes a node out of an emulated chip, its flash file and its peripherals, for emulation.launch.
It must never know a test or the demo. Its time passes only while someone lets it pass (`run`, `run_until`), so that
equal runs are equal to the bit; `keep_pace` has it follow the real clock instead, for a town or a relay.
Specification: emulation/README.md, "Lanes"; emulation/rp2040/README.md.
"""

import contextlib
import hashlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rp2040py.peripherals.watchdog import CTRL

from emulation.lanes import NodeOrder
from emulation.peripherals.flash import Flash
from emulation.peripherals.ports import Clock
from emulation.peripherals.wiring import Wiring
from emulation.rp2040 import image
from emulation.rp2040.bootsel import BootselDrive, burning_us
from emulation.rp2040.clock import LaneClock
from emulation.rp2040.flash_ops import ChipFlash
from emulation.rp2040.host_port import HostPort
from emulation.rp2040.machine import Machine
from emulation.rp2040.repl import Repl

T = TypeVar("T")

FIRMWARE = ("-m", "firmware.boot")  # what the image itself begins with
CHIP_FILE = "chip.flash"
BURNED_FILE = "chip.json"  # digests of the image and the settings that are in it
SLICE_S = 0.001  # between looks whether what is waited for has come
CONSOLE_BYTES = 256 * 1024
PROMPT_S = 10.0
SLIP_S = 0.25  # a chip that is further behind the real clock lets the lost time go


class Rp2040Node:
    def __init__(self, order: NodeOrder) -> None:
        facts = order.flash_map
        settings_at = facts["image_bytes"]
        documents_at = settings_at + facts["settings_bytes"] + 2 * facts["slot_bytes"]
        journal_at = documents_at + facts["documents_bytes"]
        self._clock = LaneClock()
        self.clock: Clock = self._clock
        self.wiring = Wiring(order.roles, order.config, self.clock)
        self._chip_flash = ChipFlash(
            order.folder / CHIP_FILE, facts["total_bytes"], range(journal_at, journal_at + facts["journal_bytes"])
        )
        self.flash: Flash = self._chip_flash
        self._order = order
        self._image_bytes = facts["image_bytes"]
        self._settings = range(settings_at, settings_at + facts["settings_bytes"])
        self._lock = threading.RLock()
        self._machine: Machine | None = None
        self._printed = bytearray()
        self._notify: Callable[[], None] = lambda: None
        self._ports: dict[int, HostPort] = {}
        self._console_port: HostPort | None = None
        self._resets = 0
        self._watchdog_bites = 0
        self._callers: deque[None] = deque()
        self._pace: threading.Thread | None = None
        self._stop_pace = threading.Event()
        self._drive: BootselDrive | None = None
        if order.console is not None:
            self.connect_console(order.console)
        if order.blank:
            self.hold_bootsel()

    # LaneNode

    def call(self, action: Callable[[], T]) -> T:
        self._callers.append(None)  # the thread that keeps pace lets everybody else go first
        with self._lock:
            self._callers.pop()
            result = action()
            if self._machine is not None:
                self._machine.pins.refresh_inputs()
            return result

    def on_console(self, action: Callable[[], None]) -> None:
        self._notify = action

    def power_on(self) -> None:
        if self._machine is not None or self._drive is not None:
            return
        if not self._order.blank:
            self._burn()
        self.wiring.power(True)
        self._machine = Machine(self._chip_flash, self.wiring, self._clock, self._print)
        for unit, port in self._ports.items():
            self._machine.lines[unit].on_output = port.say
        if tuple(self._order.program) != FIRMWARE:
            self.repl.enter(PROMPT_S)
            self.repl.begin(_source_of(self._order))

    def power_off(self) -> None:
        machine, self._machine = self._machine, None
        if machine is None:
            return
        self._resets += machine.resets
        self._watchdog_bites += machine.watchdog_bites
        self._clock.detach()
        self.wiring.power(False)

    def close(self) -> None:
        self.power_off()
        self._stop_pace.set()
        self.flash.close()

    @property
    def console(self) -> str:
        return bytes(self._printed).decode("utf-8", "replace").replace("\r\n", "\n")

    @property
    def pid(self) -> int | None:
        """This process, while the chip has power."""
        return None if self._machine is None else os.getpid()

    @property
    def exit_status(self) -> int | None:
        return None  # a board has none

    @property
    def resets(self) -> int:
        return self._resets + (0 if self._machine is None else self._machine.resets)

    @property
    def watchdog_bites(self) -> int:
        return self._watchdog_bites + (0 if self._machine is None else self._machine.watchdog_bites)

    # Time

    def run(self, seconds: float) -> None:
        """Let emulated time pass, with or without power."""
        self.run_until(lambda: False, seconds)

    def run_until(self, seen: Callable[[], bool], timeout_s: float) -> bool:
        """Until `seen`, looked at after every slice, or until `timeout_s` of emulated time have passed."""
        end_us = self.clock.now_us() + round(timeout_s * 1e6)
        while not seen():
            left_s = (end_us - self.clock.now_us()) / 1e6
            if left_s <= 0:
                return False
            if self._pace is None:
                self._slice(min(SLICE_S, left_s))
            else:
                time.sleep(SLICE_S)
        return True

    def keep_pace(self) -> None:
        """From now on a thread has the chip follow the real clock, as far as this machine can."""
        self._clock.set_utc(time.time_ns() // 1000)
        self._pace = threading.Thread(target=self._follow, name="vuzol-rp2040", daemon=True)
        self._pace.start()

    def _follow(self) -> None:
        started_s, emulated_us = time.monotonic(), self.clock.now_us()
        while not self._stop_pace.is_set():
            lag_s = time.monotonic() - started_s - (self.clock.now_us() - emulated_us) / 1e6
            if lag_s > SLIP_S:
                started_s, emulated_us = time.monotonic(), self.clock.now_us()
            if lag_s >= SLICE_S and not self._callers:
                self._slice(SLICE_S)
            else:
                self._stop_pace.wait(SLICE_S)

    def _slice(self, seconds: float) -> None:
        with self._lock:
            machine = self._machine
            for unit, port in self._ports.items():
                port.poll(None if machine is None else machine.lines[unit].send)
            if self._console_port is not None:
                self._console_port.poll(None if machine is None else machine.console.type)
            if machine is None:
                self._clock.advance(max(1, round(seconds * 1e6)))
                self._look_at_drive()
                return
            machine.run(seconds)
            if machine.lost_power:
                self.power_off()

    # What only this lane has

    @property
    def machine(self) -> Machine | None:
        """The chip while it has power: registers, memory, lines."""
        return self._machine

    @property
    def repl(self) -> Repl:
        return Repl(self._type, self.run, lambda: bytes(self._printed), self._hold_watchdog)

    def connect_uplink(self, descriptor: int) -> None:
        self.connect_uart(self._order.roles["uplink"]["uart"], descriptor)

    def connect_uart(self, unit: int, descriptor: int) -> None:
        """Join a UART to a pseudo-terminal's master or a socket; the descriptor stays its owner's."""
        with self._lock:
            port = self._ports[unit] = HostPort(descriptor)
            if self._machine is not None:
                self._machine.lines[unit].on_output = port.say

    def connect_console(self, descriptor: int, baud: int = 0) -> None:
        """Join the USB console to a pseudo-terminal's master, where a serial program takes it for a board.

        With a `baud` a serial line of that speed stands between the two.
        """
        with self._lock:
            self._console_port = HostPort(descriptor, baud, self.clock.now_us)

    def hold_bootsel(self) -> Path:
        """Off, and on again with the button held: the drive that appears in the node's folder takes a UF2 file."""
        with self._lock:
            self.power_off()
            self._drive = BootselDrive(self._order.folder)
            self._drive.open()
            return self._drive.path

    def _look_at_drive(self) -> None:
        if self._drive is None or (uf2 := self._drive.taken()) is None:
            return
        image.burn_image(self._chip_flash, uf2, self._image_bytes)
        self._clock.advance(burning_us(uf2.stat().st_size // 2))  # half of a UF2 file is what it says of itself
        self._drive.close()
        self._drive = None
        self.power_on()

    def _type(self, keys: bytes) -> None:
        with self._lock:
            if self._machine is not None:
                self._machine.console.type(keys)

    def _hold_watchdog(self) -> None:
        if self._machine is not None:
            self._machine.chip.watchdog.write_uint32(CTRL, 0)

    def _print(self, data: bytes) -> None:
        self._printed += data
        del self._printed[:-CONSOLE_BYTES]
        if self._console_port is not None:
            self._console_port.say(data)
        self._notify()

    def _burn(self) -> None:
        """Bring image and settings into the flash if they are not what was burned last; the rest stays as it is."""
        firmware = image.find_image()
        settings = self._order.folder / image.SETTINGS_FILE
        record = self._order.folder / BURNED_FILE
        wanted = {"image": _digest(firmware), "settings": _digest(settings)}
        burned: dict[str, str] = {}
        with contextlib.suppress(OSError, ValueError):
            burned = json.loads(record.read_text())
        if burned.get("image") != wanted["image"]:
            image.burn_image(self._chip_flash, firmware, self._image_bytes)
        if settings.is_file() and burned.get("settings") != wanted["settings"]:
            image.burn_settings(self._chip_flash, self._settings, settings.read_bytes())
        record.write_text(json.dumps(wanted))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _source_of(order: NodeOrder) -> str:
    """The program as MicroPython's command line would have it: `-c source` or a file of the node's folder."""
    first, *rest = order.program
    if first == "-c":
        return rest[0]
    return (order.folder / first).read_text()

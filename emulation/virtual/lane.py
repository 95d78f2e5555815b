"""The lane in virtual time: makes a node of a MicroPython process whose clock stands still unless someone lets it pass.
It must never know a test or the simulation; equal runs are equal to the bit.
Specification: README.md beside this file; emulation/README.md, "Lanes".
"""

import os
import struct
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from emulation.lanes import NodeOrder
from emulation.peripherals.flash import PowerCut
from emulation.peripherals.ports import Alarm, Clock
from emulation.peripherals.wiring import Wiring
from emulation.unix.bus_port import BusPort, Handler, ProtocolBroken
from emulation.unix.device import bus_frames
from emulation.unix.lane import DEVICE_MODULES, REPOSITORY, partitions
from emulation.unix.micropython import find_micropython
from emulation.unix.node_process import CONSOLE_BYTES, HARD_RESET, PWRON_RESET, WDT_RESET, Program
from emulation.virtual.clock import NodeClock
from emulation.virtual.device import time_frames as frames
from emulation.virtual.node_socket import Network, NodeSocket, nothing_there
from emulation.virtual.vm import Vm
from emulation.virtual.world import NEVER_US, World

T = TypeVar("T")

VIRTUAL_MODULES = DEVICE_MODULES.parents[1] / "virtual" / "device"
LONGEST_SEARCH_US = 12_000_000  # of an empty field: less than the watchdog's patience with the task that waits for it
STEADY_READS = 3  # a driver that debounces has then seen what it wants to see
STATUS_READ = 2  # the status of the transfer and that of the reader
SAME = bytes((frames.STATUS_SAME,))
START_US = 300_000  # from power to the first instruction of ours: modelled, an interpreter takes that long on a board
_ARRIVAL = struct.Struct(bus_frames.HEADER)
_U64 = struct.Struct("<Q")


class VirtualNode:
    """Alone in a world of its own, or one of many in `world`; `network` is who answers when it dials.

    `firmware` is a folder whose `firmware` package runs instead of the repository's.
    """

    def __init__(
        self,
        order: NodeOrder,
        world: World | None = None,
        network: Network = nothing_there,
        firmware: Path = REPOSITORY,
    ) -> None:
        self._world = world or World()
        self.ahead_us = 0
        self._network = network
        self._clock = NodeClock(self._world.now_us(), self._world.utc_us() - self._world.now_us())
        self.clock: Clock = self._clock
        self.wiring = Wiring(order.roles, order.config, self.clock, noted=world is None)
        self._partitions = partitions(order)
        self.flash, self.documents = self._partitions
        self._program = Program(
            micropython=find_micropython(),
            arguments=order.program,
            search_path=f"{VIRTUAL_MODULES}:{DEVICE_MODULES}:{firmware}:{REPOSITORY}:.frozen",
            heap=order.heap,
            unique_id=order.unique_id,
            environment=dict(order.environment),
        )
        self._folder = order.folder
        # A file and no pipe: a node that talks much is never held up.
        self._console = tempfile.TemporaryFile()  # noqa: SIM115 (until close())
        self._vm: Vm | None = None
        self._port: BusPort | None = None
        self._starts = 0
        self._runs_from_us = 0
        self._arrivals = b""
        self._sockets: dict[int, NodeSocket] = {}
        self._watchdog: Alarm | None = None
        self._bites_at_us = 0
        self.resets = 0
        self.watchdog_bites = 0
        self.exit_status: int | None = None
        self._told_same: list[Callable[[], bool]] = []
        self._level_reads: dict[int, tuple[int, int]] = {}  # input -> the level it was read at, how often
        if self.wiring.reader is not None:
            self.wiring.reader.longest_search_us = LONGEST_SEARCH_US
        for number, device in self.wiring.uarts.items():
            device.on_output = partial(self._arrive, frames.UART_DATA, number)
        self._world.join(self)

    # LaneNode

    def call(self, action: Callable[[], T]) -> T:
        self._clock.advance_to(self._world.now_us())
        try:
            return action()
        finally:
            self._look_for_changes()
            self._world.touch(self)

    def on_console(self, action: Callable[[], None]) -> None:
        """Nobody is told: who waits for a text looks at every step of time."""

    def power_on(self) -> None:
        if self._vm is None:
            self.wiring.power(True)
            self._start(PWRON_RESET)

    def power_off(self) -> None:
        self._stop()
        self.wiring.power(False)

    def close(self) -> None:
        self.power_off()
        self._console.close()
        for partition in self._partitions:
            partition.close()

    @property
    def console(self) -> str:
        descriptor = self._console.fileno()
        size = os.fstat(descriptor).st_size
        return os.pread(descriptor, CONSOLE_BYTES, max(0, size - CONSOLE_BYTES)).decode("utf-8", "replace")

    @property
    def pid(self) -> int | None:
        return None if self._vm is None else self._vm.pid

    # SteppedNode

    def run_until(self, seen: Callable[[], bool], timeout_s: float) -> bool:
        return self._world.run_until(self._world.now_us() + round(timeout_s * 1e6), seen)

    # Actor

    def due_us(self) -> int:
        alarm_us = self._clock.next_us()
        wakes_us = self._wakes_us()
        return wakes_us if alarm_us is None else min(alarm_us, wakes_us)

    def act(self, free_until_us: int) -> None:
        self._clock.advance_to(self._world.now_us())
        self._look_for_changes()
        now_us = self._clock.now_us()
        vm = self._vm
        if vm is None or self._wakes_us() > now_us:
            return
        if vm.wakes_us is not None:
            arrivals, self._arrivals = self._arrivals, b""
            vm.wake(now_us, min(free_until_us, self._clock.next_us() or NEVER_US), arrivals)
        self._serve(vm)

    def _wakes_us(self) -> int:
        if self._vm is None:
            return NEVER_US
        if self._vm.wakes_us is None or (self._arrivals and self._clock.now_us() >= self._runs_from_us):
            return self._clock.now_us()
        return self._vm.wakes_us

    # The process

    def _start(self, reset_cause: int) -> None:
        self._starts += 1
        self._runs_from_us = self._clock.now_us() + START_US
        self._arrivals = b""
        self._told_same = []
        self._level_reads = {}
        self.exit_status = None
        environment = {
            "VUZOL_FLASH_BYTES": ",".join(str(one.size) for one in self._partitions),
            "VUZOL_RESET_CAUSE": str(reset_cause),
            "VUZOL_UARTS": ",".join(map(str, self.wiring.uarts)),
            "VUZOL_SEED": f"{self._world.seed} {self._program.unique_id} {self._starts}",
            "VUZOL_WATCHED": "01"[not self.ahead_us],  # who may run ahead is seen where it is, not where it was
        }
        vm = self._vm = Vm(self._program, self._folder, environment, self._console.fileno())
        more: dict[int, Handler] = {
            frames.ADVANCE: self._advance,
            frames.WAIT: partial(self._wait, vm),
            frames.UART_WRITE: self._write_uart,
            frames.CONNECT: self._connect,
            frames.SEND: self._send,
            frames.CLOSE: self._close_socket,
            bus_frames.I2C_READ: self._read_i2c,
            bus_frames.PIN_READ: self._read_pin,
        }
        self._port = BusPort(self.wiring, self._partitions, self._feed_watchdog, more)

    def _stop(self) -> None:
        self._stop_watchdog()
        if self._vm is not None:
            self._forget(kill=True)

    def _serve(self, vm: Vm) -> None:
        """Hear the process until it waits, or is gone."""
        while self._vm is vm and vm.wakes_us is None:
            request = vm.hear()
            if not request:
                self._exited()
                return
            assert self._port is not None
            try:
                answer = self._port.feed(request)
            except PowerCut:
                self.power_off()
                return
            except ProtocolBroken as error:
                self._stop()
                os.write(self._console.fileno(), f"\nbus: {error}\n".encode())
                return
            if answer and self._vm is vm:
                vm.answer(answer)

    def _exited(self) -> None:
        """Only machine.reset() starts it anew at once; after a crash it stays dead until its watchdog bites."""
        self._forget(kill=False)
        self.wiring.release_pins()
        if self.exit_status == bus_frames.RESET_EXIT_STATUS:
            self._stop_watchdog()
            self.resets += 1
            self._start(HARD_RESET)

    def _forget(self, *, kill: bool) -> None:
        """The process is no more; its connections hang until somebody notices."""
        assert self._vm is not None
        self.exit_status = self._vm.end(kill=kill)
        self._vm = None
        for socket in self._sockets.values():
            socket.lost = True
        self._sockets = {}

    # Its watchdog

    def _feed_watchdog(self, timeout_ms: int) -> None:
        self._bites_at_us = self._clock.now_us() + timeout_ms * 1000
        if self._watchdog is None:
            self._watchdog = self._clock.call_at(self._bites_at_us, self._look_at_watchdog)

    def _look_at_watchdog(self) -> None:
        self._watchdog = None
        if self._clock.now_us() < self._bites_at_us:  # it was fed since: one alarm serves many feeds
            self._watchdog = self._clock.call_at(self._bites_at_us, self._look_at_watchdog)
            return
        self.watchdog_bites += 1
        self._stop()
        self.wiring.release_pins()
        self._start(WDT_RESET)

    def _stop_watchdog(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    # Time, lines and sockets, as its frames tell

    def _advance(self, _unit: int, payload: bytes) -> bytes:
        self._clock.advance_to(_U64.unpack(payload)[0])
        return b""

    def _wait(self, vm: Vm, _unit: int, payload: bytes) -> bytes:
        if self._vm is vm:  # the time that it said has passed may have been enough for the watchdog
            vm.wakes_us = max(_U64.unpack(payload)[0], self._runs_from_us)
        return b""

    def _arrive(self, kind: int, unit: int, data: bytes = b"") -> None:
        if self._vm is not None:
            self._arrivals += _ARRIVAL.pack(kind, unit, len(data)) + data

    # Polls that would hear the same are told so: virtual time costs what happens in it, not how long it is

    def _read_i2c(self, bus: int, payload: bytes) -> bytes:
        assert self._port is not None
        answer = self._port.i2c_read(bus, payload)
        reader = self.wiring.reader
        if len(answer) > STATUS_READ or reader is None or not reader.searching:
            return answer
        self._told_same.append(lambda: reader.searching)
        return SAME + answer[1:]

    def _read_pin(self, pin: int, payload: bytes) -> bytes:
        assert self._port is not None
        answer = self._port.pin_read(pin, payload)
        level = answer[1]
        before, times = self._level_reads.get(pin, (level, 0))
        self._level_reads[pin] = level, times + 1 if level == before else 1
        if times < STEADY_READS or level != before or pin in self.wiring.sampled:
            return answer
        self._told_same.append(lambda: self.wiring.inputs[pin]() == level)
        return SAME + answer[1:]

    def _look_for_changes(self) -> None:
        if self._told_same and not all(is_same() for is_same in self._told_same):
            self._told_same = []
            self._arrive(frames.CHANGED, 0)

    def _write_uart(self, number: int, data: bytes) -> bytes:
        self.wiring.uarts[number].feed(data)
        return b""

    def _connect(self, number: int, payload: bytes) -> bytes:
        def reach(kind: int, data: bytes = b"") -> None:
            if self._sockets.get(number) is dialled:
                self.call(lambda: self._arrive(kind, number, data))

        dialled = self._sockets[number] = NodeSocket(
            node=self._program.unique_id,
            host=payload[2:].decode(),
            port=int.from_bytes(payload[:2], "little"),
            now_us=self._clock.now_us,
            open=lambda: reach(frames.OPENED),
            deliver=lambda data: reach(frames.SOCKET_DATA, data),
            end=lambda: reach(frames.CLOSED),
        )
        self._network(dialled)
        return b""

    def _send(self, number: int, data: bytes) -> bytes:
        self._sockets[number].on_data(data)
        return b""

    def _close_socket(self, number: int, _payload: bytes) -> bytes:
        closed = self._sockets.pop(number, None)
        if closed is not None:
            closed.on_close()
        return b""

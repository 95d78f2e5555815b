"""A node on the board unix: a MicroPython process with bus, lines, watchdog and console, restarted as a board would be.
It must never know what the node does. Everything here runs in the bus server's thread.
Specification: emulation/unix/README.md (environment, exit status 64, watchdog), bus_frames.py (the bus).
"""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emulation.peripherals.flash import Flash, PowerCut
from emulation.peripherals.ports import Alarm, UartDevice
from emulation.peripherals.wiring import Wiring
from emulation.unix.bus_port import BusPort, ProtocolBroken
from emulation.unix.bus_server import BusServer
from emulation.unix.console_cable import ConsoleCable
from emulation.unix.device import bus_frames
from emulation.unix.process import bound_to_parent

CONSOLE_BYTES = 65_536
CHUNK = 65_536
PWRON_RESET, HARD_RESET, WDT_RESET = 1, 2, 3  # as machine.reset_cause() of the node tells them


@dataclass(frozen=True)
class Program:
    """What the VM runs: `arguments` after its own options, with `environment` on top of the emulator's variables."""

    micropython: Path
    arguments: Sequence[str]
    search_path: str
    heap: str
    unique_id: str
    environment: dict[str, str] = field(default_factory=dict)
    console: int | None = None  # a pseudo-terminal's master: the console is a serial port with a REPL behind it


class NodeProcess:
    def __init__(
        self, server: BusServer, program: Program, wiring: Wiring, partitions: Sequence[Flash], folder: Path
    ) -> None:
        self._server = server
        self._program = program
        self._wiring = wiring
        self._partitions = partitions
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._sockets: dict[str, socket.socket] = {}
        self._console_out = -1
        self._watchdog: Alarm | None = None
        self._bites_at_us = 0
        self.console = bytearray()  # the last CONSOLE_BYTES of standard output and error
        self.starts = 0
        self.resets = 0  # by machine.reset()
        self.watchdog_bites = 0
        self.exit_status: int | None = None
        self.on_console: Callable[[], None] = lambda: None
        self._cable = None if program.console is None else ConsoleCable(server, program.console)

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self, reset_cause: int = PWRON_RESET, *, at_prompt: bool = False) -> None:
        """Begin to run, or wait at the prompt. The wiring has its power already."""
        if self._process is not None:
            return
        bus, bus_of_node = socket.socketpair()
        passed = [bus_of_node]
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "MICROPYPATH": self._program.search_path,
            "VUZOL_BUS_FD": str(bus_of_node.fileno()),
            "VUZOL_FLASH_BYTES": ",".join(str(one.size) for one in self._partitions),
            "VUZOL_UNIQUE_ID": self._program.unique_id,
            "VUZOL_RESET_CAUSE": str(reset_cause),
        }
        self._sockets = {"bus": bus}
        for number in self._wiring.uarts:
            name = f"VUZOL_UART{number}"
            self._sockets[name], line_of_node = socket.socketpair()
            line_of_node.setblocking(False)
            environment[name] = str(line_of_node.fileno())
            passed.append(line_of_node)
        console_of_node = self._open_console()
        environment.update(self._program.environment)
        try:
            self._process = subprocess.Popen(
                self._command(at_prompt),
                cwd=self._folder,
                env=environment,
                pass_fds=[end.fileno() for end in passed],
                stdin=subprocess.DEVNULL if self._cable is None else console_of_node,
                stdout=console_of_node,
                stderr=subprocess.STDOUT,
                umask=0o077,  # its settings hold its key
                start_new_session=self._cable is None,  # Ctrl-C is for the emulator, which ends its nodes in order
            )
        except OSError:
            self._close_descriptors()
            raise
        finally:
            os.close(console_of_node)
            for end in passed:
                end.close()
        self.starts += 1
        self.exit_status = None
        port = BusPort(self._wiring, self._partitions, self._feed_watchdog)
        bus.setblocking(False)
        self._server.watch(bus.fileno(), lambda: self._serve_bus(bus, port))
        for number, device in self._wiring.uarts.items():
            self._join_line(self._sockets[f"VUZOL_UART{number}"], device)

    def kill(self) -> None:
        """Stop at whatever instruction it is, and leave the flash as it is."""
        self._stop_watchdog()
        if self._process is not None:
            self._process.kill()
            self._end()

    def _stop_watchdog(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def _command(self, at_prompt: bool) -> list[str]:
        program = self._program
        options = ["-X", f"heapsize={program.heap}"]
        if self._cable is None:
            command = [str(program.micropython), *options, *program.arguments]
        else:
            arguments = () if at_prompt else program.arguments
            command = self._cable.command([str(program.micropython), *options, "-i", *arguments])
        return bound_to_parent(command)  # the parent is the bus server's thread

    def _open_console(self) -> int:
        if self._cable is None:
            self._console_out, console_of_node = os.pipe2(os.O_CLOEXEC)
        else:
            self._console_out, console_of_node = self._cable.open()
        os.set_blocking(self._console_out, False)
        self._server.watch(self._console_out, self._read_console)
        return console_of_node

    def _read_console(self) -> None:
        try:
            text = os.read(self._console_out, CHUNK)
        except BlockingIOError:
            return
        except OSError:  # EIO: a terminal whose last program has ended
            text = b""
        if not text:
            self._close_console()
            return
        self._say(text)

    def _say(self, text: bytes) -> None:
        self.console += text
        del self.console[:-CONSOLE_BYTES]
        if self._cable is not None:
            self._cable.say(text)
        self.on_console()

    def _close_console(self) -> None:
        if self._console_out >= 0:
            self._server.unwatch(self._console_out)
            os.close(self._console_out)
            self._console_out = -1
            if self._cable is not None:
                self._cable.closed()

    def _serve_bus(self, bus: socket.socket, port: BusPort) -> None:
        try:
            request = bus.recv(CHUNK)
            if not request:
                self._exited()
                return
            answer = port.feed(request)
            if answer:
                bus.sendall(answer)
        except PowerCut:
            self.kill()
            self._wiring.power(False)
        except ProtocolBroken as error:
            self.kill()
            self._say(f"\nbus: {error}\n".encode())
        except (ConnectionError, BlockingIOError):
            self._exited()

    def _join_line(self, line: socket.socket, device: UartDevice) -> None:
        line.setblocking(False)

        def from_node() -> None:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                data = line.recv(CHUNK)
                if data:
                    device.feed(data)
                else:
                    self._server.unwatch(line.fileno())

        def to_node(data: bytes) -> None:
            with contextlib.suppress(OSError):  # full or closed: a line without flow control loses what nobody reads
                line.send(data)

        self._server.watch(line.fileno(), from_node)
        device.on_output = to_node

    def _feed_watchdog(self, timeout_ms: int) -> None:
        if not timeout_ms:
            self._stop_watchdog()
            return
        now_us = self._server.clock.now_us()
        self._bites_at_us = now_us + timeout_ms * 1000
        if self._watchdog is None:
            self._watchdog = self._server.clock.call_at(self._bites_at_us, self._look_at_watchdog)

    def _look_at_watchdog(self) -> None:
        if self._server.clock.now_us() < self._bites_at_us:  # it was fed since: one alarm serves many feeds
            self._watchdog = self._server.clock.call_at(self._bites_at_us, self._look_at_watchdog)
            return
        self._watchdog = None
        self.watchdog_bites += 1
        self.kill()
        self._wiring.release_pins()
        self.start(WDT_RESET)

    def _exited(self) -> None:
        """The process has closed its bus: it is at its end. Only machine.reset() starts it anew at once; after a crash
        a board sits in its REPL until the watchdog bites, if one was started."""
        self._end()
        self._wiring.release_pins()
        if self.exit_status == bus_frames.RESET_EXIT_STATUS:
            self._stop_watchdog()
            self.resets += 1
            self.start(HARD_RESET)
        elif self._cable is not None and self.exit_status in (0, -signal.SIGINT):
            # Ctrl-D at the raw prompt, a board's soft reset; or Ctrl-C before the interpreter could take it.
            self.start(HARD_RESET, at_prompt=True)

    def _end(self) -> None:
        assert self._process is not None
        try:
            self.exit_status = self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.exit_status = self._process.wait()
        self._process = None
        while self._console_out >= 0:  # what it said last
            length = len(self.console)
            self._read_console()
            if len(self.console) == length:
                self._close_console()
        self._close_descriptors()

    def _close_descriptors(self) -> None:
        self._close_console()
        for end in self._sockets.values():
            with contextlib.suppress(KeyError):
                self._server.unwatch(end.fileno())
            end.close()
        self._sockets = {}

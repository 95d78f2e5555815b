"""An emulated two-wire bus: what one participant says all others hear, character by character at the line's rate.

It must never know what is said. Two who speak at once garble each other, and that is counted.
Specification: TIA-485-A (one pair, half duplex); Modbus over serial line V1.02, section 2.5.1 (characters).
"""

import os
import pty
import socket
import tty
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from emulation.peripherals.ports import Clock
from emulation.unix.bus_server import shared_server
from emulation.unix.host_line import HostLine

PIECE_US = 1000  # what has arrived is handed on so often, or character by character on a slow line


@dataclass
class _Participant:
    name: str
    hear: Callable[[bytes], None]
    said: bytearray = field(default_factory=bytearray)  # not yet on the others' side
    since_us: int = 0  # when the first character of `said` began
    garbled: bool = False


class Rs485Bus:
    """The wires, in the time of `clock`. `on_heard(us, name, data)` is told everything that arrives, in order."""

    def __init__(
        self,
        clock: Clock,
        baud: int = 115_200,
        character_bits: int = 10,
        piece_us: int = PIECE_US,
        on_heard: Callable[[int, str, bytes], None] = lambda _us, _name, _data: None,
    ) -> None:
        self._clock = clock
        self._character_us = 1e6 * character_bits / baud
        self._piece_us = piece_us
        self._participants: list[_Participant] = []
        self._due_us: int | None = None
        self.on_heard = on_heard
        self.collisions = 0

    def join(self, name: str, hear: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """A new participant; what it says is given to the function that comes back."""
        one = _Participant(name, hear)
        self._participants.append(one)
        return lambda data: self._say(one, data)

    def _say(self, one: _Participant, data: bytes) -> None:
        if not one.said:
            one.since_us = self._clock.now_us()
            one.garbled = False
            others = [other for other in self._participants if other.said]
            if others:
                self.collisions += 1
            for other in others:
                other.garbled = one.garbled = True
        one.said += data
        self._wait()

    def _wait(self) -> None:
        speaking = [one for one in self._participants if one.said]
        if not speaking or self._due_us is not None:
            return
        first_us = min(one.since_us + self._character_us for one in speaking)
        last_us = min(one.since_us + len(one.said) * self._character_us for one in speaking)
        self._due_us = round(max(first_us, min(last_us, self._clock.now_us() + self._piece_us)))
        self._clock.call_at(self._due_us, self._deliver)

    def _deliver(self) -> None:
        self._due_us = None
        now_us = self._clock.now_us()
        for one in self._participants:
            count = min(len(one.said), int((now_us - one.since_us + 1) / self._character_us))
            if count:
                data = bytes(one.said[:count])
                del one.said[:count]
                one.since_us += round(count * self._character_us)
                if one.garbled:
                    data = bytes(byte ^ 0xFF for byte in data)
                self.on_heard(now_us, one.name, data)
                for other in self._participants:
                    if other is not one:
                        other.hear(data)
        self._wait()


class LiveBus:
    """The wires in real time, for participants that are descriptors: nodes' uplinks, pseudo-terminals for masters."""

    def __init__(self, baud: int = 115_200, character_bits: int = 10) -> None:
        self._server = shared_server()
        self._ends: list[socket.socket | Pty] = []
        self._lines: list[HostLine] = []
        self.bus = Rs485Bus(self._server.clock, baud, character_bits)

    def __enter__(self) -> "LiveBus":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        def close() -> None:
            for line in self._lines:
                line.close()

        self._server.call(close)
        for end in self._ends:
            end.close()

    def line(self, name: str) -> int:
        """A new participant's descriptor, for NodeHandle.connect_uplink(); it is the bus's to close."""
        ours, theirs = socket.socketpair()
        self._ends += [ours, theirs]
        self._join(name, ours.fileno())
        return theirs.fileno()

    def terminal(self, name: str) -> str:
        """A new participant's path, to be opened as a serial port."""
        terminal = Pty()
        self._ends.append(terminal)
        self._join(name, terminal.descriptor)
        return terminal.path

    def _join(self, name: str, descriptor: int) -> None:
        def join() -> None:
            say = self.bus.join(name, lambda data: line.send(data))
            line = HostLine(self._server, descriptor, say)
            self._lines.append(line)

        self._server.call(join)


class Pty:
    """A pseudo-terminal: `descriptor` is one end of the line, `path` the serial port at the other."""

    def __init__(self) -> None:
        self.descriptor, self._port = pty.openpty()  # held open: without a port the descriptor would read as an error
        tty.setraw(self._port)
        self.path = os.ttyname(self._port)

    def close(self) -> None:
        os.close(self.descriptor)
        os.close(self._port)

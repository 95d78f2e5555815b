"""Lines with Modbus units on them: a serial port that is a pseudo-terminal, and a gateway on TCP.

Never knows what a unit says; a unit is a function from PDU to PDU, or to None when it stays silent.
Specification: Modbus over serial line V1.02; Modbus messaging on TCP/IP V1.0b (MBAP).
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping

from controller.transports.modbus_unit import Talk
from emulation.rs485 import Pty
from protocols.wire import modbus_rtu
from protocols.wire.errors import MalformedFrame

Unit = Callable[[bytes], bytes | None]
MBAP_SIZE = 7


class Poll:
    """The plainest conversation: one request a poll."""

    def __init__(self, period_s: float = 1.0) -> None:
        self.period_s = period_s
        self.again_s = 0.0
        self.wake = lambda: None
        self.heard = 0
        self.silences = 0

    def talk(self) -> Talk:
        while True:
            yield bytes((3, 0, 0, 0, 1))
            self.heard += 1
            yield None

    def silent(self) -> None:
        self.silences += 1


class SerialLine:
    """A master's serial port. `spoil` has the last word on what goes out; `asked` lists the units asked."""

    def __init__(self, units: Mapping[int, Unit]) -> None:
        self.units = dict(units)
        self.asked: list[int] = []
        self.answer_s = 0.0
        self.spoil: Callable[[bytes], bytes] = lambda frame: frame
        self._pty = Pty()
        self._heard = b""

    @property
    def path(self) -> str:
        return self._pty.path

    def _arrived(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._heard += os.read(self._pty.descriptor, 4096)
        while len(self._heard) > 1:
            length = modbus_rtu.request_length(self._heard)
            if length is None:
                self._heard = b""
            elif not length or len(self._heard) < length:
                return
            else:
                frame, self._heard = self._heard[:length], self._heard[length:]
                self._take(frame)

    def _take(self, frame: bytes) -> None:
        with contextlib.suppress(MalformedFrame):
            unit, pdu = modbus_rtu.check(frame)
            self.asked.append(unit)
            answer = self.units[unit](pdu) if unit in self.units else None
            if answer is not None:
                said = self.spoil(modbus_rtu.build(unit, answer))
                asyncio.get_running_loop().call_later(self.answer_s, self.say, said)

    def say(self, data: bytes) -> None:
        """Put bytes on the line, whoever they come from."""
        with contextlib.suppress(OSError):
            os.write(self._pty.descriptor, data)

    async def __aenter__(self) -> "SerialLine":
        os.set_blocking(self._pty.descriptor, False)
        asyncio.get_running_loop().add_reader(self._pty.descriptor, self._arrived)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._pty.descriptor)
        self._pty.close()


@contextlib.asynccontextmanager
async def gateway(units: Mapping[int, Unit], *, patience_s: float, port: int = 0) -> AsyncIterator[int]:
    """A serial gateway's port: one request at a time, and nothing of a silent unit after `patience_s`."""
    line = asyncio.Lock()
    clients: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(MBAP_SIZE)
                pdu = await reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
                async with line:
                    answer = units[head[6]](pdu) if head[6] in units else None
                    if answer is None:
                        await asyncio.sleep(patience_s)
                        continue
                writer.write(head[:4] + (len(answer) + 1).to_bytes(2, "big") + head[6:] + answer)

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    async with server:
        yield server.sockets[0].getsockname()[1]
        server.close()
        for client in clients:
            client.close()
            with contextlib.suppress(ConnectionError):
                await client.wait_closed()

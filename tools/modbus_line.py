"""Modbus devices for the benchmark: many on TCP, several behind one connection, a serial line with its bit times.

Never knows who asks; it counts what each unit answered.
Specification: Modbus messaging on TCP/IP V1.0b (MBAP); Modbus over serial line V1.02 (t3.5). 8N1: 10 bits.
"""

import asyncio
import contextlib
import os
import pty
import tty
from collections import Counter
from collections.abc import AsyncIterator, Callable, Container, Mapping

from protocols.provisioning import NodeEntry
from protocols.wire import modbus_rtu, record, state
from protocols.wire.mailbox_node import NodeMailbox
from protocols.wire.messages import position
from protocols.wire.modbus_slave import ModbusSlave, identity
from protocols.wire.node_kinds import kind_id
from protocols.wire.session import Session

MBAP_SIZE = 7
CHARACTER_BITS = 10
THINKS_S = 0.002  # what a device takes to think of its answer

Unit = Callable[[bytes], bytes]


def registers(pdu: bytes) -> bytes:
    """A device that answers every read with zeros."""
    return pdu[:1] + bytes((2 * pdu[4],)) + bytes(2 * pdu[4])


class TcpDevices:
    """A port; each address 127.x.y.z of it is a device of its own, or it is a gateway of one line to several units."""

    def __init__(self, *, is_gateway: bool = False, dead: Container[int | str] = (), patience_s: float = 0.0) -> None:
        self.answers: Counter[int | str] = Counter()
        self.port = 0
        self._is_gateway = is_gateway
        self._line = asyncio.Lock()
        self._dead = dead
        self._patience_s = patience_s

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = str(writer.get_extra_info("sockname")[0])
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(MBAP_SIZE)
                pdu = await reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
                device = head[6] if self._is_gateway else host
                if self._is_gateway:
                    async with self._line:
                        await asyncio.sleep(self._patience_s if device in self._dead else THINKS_S)
                if device in self._dead:
                    continue
                answer = registers(pdu)
                writer.write(head[:4] + (len(answer) + 1).to_bytes(2, "big") + head[6:] + answer)
                self.answers[device] += 1
        writer.close()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["TcpDevices"]:
        """Listen on a free port."""
        server = await asyncio.start_server(self._serve, "0.0.0.0", 0, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self


class SerialLine:
    """A master's serial port at `path`: requests and answers take the time that their bits take."""

    def __init__(self, baud: int, units: Mapping[int, Unit]) -> None:
        self.answers: Counter[int | str] = Counter()
        self.path = ""
        self._character_s = CHARACTER_BITS / baud
        self._gap_s = modbus_rtu.t35_us(baud) / 1e6
        self._units = units
        self._descriptor = -1
        self._heard = b""

    def _arrived(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._heard += os.read(self._descriptor, 4096)
        while length := modbus_rtu.request_length(self._heard) or 0:
            if len(self._heard) < length:
                return
            frame, self._heard = self._heard[:length], self._heard[length:]
            unit, pdu = modbus_rtu.check(frame)
            if unit in self._units:
                answer = modbus_rtu.build(unit, self._units[unit](pdu))
                lasts_s = (len(frame) + len(answer)) * self._character_s + self._gap_s + THINKS_S
                asyncio.get_running_loop().call_later(lasts_s, self._say, unit, answer)

    def _say(self, unit: int, frame: bytes) -> None:
        with contextlib.suppress(OSError):  # the line is gone
            os.write(self._descriptor, frame)
        self.answers[unit] += 1

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["SerialLine"]:
        """Lay the line."""
        self._descriptor, port = pty.openpty()
        tty.setraw(port)
        os.set_blocking(self._descriptor, False)
        self.path = os.ttyname(port)
        asyncio.get_running_loop().add_reader(self._descriptor, self._arrived)
        try:
            yield self
        finally:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            os.close(port)


class Node:
    """A node with a backlog: the device's own session, mailbox and slave over records in memory."""

    boot_id = 1

    def __init__(self, entry: NodeEntry, records: int, now_ms: Callable[[], int]) -> None:
        body = position.build(position.Position(17, 0, 479_100_000, 333_900_000, 830, 9000, 90, 11))
        self._records = [
            record.build(position.KIND, position.VERSION, record.CLOCK_GNSS, seq, 1_792_310_400_000 + seq, body)
            for seq in range(1, records + 1)
        ]
        self.last_seq = records
        self.receipted = 0
        self.record_size = len(self._records[0])
        self._now_ms = now_ms
        self.receipts: list[tuple[float, int]] = []  # when, and all up to which number
        self._session = Session(entry.key, entry.node, self, (), lambda: os.urandom(1)[0])
        mailbox = NodeMailbox(self._session)
        mailbox.will, mailbox.online = (
            state.build(entry.key, entry.node, 1, state.State(what, kind_id(entry.kind), (0, 1, 0)))
            for what in (state.OFFLINE, state.ONLINE)
        )
        mailbox.open(1)
        self._slave = ModbusSlave(mailbox, entry.kind, identity(entry.kind, (0, 1, 0), ""), lambda: ((), ()))

    def answer(self, pdu: bytes) -> bytes:
        """A unit of a line."""
        answer: bytes = self._slave.answer(pdu, self._now_ms())
        complete = self._slave.take_complete()
        if complete:
            self._session.received(complete, self._now_ms(), 1_792_310_400)
        return answer

    # What a session needs of a journal.

    def read(self, first: int, last: int, count: int, size: int) -> tuple[list[tuple[int, bytes]], int]:
        last = min(last, first + min(count, size // self.record_size) - 1)
        return [(seq, self._records[seq - 1]) for seq in range(first, last + 1)], last

    def trim(self, up_to: int) -> None:
        if up_to > self.receipted:
            self.receipted = up_to
            self.receipts.append((self._now_ms() / 1000, up_to))

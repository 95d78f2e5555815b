"""The Modbus link over TCP: a few masters at a time, each on a connection of its own.

Never knows what a request means. Specification: Modbus Messaging on TCP/IP Implementation Guide V1.0b.
"""

import asyncio

from firmware.comms.modbus_link import ModbusLink
from protocols.wire import modbus_tcp
from protocols.wire.errors import MalformedFrame

MASTERS = 4
SILENCE_MS = 60_000  # a master that says nothing for so long has gone, or should make room
BEAT_MS = 5_000
DRAIN_MS = 10_000


def create(_hal, settings, node):
    """The link of a node on a board with sockets."""
    options = settings.uplink
    return ModbusLink(TcpServer(options["host"], options["port"], options["unit"]), settings.kind, node)


class TcpServer:
    """Answers the requests to one unit, or to the device itself."""

    def __init__(self, host, port, unit):
        self._host = host
        self._port = port
        self._units = (unit, modbus_tcp.ITSELF)
        self._masters = 0
        self._starved = None  # the fault of a connection that found no memory

    async def run(self, link, beat):
        """Never returns. Raises OSError when the port cannot be had, MemoryError when an answer found no room."""

        async def serve(reader, writer):
            await self._serve(reader, writer, link)

        server = await asyncio.start_server(serve, self._host, self._port, MASTERS)
        try:
            while not self._starved:
                beat()
                await asyncio.sleep_ms(BEAT_MS)
            starved, self._starved = self._starved, None
            raise starved
        finally:
            server.close()

    async def _serve(self, reader, writer, link):
        self._masters += 1
        has_room = self._masters <= MASTERS
        try:
            while has_room:
                await self._answer_one(reader, writer, link)
        except (MalformedFrame, OSError, EOFError, asyncio.TimeoutError):
            pass  # it has gone, or has lost its frames: it may come again
        except MemoryError as starved:
            self._starved = starved
        finally:
            self._masters -= 1
            writer.close()
            await writer.wait_closed()

    async def _answer_one(self, reader, writer, link):
        header = await asyncio.wait_for_ms(reader.readexactly(modbus_tcp.HEADER_SIZE), SILENCE_MS)
        transaction, unit, size = modbus_tcp.parse_header(header)
        request = await asyncio.wait_for_ms(reader.readexactly(size), SILENCE_MS)
        if unit in self._units:
            writer.write(modbus_tcp.build(transaction, unit, link.answer(request)))
            link.settle()  # before another master has its turn
            await asyncio.wait_for_ms(writer.drain(), DRAIN_MS)

"""A client that says what it expects, packet by packet, and the three brokers that it may talk to.

Must never know a case. Specification: MQTT Version 3.1.1, OASIS Standard.
"""

import asyncio
import contextlib
import shutil
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest

from controller.config import MqttConfig
from controller.transports.broker import Broker
from emulation.peripherals.clock import ManualClock
from emulation.sim import mqtt_packets as packets
from emulation.sim.broker_model import BrokerModel
from emulation.sim.mqtt_packets import Connect, Message, Packet, Publish

PATIENCE_S = 5.0
QUIET_S = 0.2


class Wire(Protocol):
    """A connection, seen from the client."""

    def send(self, data: bytes) -> None: ...

    async def receive(self, patience_s: float) -> bytes | None:
        """What came; None: nothing within that time; b"": closed."""

    def cut(self) -> None:
        """Close it without a word."""


class Peer:
    """A client that says what it expects, packet by packet."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._reader = packets.Reader()
        self._came: list[Connect | Publish | Packet] = []
        self.closed = False
        self.send = wire.send
        self.cut = wire.cut

    async def next(self, patience_s: float = PATIENCE_S) -> Connect | Publish | Packet | None:
        while not self._came and not self.closed:
            data = await self._wire.receive(patience_s)
            if data is None:
                return None
            self.closed = not data
            self._came += self._reader.feed(data)
        return self._came.pop(0) if self._came else None

    async def expect(self, kind: int, body: bytes) -> None:
        assert await self.next() == Packet(kind, body)

    async def hears(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> Publish:
        """A message of exactly that content, acknowledged."""
        came = await self.next()
        assert isinstance(came, Publish)
        assert came.message == Message(topic, payload, qos, retain)
        if qos:
            self.send(packets.acknowledge(packets.PUBACK, came.packet_id))
        return came

    async def hears_nothing(self) -> None:
        assert await self.next(QUIET_S) is None
        assert not self.closed

    async def is_closed(self) -> None:
        assert await self.next() is None
        assert self.closed

    async def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> None:
        self.send(packets.publish(Publish(Message(topic, payload, qos, retain), 7 if qos else 0)))
        if qos:
            await self.expect(packets.PUBACK, b"\x00\x07")

    async def subscribe(self, name: str, qos: int = 1) -> None:
        self.send(packets.subscribe(9, {name: qos}))
        await self.expect(packets.SUBACK, b"\x00\x09" + bytes((qos,)))


class AnyBroker(ABC):
    """What a case needs of a broker."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    async def dial(self) -> Peer: ...

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def client(
        self,
        name: str,
        *,
        clean: bool = True,
        present: bool = False,
        keep_alive_s: int = 0,
        will: Message | None = None,
    ) -> Peer:
        peer = await self.dial()
        peer.send(packets.connect(Connect(name, clean, keep_alive_s, will)))
        await peer.expect(packets.CONNACK, bytes((present, packets.ACCEPTED)))
        return peer


class ModelWire:
    def __init__(self, broker: BrokerModel) -> None:
        self._came: list[bytes] = []
        self._connection = broker.accept(self._came.append, lambda: self._came.append(b""))

    def send(self, data: bytes) -> None:
        for byte in data:  # one at a time: whoever reads packets must not depend on how they are cut
            self._connection.feed(bytes((byte,)))

    async def receive(self, _patience_s: float) -> bytes | None:
        return self._came.pop(0) if self._came else None

    def cut(self) -> None:
        self._connection.lost()


class TheModel(AnyBroker):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._clock = ManualClock()
        self._broker = BrokerModel(self._clock)

    async def dial(self) -> Peer:
        return Peer(ModelWire(self._broker))

    async def pass_time(self, seconds: float) -> None:
        self._clock.advance(int(seconds * 1e6))


class TcpWire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.send = writer.write

    async def receive(self, patience_s: float) -> bytes | None:
        try:
            async with asyncio.timeout(patience_s):
                return await self._reader.read(65_536)
        except TimeoutError:
            return None
        except ConnectionError:
            return b""

    def cut(self) -> None:
        self._writer.close()


class RealBroker(AnyBroker):
    def __init__(self, name: str, port: int) -> None:
        super().__init__(name)
        self._port = port
        self._wires: list[TcpWire] = []

    async def dial(self) -> Peer:
        wire = TcpWire(*await asyncio.open_connection("127.0.0.1", self._port))
        self._wires.append(wire)
        return Peer(wire)

    def close(self) -> None:
        for wire in self._wires:
            wire.cut()


@contextlib.asynccontextmanager
async def nats(folder: Path) -> AsyncIterator[int]:
    server = Broker(MqttConfig(port=0), folder)
    await server.start()
    try:
        yield server.port
    finally:
        await server.stop()


@contextlib.asynccontextmanager
async def mosquitto(folder: Path) -> AsyncIterator[int]:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    configuration = folder / "mosquitto.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(configuration), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with contextlib.suppress(OSError):
                    (await asyncio.open_connection("127.0.0.1", port))[1].close()
                    break
                await asyncio.sleep(0.02)
        yield port
    finally:
        process.terminate()
        await process.wait()

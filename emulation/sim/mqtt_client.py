"""The controller's link to the broker model: what controller.transports.mqtt.MqttLink is to a real broker.
It must never open an envelope. What cannot be sent is dropped, as there.
Specification: MQTT 3.1.1; controller/transports/mqtt.py for how it behaves.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from emulation.sim import mqtt_packets as packets
from emulation.sim.mqtt_packets import Connect, Malformed, Message, Packet, Publish
from emulation.virtual.node_socket import Network, NodeSocket

KEEP_ALIVE_S = 15
CONNECT_S = 10.0
FIRST_BACKOFF_S = 0.2
MAX_BACKOFF_S = 10.0


class LinkLost(Exception):
    """The connection is gone or of no use."""


class SimLink:
    """`publish` never waits; `run` belongs to the controller's task group."""

    def __init__(
        self,
        name: str,
        network: Network,
        now_us: Callable[[], int],
        topics: Sequence[str],
        receive: Callable[[str, bytes], None],
    ) -> None:
        self._name = name
        self._network = network
        self._now_us = now_us
        self._topics = topics
        self._receive = receive
        self._last_id = 0
        self._socket: NodeSocket | None = None
        self.connected = False

    def publish(self, topic: str, data: bytes) -> bool:
        """Send when connected; False: dropped."""
        if not self.connected or self._socket is None:
            return False
        self._last_id = self._last_id % 0xFFFF + 1
        self._socket.on_data(packets.publish(Publish(Message(topic, data, 1), self._last_id)))
        return True

    async def run(self) -> None:
        """Connect, subscribe, hand on; after every loss again."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            with contextlib.suppress(LinkLost, Malformed, TimeoutError):
                await self._serve()
            if self.connected:
                backoff_s = FIRST_BACKOFF_S
            self.connected = False
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)

    async def _serve(self) -> None:
        came: asyncio.Queue[bytes | None] = asyncio.Queue()
        one = self._socket = NodeSocket(
            self._name,
            "broker",
            1883,
            self._now_us,
            open=lambda: came.put_nowait(b""),
            deliver=came.put_nowait,
            end=lambda: came.put_nowait(None),
        )
        try:
            self._network(one)
            async with asyncio.timeout(CONNECT_S):
                if await came.get() is None:
                    raise LinkLost
            one.on_data(packets.connect(Connect(f"vuzol-{self._name}", keep_alive_s=KEEP_ALIVE_S)))
            one.on_data(packets.subscribe(1, dict.fromkeys(self._topics, 1)))
            await self._receive_all(one, came)
        finally:
            self._socket = None
            one.on_close()

    async def _receive_all(self, one: NodeSocket, came: asyncio.Queue[bytes | None]) -> None:
        reader = packets.Reader()
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE_S / 2):
                    data = await came.get()
            except TimeoutError:
                one.on_data(packets.packet(packets.PINGREQ << 4))
                async with asyncio.timeout(KEEP_ALIVE_S):
                    data = await came.get()
            if data is None:
                raise LinkLost
            for packet in reader.feed(data):
                self._take(one, packet)

    def _take(self, one: NodeSocket, packet: Connect | Publish | Packet) -> None:
        if isinstance(packet, Publish):
            if packet.message.qos:
                one.on_data(packets.acknowledge(packets.PUBACK, packet.packet_id))
            self._receive(packet.message.topic, packet.message.payload)
        elif isinstance(packet, Packet) and packet.kind == packets.SUBACK:
            self.connected = True

"""One node's own MQTT connection, with its last will, held by a relay in its place.

Never opens an envelope and keeps none but the one that is being published: the node has it until its receipt.
Specification: MQTT 3.1.1, 3.1.2.5 (will); protocols/README.md, "Transports".
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable

import aiomqtt
import structlog

from controller.config import BrokerConfig
from controller.transports.mqtt import FIRST_BACKOFF_S, KEEPALIVE_S, MAX_BACKOFF_S, Access
from protocols.wire import topics

FAREWELL_S = 2.0

log = structlog.get_logger("mqtt")


class NodeLink:
    """`run` belongs to the process's task group. `opened(bool)`: envelopes can be published, or cannot any more."""

    def __init__(
        self,
        config: BrokerConfig,
        access: Access,
        site: str,
        opened: Callable[[bool], None],
        came_down: Callable[[bytes], object],
        published: Callable[[], None],
    ) -> None:
        self._config = config
        self._access = access
        self._site = site
        self._opened = opened
        self._came_down = came_down
        self._published = published
        self._node = b""
        self._will = b""
        self._online = b""
        self._is_wanted = asyncio.Event()
        self._changed = asyncio.Event()
        self._waiting: bytes | None = None
        self._has_waiting = asyncio.Event()

    def introduce(self, node: bytes, will: bytes, online: bytes) -> None:
        """The node is there: connect in its name."""
        self._node, self._will, self._online = node, will, online
        self._waiting = None  # of before its restart: it sends that again
        self._is_wanted.set()
        self._changed.set()

    def dismiss(self) -> None:
        """The node is silent: say so in its name, and leave."""
        self._is_wanted.clear()
        self._changed.set()

    def publish(self, envelope: bytes) -> None:
        """Send the node's next envelope; `published()` tells when the broker has it."""
        self._waiting = envelope
        self._has_waiting.set()

    async def run(self) -> None:
        """Connect while the node is there, after every loss again."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            await self._is_wanted.wait()
            self._changed.clear()
            try:
                await self._carry()
                backoff_s = FIRST_BACKOFF_S
                continue
            except* (aiomqtt.MqttError, OSError) as errors:
                log.warning("link lost", node=topics.node_name(self._node), error=str(errors.exceptions[0]))
            finally:
                self._opened(False)
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)

    async def _carry(self) -> None:
        """Until the node changed or the relay stops, which is told in the node's name, or the connection is lost."""
        up, down, state = (topics.topic(self._site, self._node, leaf) for leaf in ("up", "down", "state"))
        client = aiomqtt.Client(
            self._config.host,
            self._config.port,
            identifier=self._access.client_id(self._node),
            username=self._access.username,
            password=self._access.password,
            tls_context=self._access.tls,
            clean_session=True,
            keepalive=KEEPALIVE_S,
            will=aiomqtt.Will(state, self._will, 1, retain=True),
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
        )
        async with client, asyncio.TaskGroup() as tasks:
            await client.subscribe(down, qos=1)
            await client.publish(state, self._online, qos=1, retain=True)
            carrying = [tasks.create_task(self._hear(client)), tasks.create_task(self._publish(client, up))]
            self._opened(True)
            try:
                await self._changed.wait()
            finally:
                for task in carrying:
                    task.cancel()
                if not self._is_wanted.is_set() or not self._changed.is_set():
                    with contextlib.suppress(aiomqtt.MqttError):
                        await client.publish(state, self._will, qos=1, retain=True, timeout=FAREWELL_S)

    async def _hear(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            self._came_down(bytes(message.payload))

    async def _publish(self, client: aiomqtt.Client, up: str) -> None:
        while True:
            if self._waiting is None:
                self._has_waiting.clear()
                await self._has_waiting.wait()
                continue
            await client.publish(up, self._waiting, qos=1)
            self._waiting = None
            self._published()

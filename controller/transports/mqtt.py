"""The MQTT link: bytes in, bytes out, and a connection that is made again for ever.

Never opens an envelope. What cannot be sent is dropped: receipts and commands are made anew, nodes send again.
Specification: MQTT 3.1.1; protocols/wire/topics.py for the topics, QoS 1.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import aiomqtt
import structlog

from controller.config import BrokerConfig, ConfigError, MqttConfig
from controller.metrics import Metrics
from controller.secret_files import SecretFault, is_open_to_others, read_secret
from controller.transports.broker_access import CONTROLLER
from protocols.wire import mqtt_access

FIRST_BACKOFF_S = 0.2
MAX_BACKOFF_S = 10.0
KEEPALIVE_S = 15
MAX_INCOMING = 8192  # messages read and not yet handed on
MAX_OUTGOING = 8192
SENDERS = 32  # publications that may wait for their PUBACK at once

log = structlog.get_logger("mqtt")


@dataclass(frozen=True, slots=True)
class Access:
    """What we show the broker; never shown to anybody else. `secret` is what client ids are made of."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    secret: bytes = field(default=b"", repr=False)

    def client_id(self, node: bytes) -> str:
        """Of a relay's connection for a node: the same after a restart, but nothing that another guest could guess."""
        return mqtt_access.client_id(self.secret, node)

    def own_id(self, name: str) -> str:
        """Of our own connection."""
        return f"{name}-{mqtt_access.client_id(self.secret, bytes(8))[-8:]}"


class MqttLink:
    """One client of one broker. `publish` never waits; `run` belongs to the process's task group."""

    def __init__(
        self,
        config: MqttConfig,
        port: int,
        access: Access,
        identifier: str,
        topics: Sequence[str],
        receive: Callable[[str, bytes], None],
        metrics: Metrics,
    ) -> None:
        self._config = config
        self._port = port
        self._access = access
        self._identifier = identifier
        self._topics = topics
        self._receive = receive
        self._metrics = metrics
        self._outgoing: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(MAX_OUTGOING)
        self.connected = False

    def publish(self, topic: str, data: bytes) -> bool:
        """Send when connected; False: dropped."""
        if self.connected:
            try:
                self._outgoing.put_nowait((topic, data))
            except asyncio.QueueFull:
                pass
            else:
                return True
        self._metrics.dropped.inc()
        return False

    async def run(self) -> None:
        """Connect, subscribe, hand on; after every loss again."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            try:
                await self._serve()
            except* aiomqtt.MqttError as errors:
                log.warning("link lost", error=str(errors.exceptions[0]), retry_s=backoff_s)
            if self.connected:
                backoff_s = FIRST_BACKOFF_S
            self._set_connected(False)
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)

    async def _serve(self) -> None:
        queues: list[asyncio.Queue[aiomqtt.Message]] = []

        def make_queue(maxsize: int) -> asyncio.Queue[aiomqtt.Message]:
            queues.append(asyncio.Queue(maxsize))
            return queues[-1]

        client = aiomqtt.Client(
            self._config.host,
            self._port,
            identifier=self._access.own_id(self._identifier),
            username=self._access.username,
            password=self._access.password,
            tls_context=self._access.tls,
            clean_session=True,  # the nodes' journals are the queue; a broker's would only fill with repetitions
            keepalive=KEEPALIVE_S,
            # A receipt right behind a PUBACK would wait for the broker's delayed ACK: 40 ms.
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
            max_inflight_messages=SENDERS,
            max_queued_incoming_messages=MAX_INCOMING,
            # aiomqtt's iterator makes a task a message; with the queue in hand a burst is read without.
            queue_type=cast(type[asyncio.Queue[aiomqtt.Message]], make_queue),
        )
        (incoming,) = queues
        client.pending_calls_threshold = SENDERS + len(self._topics)
        async with client:
            for topic in self._topics:
                await client.subscribe(topic, qos=1)
            self._set_connected(True)
            log.info("link up", host=self._config.host, port=self._port)
            async with asyncio.TaskGroup() as tasks:
                for _ in range(SENDERS):
                    tasks.create_task(self._send(client))
                async for message in client.messages:
                    self._hand_on(message)
                    while not incoming.empty():
                        self._hand_on(incoming.get_nowait())

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            topic, data = await self._outgoing.get()
            await client.publish(topic, data, qos=1)

    def _hand_on(self, message: aiomqtt.Message) -> None:
        self._receive(str(message.topic), message.payload)  # paho hands on what it read: bytes

    def _set_connected(self, connected: bool) -> None:
        self.connected = connected
        self._metrics.link_up.set(connected)
        while not connected and not self._outgoing.empty():
            self._outgoing.get_nowait()
            self._metrics.dropped.inc()


def read_access(config: BrokerConfig) -> Access:
    """Read the files that the configuration names, for a broker that runs already. Raises ConfigError."""
    password = None
    try:
        if config.password_file:
            password = read_secret(Path(config.password_file), "mqtt.password_file")
        tls = _tls(config, config.ca_file) if config.tls else None
    except SecretFault as fault:
        raise ConfigError(str(fault)) from None
    key = Path(config.key_file).read_bytes() if tls and config.key_file else b""
    return Access(config.username or None, password, tls, (password or "").encode() + key)


def embedded_access(config: MqttConfig, password: str) -> Access:
    """Of the controller at its own broker. Raises ConfigError."""
    tls = None
    if config.tls:
        try:
            tls = _tls(config, config.server_cert)  # it is ours: we believe this certificate and no other
        except SecretFault as fault:
            raise ConfigError(str(fault)) from None
        tls.check_hostname = False
        tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if config.certificates:  # nats-server takes either a certificate or a name
        return Access(None, None, tls, password.encode())
    return Access(CONTROLLER, password, tls, password.encode())


def _tls(config: BrokerConfig, believed: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=believed or None)
    except (OSError, ssl.SSLError):
        raise ConfigError(f"{believed} is no PEM certificate: correct mqtt.ca_file or mqtt.server_cert.") from None
    if config.cert_file:
        try:
            if is_open_to_others(Path(config.key_file)):
                raise SecretFault(
                    f"mqtt.key_file {config.key_file} may be read by others: type chmod 600 {config.key_file}."
                )
            context.load_cert_chain(config.cert_file, config.key_file)
        except (OSError, ssl.SSLError):
            raise ConfigError("mqtt.cert_file and mqtt.key_file cannot be used: correct the paths.") from None
    return context

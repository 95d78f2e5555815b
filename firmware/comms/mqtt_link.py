"""The link over MQTT 3.1.1: keeps a connection to the broker and carries envelopes, unopened, both ways.

Never opens an envelope, and never calls a record delivered: only the controller's receipt is one.
Specification: MQTT Version 3.1.1, OASIS Standard; protocols/README.md, "Transports".

The session with the broker is clean. What a broker would keep for a node that is away is stale when it comes back: a
receipt carries the time of then, a board of arrivals has passed. The controller repeats what has no receipt or result.
"""

import asyncio
import os
import socket
from errno import EINPROGRESS

from firmware.bell import Bell
from firmware.comms import mqtt_packets as packets
from protocols.wire import mqtt_access, topics
from protocols.wire.envelope import MAX_SIZE

CONNECT_MS = 10_000
DRAIN_MS = 10_000
ACK_MS = 20_000  # a broker that acknowledges nothing for so long is not there
KEEP_ALIVE_S = 30
PING_MS = 15_000
SILENCE_MS = 30_000
LONGEST_WAIT_MS = 5_000
FIRST_PAUSE_MS = 500
LONGEST_PAUSE_MS = 30_000
IN_FLIGHT = 8
MAX_TOPIC = 128
DISCARD_CHUNK = 256
IPPROTO_TCP = 6
TCP_NODELAY = 1  # or Nagle's algorithm costs 40 ms a message


def create(_hal, settings, node):
    """The link of a node to its broker."""
    node_topics = [topics.topic(settings.site, settings.node, leaf) for leaf in ("up", "down", "state")]
    options = settings.uplink
    client = (
        mqtt_access.client_id(settings.key, settings.node),
        topics.node_name(settings.node),
        None if options["cert"] else mqtt_access.password(settings.key),
    )
    return MqttLink(options, client, node_topics, node.clock, node.session, node.take)


class LinkLost(Exception):
    """The connection is gone or of no use; the text says why."""


class MqttLink:
    """`session` (protocols/wire/session.py) gives the batches and takes what comes down.

    `will` and `online` are envelopes for the retained state topic; set them before run(). `uplink` are the settings'
    rows; `client` is (client id, user name, password or None).
    """

    is_asked = False  # it speaks when it has something to say

    def __init__(self, uplink, client, topics, clock, session, on_event):
        self._uplink = uplink
        self._client = client
        self._up, self._down, self._state = topics
        self._clock = clock
        self._session = session
        self._on_event = on_event  # called with each event of the session
        self._bell = Bell()
        self._packet_id = 0
        self._in_flight = {}  # packet id -> when it was sent
        self._answers = []  # packets that the receiver owes the broker
        self._latest = None
        self._lost = None
        self._sent_ms = 0
        self._heard_ms = 0
        self.will = b""
        self.online = b""
        self.connected = False
        self.connects = 0

    def wake(self):
        """There may be something to send."""
        self._bell.ring()

    def offer(self, envelope):
        """Send this envelope when there is room, unless a newer one is offered before: it is not journalled."""
        self._latest = envelope
        self._bell.ring()

    async def run(self, beat):
        """Connect, carry, and connect again, for ever."""
        pause_ms = FIRST_PAUSE_MS
        while True:
            beat()
            before = self.connects
            try:
                await self._carry(beat)
            except (LinkLost, OSError, EOFError, ValueError, ImportError, asyncio.TimeoutError) as why:
                print("link:", type(why).__name__, why)  # ValueError: a certificate; ImportError: a board without TLS
            if self.connects > before:
                pause_ms = FIRST_PAUSE_MS
            await asyncio.sleep_ms(pause_ms // 2 + pause_ms * os.urandom(1)[0] // 256)
            pause_ms = min(2 * pause_ms, LONGEST_PAUSE_MS)

    async def _carry(self, beat):
        sock = _connecting(self._uplink["host"], self._uplink["port"])
        receiver = None
        try:
            if self._uplink["tls"]:
                from firmware.comms import tls  # takes memory, which a node in the open needs for other things

                sock = tls.wrap(sock, self._uplink)
            reader, writer = asyncio.StreamReader(sock), asyncio.StreamWriter(sock, {})
            await asyncio.wait_for_ms(self._greet(reader, writer), CONNECT_MS)
            self._begin()
            receiver = asyncio.create_task(self._receive(reader))
            await self._send(writer, beat)
        finally:
            self.connected = False
            if receiver:
                receiver.cancel()
            sock.close()

    async def _greet(self, reader, writer):
        client_id, name, password = self._client
        writer.write(packets.connect(client_id, KEEP_ALIVE_S, self._state, self.will, name, password))
        writer.write(packets.subscribe(1, self._down))
        await writer.drain()
        for expected, size in ((packets.CONNACK, 2), (packets.SUBACK, 3)):
            kind, length = await _fixed_header(reader)
            if kind >> 4 != expected or length != size:
                raise LinkLost("the broker does not speak MQTT 3.1.1")
            if (await reader.readexactly(size))[-1] not in (0, 1):
                raise LinkLost("the broker refused")

    def _begin(self):
        now_ms = self._sent_ms = self._heard_ms = self._clock.monotonic_ms()
        self._packet_id = 1
        self._in_flight.clear()
        self._answers.clear()
        self._lost = None
        self._session.link_up(now_ms)
        self.connected = True
        self.connects += 1
        print("link: up")

    # Up.

    async def _send(self, stream, beat):
        stream.write(self._publish(self._state, self.online, True))
        while True:
            beat()
            now_ms = self._clock.monotonic_ms()
            self._look(now_ms)
            wrote = self._write_answers(stream)
            while len(self._in_flight) < IN_FLIGHT:
                envelope = self._session.next_batch(now_ms) or self._take_latest()
                if envelope is None:
                    break
                stream.write(self._publish(self._up, envelope))
                await asyncio.wait_for_ms(stream.drain(), DRAIN_MS)
                wrote = True
            if not wrote and now_ms - min(self._sent_ms, self._heard_ms) >= PING_MS:
                stream.write(packets.PINGREQ_PACKET)
                wrote = True
            if wrote:
                self._sent_ms = now_ms
                await asyncio.wait_for_ms(stream.drain(), DRAIN_MS)
            await self._bell.wait_ms(max(1, min(self._session.wait_ms(now_ms), LONGEST_WAIT_MS)))

    def _look(self, now_ms):
        """Raise what the receiver found, or that there is nobody at the other end."""
        if self._lost:
            raise self._lost
        if now_ms - self._heard_ms > SILENCE_MS:
            raise LinkLost("the broker is silent")
        for sent_ms in self._in_flight.values():
            if now_ms - sent_ms > ACK_MS:
                raise LinkLost("the broker acknowledges nothing")

    def _write_answers(self, stream):
        wrote = bool(self._answers)
        while self._answers:
            stream.write(self._answers.pop(0))
        return wrote

    def _publish(self, topic, envelope, retain=False):
        self._packet_id = self._packet_id % 0xFFFF + 1
        self._in_flight[self._packet_id] = self._clock.monotonic_ms()
        return packets.publish(topic, envelope, self._packet_id, retain)

    def _take_latest(self):
        latest, self._latest = self._latest, None
        return latest

    # Down.

    async def _receive(self, stream):
        try:
            while True:
                first, length = await _fixed_header(stream)
                if first >> 4 == packets.PUBLISH:
                    await self._take_publish(stream, first, length)
                elif length > 4:
                    raise LinkLost("a packet that nobody asked for")
                else:
                    body = await stream.readexactly(length) if length else b""
                    if first >> 4 == packets.PUBACK and length == 2:
                        self._in_flight.pop(body[0] << 8 | body[1], None)
                self._heard_ms = self._clock.monotonic_ms()
                self._bell.ring()
        except Exception as why:  # whatever it was, the sender has to end this connection
            self._lost = why
            self._bell.ring()

    async def _take_publish(self, stream, first, length):
        """3.3. What is longer than any envelope is acknowledged, counted and never held in memory."""
        quality = first >> 1 & 3
        size = await stream.readexactly(2)
        topic_size = size[0] << 8 | size[1]
        rest = length - 2 - topic_size - (2 if quality else 0)
        if quality > 1 or rest < 0 or topic_size > MAX_TOPIC:
            raise LinkLost("a message that nobody asked for")
        topic = await stream.readexactly(topic_size) if topic_size else b""
        packet_id = await stream.readexactly(2) if quality else None
        if rest > MAX_SIZE:
            while rest:
                rest -= len(await stream.readexactly(min(rest, DISCARD_CHUNK)))
            self._session.count_refused("oversize")
        else:
            self._hand_over(topic, await stream.readexactly(rest) if rest else b"")
        if packet_id:
            self._answers.append(packets.puback(packet_id[0] << 8 | packet_id[1]))

    def _hand_over(self, topic, envelope):
        if topic != self._down.encode():
            self._session.count_refused("wrong_topic")
            return
        for event in self._session.received(envelope, self._clock.monotonic_ms(), self._clock.utc_s()):
            self._on_event(event)


def _connecting(host, port):
    """A socket that connects meanwhile. asyncio.open_connection would leak it when the wait is given up.

    Looking up a name blocks all tasks: give the broker's address in figures.
    """
    stream = socket.SOCK_STREAM  # pyright: ignore[reportAttributeAccessIssue] - the stubs lack it
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, 0, stream)[0]
    sock = socket.socket(family, kind, protocol)
    if hasattr(sock, "setsockopt"):  # not every board's sockets have it
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    sock.setblocking(False)
    try:
        sock.connect(address)
    except OSError as pending:
        if pending.errno != EINPROGRESS:
            sock.close()
            raise
    return sock


async def _fixed_header(stream):
    """2.2: (first byte, remaining length). Raises LinkLost."""
    first = (await stream.readexactly(1))[0]
    length = 0
    for i in range(packets.MAX_LENGTH_BYTES):
        digit = (await stream.readexactly(1))[0]
        length |= (digit & 0x7F) << 7 * i
        if digit < 0x80:
            return first, length
    raise LinkLost("a length that has no end")

"""A broker as a model: bytes of MQTT 3.1.1 in and out, sessions, retained messages, last wills; time is a clock's.
It must never know what a payload is, nor a socket: whoever carries the bytes makes a Connection.
Specification: MQTT Version 3.1.1, OASIS Standard; controller/tests/test_broker_conformance.py holds it to real brokers.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from emulation.peripherals.ports import Alarm, Clock
from emulation.sim import mqtt_packets as packets
from emulation.sim.mqtt_packets import Connect, Malformed, Message, Packet, Publish

GRACE = 1.5  # of the keep alive, 3.1.2.10


@dataclass(slots=True)
class _Session:
    """What is kept of a client; of one that asks for a clean session, as long as it is connected (3.1.2.4)."""

    clean: bool
    filters: dict[str, int] = field(default_factory=dict)
    waiting: dict[int, Message] = field(default_factory=dict)  # packet id -> QoS 1, not yet acknowledged
    last_id: int = 0
    connection: "Connection | None" = None


class BrokerModel:
    """`forward` is where faults come in: of a message that a client is due it makes those that it gets, and when."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.forward: Callable[[str, Message], Iterable[tuple[int, Message]]] = lambda _client, message: [(0, message)]
        self._sessions: dict[str, _Session] = {}
        self._retained: dict[str, Message] = {}
        self._connections: dict[Connection, None] = {}
        self.running = True

    def accept(self, send: Callable[[bytes], None], close: Callable[[], None]) -> "Connection":
        """Somebody has opened a connection; `send` and `close` reach it."""
        connection = Connection(self, send, close)
        self._connections[connection] = None
        return connection

    def stop(self, *, forget: bool) -> None:
        """It dies: connections end, nobody's will is published; clean sessions are gone, and if so all it kept."""
        self.running = False
        for connection in list(self._connections):
            connection.cut()
        self._sessions = {} if forget else {name: one for name, one in self._sessions.items() if not one.clean}
        if forget:
            self._retained = {}

    def start(self) -> None:
        self.running = True

    def publish(self, message: Message) -> None:
        """To everybody who has asked for the topic, and to those who will (3.3.1.3)."""
        if message.retain:
            self._retained.pop(message.topic, None)
            if message.payload:
                self._retained[message.topic] = message
        for client, session in list(self._sessions.items()):
            granted = [qos for name, qos in session.filters.items() if matches(name, message.topic)]
            if granted:
                qos = min(max(granted), message.qos)
                self._send_through(client, Message(message.topic, message.payload, qos))

    def _send_through(self, client: str, message: Message) -> None:
        for delay_us, one in self.forward(client, message):
            if delay_us:
                self.clock.call_at(self.clock.now_us() + delay_us, partial(self._deliver, client, one))
            else:
                self._deliver(client, one)

    def _deliver(self, client: str, message: Message) -> None:
        session = self._sessions.get(client)
        if session is None:
            return
        number = 0
        if message.qos:
            number = session.last_id = session.last_id % 0xFFFF + 1
            session.waiting[number] = message
        if session.connection is not None:
            session.connection.send(packets.publish(Publish(message, number)))

    # For its connections

    def greet(self, connection: "Connection", asked: Connect) -> None:
        """3.1.4"""
        before = self._sessions.get(asked.client)
        if before is not None and before.connection is not None:
            before.connection.end(in_order=False)  # one connection a client: the new one takes over
            before = self._sessions.get(asked.client)
        present = before is not None and not asked.clean
        session = before if before is not None and present else _Session(asked.clean)
        session.clean = asked.clean
        session.connection = connection
        self._sessions[asked.client] = session
        connection.send(packets.connack(packets.ACCEPTED, present=present))
        for number, message in session.waiting.items():
            connection.send(packets.publish(Publish(message, number, duplicate=True)))  # 4.4

    def subscribe(self, client: str, asked: list[tuple[str, int]]) -> bytes:
        """The codes of the SUBACK; retained messages are sent by `send_retained`."""
        codes = bytes(min(qos, 1) if is_filter(name) else packets.REFUSED_FILTER for name, qos in asked)
        granted = {name: code for (name, _), code in zip(asked, codes, strict=True) if code != packets.REFUSED_FILTER}
        self._sessions[client].filters.update(granted)
        return codes

    def send_retained(self, client: str, name: str, granted: int) -> None:
        for topic, message in self._retained.items():
            if matches(name, topic):
                self._deliver(client, Message(topic, message.payload, min(message.qos, granted), retain=True))

    def unsubscribe(self, client: str, names: Iterable[str]) -> None:
        for name in names:
            self._sessions[client].filters.pop(name, None)

    def acknowledged(self, client: str, number: int) -> None:
        self._sessions[client].waiting.pop(number, None)

    def gone(self, connection: "Connection", client: str | None) -> None:
        self._connections.pop(connection, None)
        session = self._sessions.get(client or "")
        if session is not None and session.connection is connection:
            session.connection = None
            if session.clean:
                del self._sessions[client or ""]


class Connection:
    """The broker's end of one connection: `feed` takes what comes, `lost` says that nothing will come any more."""

    def __init__(self, broker: BrokerModel, send: Callable[[bytes], None], close: Callable[[], None]) -> None:
        self._broker = broker
        self.send = send
        self._close = close
        self._reader = packets.Reader()
        self._asked: Connect | None = None
        self._open = True
        self._heard_us = broker.clock.now_us()
        self._patience: Alarm | None = None

    def feed(self, data: bytes) -> None:
        self._heard_us = self._broker.clock.now_us()
        try:
            for packet in self._reader.feed(data):
                if self._open:
                    self._take(packet)
        except Malformed:
            self.end(in_order=False)

    def lost(self) -> None:
        """The other end has closed it, or the way to it is gone for good."""
        self.end(in_order=False)

    def end(self, *, in_order: bool) -> None:
        """Close it; without a DISCONNECT before, the last will is published (3.1.2.5)."""
        if not self._open:
            return
        will = None if self._asked is None or in_order else self._asked.will
        self.cut()
        if will is not None:
            self._broker.publish(will)

    def cut(self) -> None:
        self._open = False
        if self._patience is not None:
            self._patience.cancel()
        self._broker.gone(self, None if self._asked is None else self._asked.client)
        self._close()

    def _take(self, packet: Connect | Publish | Packet) -> None:
        if isinstance(packet, Connect):
            self._take_connect(packet)
        elif self._asked is None:
            raise Malformed("the first packet is no CONNECT")
        elif isinstance(packet, Publish):
            self._take_publish(packet)
        else:
            self._take_other(packet, self._asked.client)

    def _take_connect(self, asked: Connect) -> None:
        if self._asked is not None:
            raise Malformed("a second CONNECT")
        if asked.level != packets.LEVEL:
            self.send(packets.connack(packets.WRONG_LEVEL))
            self.cut()
        elif not asked.client:
            self.send(packets.connack(packets.WRONG_IDENTIFIER))
            self.cut()
        else:
            self._asked = asked
            self._broker.greet(self, asked)
            if asked.keep_alive_s:
                self._wait(int(GRACE * 1e6 * asked.keep_alive_s))

    def _wait(self, longest_us: int) -> None:
        clock = self._broker.clock

        def look() -> None:
            if clock.now_us() - self._heard_us >= longest_us:
                self.end(in_order=False)
            else:
                self._patience = clock.call_at(self._heard_us + longest_us, look)

        self._patience = clock.call_at(self._heard_us + longest_us, look)

    def _take_publish(self, packet: Publish) -> None:
        if packet.message.qos > 1:
            raise Malformed("quality 2, which nobody here speaks")
        if packet.message.qos:
            self.send(packets.acknowledge(packets.PUBACK, packet.packet_id))
        self._broker.publish(packet.message)

    def _take_other(self, packet: Packet, client: str) -> None:
        broker, body = self._broker, packet.body
        if packet.kind == packets.SUBSCRIBE:
            asked = list(packets.filters(body[2:], with_qos=True))
            codes = broker.subscribe(client, asked)
            self.send(packets.acknowledge(packets.SUBACK, packets.packet_id(body), codes))
            for (name, _), code in zip(asked, codes, strict=True):
                if code != packets.REFUSED_FILTER:
                    broker.send_retained(client, name, code)
        elif packet.kind == packets.UNSUBSCRIBE:
            broker.unsubscribe(client, [name for name, _ in packets.filters(body[2:], with_qos=False)])
            self.send(packets.acknowledge(packets.UNSUBACK, packets.packet_id(body)))
        elif packet.kind == packets.PUBACK:
            broker.acknowledged(client, packets.packet_id(body))
        elif packet.kind == packets.PINGREQ:
            self.send(packets.packet(packets.PINGRESP << 4))
        elif packet.kind == packets.DISCONNECT:
            self.end(in_order=True)
        else:
            raise Malformed(f"a packet of type {packet.kind} from a client")


def is_filter(name: str) -> bool:
    """4.7.1: `#` stands alone at the end, `+` alone in its level."""
    levels = name.split("/")
    return bool(name) and all(
        (level == "#" and place == len(levels) - 1) or level == "+" or not {"+", "#"} & set(level)
        for place, level in enumerate(levels)
    )


def matches(name: str, topic: str) -> bool:
    """4.7.1; topics that begin with $ are nobody's who asks with a wildcard (4.7.2)."""
    wanted, levels = name.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or level not in ("+", levels[place]):
            return False
    return len(wanted) == len(levels)

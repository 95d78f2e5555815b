"""MQTT 3.1.1 packets to bytes and back, for the broker model and its clients.
It must never know a payload, a session or time.
Specification: MQTT Version 3.1.1, OASIS Standard, sections 2 and 3; section numbers are its.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 8, 9, 10, 11
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14

LEVEL = 4  # 3.1.2.2
ACCEPTED, WRONG_LEVEL, WRONG_IDENTIFIER = 0, 1, 2  # 3.2.2.3
REFUSED_FILTER = 0x80  # 3.9.3
MAX_LENGTH_BYTES = 4  # 2.2.3
CLEAN, WILL, WILL_RETAIN = 0x02, 0x04, 0x20  # 3.1.2.3
_FLAGS = {CONNECT: 0, PUBACK: 0, SUBSCRIBE: 2, UNSUBSCRIBE: 2, PINGREQ: 0, DISCONNECT: 0}  # 2.2.2


class Malformed(Exception):
    """Bytes that no packet is: the connection has to be closed (4.8)."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Publish:
    """3.3; `packet_id` is 0 at QoS 0."""

    message: Message
    packet_id: int = 0
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Connect:
    """3.1"""

    client: str
    clean: bool = True
    keep_alive_s: int = 0
    will: Message | None = None
    level: int = LEVEL


@dataclass(frozen=True, slots=True)
class Packet:
    """Any other: `body` is everything behind the fixed header."""

    kind: int
    body: bytes


def connect(one: Connect) -> bytes:
    flags = CLEAN if one.clean else 0
    rest = _string(one.client.encode())
    if one.will is not None:
        flags |= WILL | one.will.qos << 3 | (WILL_RETAIN if one.will.retain else 0)
        rest += _string(one.will.topic.encode()) + _string(one.will.payload)
    return packet(CONNECT << 4, _string(b"MQTT") + struct.pack(">BBH", one.level, flags, one.keep_alive_s) + rest)


def connack(code: int, *, present: bool = False) -> bytes:
    return packet(CONNACK << 4, bytes((present and code == ACCEPTED, code)))


def publish(one: Publish) -> bytes:
    message = one.message
    first = PUBLISH << 4 | one.duplicate << 3 | message.qos << 1 | message.retain
    number = struct.pack(">H", one.packet_id) if message.qos else b""
    return packet(first, _string(message.topic.encode()) + number + message.payload)


def acknowledge(kind: int, packet_id: int, codes: bytes = b"") -> bytes:
    """PUBACK, SUBACK (with a code for each filter), UNSUBACK."""
    return packet(kind << 4, struct.pack(">H", packet_id) + codes)


def subscribe(packet_id: int, filters: dict[str, int]) -> bytes:
    body = b"".join(_string(name.encode()) + bytes((qos,)) for name, qos in filters.items())
    return packet(SUBSCRIBE << 4 | 2, struct.pack(">H", packet_id) + body)


def unsubscribe(packet_id: int, name: str) -> bytes:
    return packet(UNSUBSCRIBE << 4 | 2, struct.pack(">H", packet_id) + _string(name.encode()))


def packet(first: int, body: bytes = b"") -> bytes:
    length, header = len(body), bytearray((first,))
    while True:
        length, digit = length >> 7, length & 0x7F
        header.append(digit | 0x80 if length else digit)
        if not length:
            return bytes(header) + body


class Reader:
    """Bytes in as they come, packets out as soon as they are whole."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> Iterator[Connect | Publish | Packet]:
        """Raises Malformed."""
        self._data += data
        while (found := self._split()) is not None:
            yield _parse(*found)

    def _split(self) -> tuple[int, bytes] | None:
        length = 0
        for place in range(1, MAX_LENGTH_BYTES + 1):
            if place >= len(self._data):
                return None
            digit = self._data[place]
            length |= (digit & 0x7F) << 7 * (place - 1)
            if digit < 0x80:
                end = place + 1 + length
                if len(self._data) < end:
                    return None
                first, body, self._data = self._data[0], self._data[place + 1 : end], self._data[end:]
                return first, body
        raise Malformed("a length that has no end")


def filters(body: bytes, *, with_qos: bool) -> Iterator[tuple[str, int]]:
    """(filter, QoS) of SUBSCRIBE, (filter, 0) of UNSUBSCRIBE; `body` begins behind the packet identifier."""
    if not body:
        raise Malformed("no filter")
    while body:
        name, body = _take_string(body)
        qos = 0
        if with_qos:
            if not body or body[0] > 2:
                raise Malformed("a filter without a quality")
            qos, body = body[0], body[1:]
        yield _text(name), qos


def packet_id(body: bytes) -> int:
    if len(body) < 2:
        raise Malformed("no packet identifier")
    return body[0] << 8 | body[1]


def _parse(first: int, body: bytes) -> Connect | Publish | Packet:
    kind, flags = first >> 4, first & 0x0F
    if kind == PUBLISH:
        return _parse_publish(flags, body)
    if _FLAGS.get(kind, flags) != flags:
        raise Malformed(f"flags {flags:#x} of a packet of type {kind}")
    return _parse_connect(body) if kind == CONNECT else Packet(kind, body)


def _parse_publish(flags: int, body: bytes) -> Publish:
    qos = flags >> 1 & 3
    topic, rest = _take_string(body)
    number = 0
    if qos == 3:
        raise Malformed("quality 3")
    if qos:
        number, rest = packet_id(rest), rest[2:]
    name = _text(topic)
    if not name or "+" in name or "#" in name:
        raise Malformed("no topic to publish on")
    return Publish(Message(name, rest, qos, bool(flags & 1)), number, bool(flags & 8))


def _parse_connect(body: bytes) -> Connect:
    protocol, rest = _take_string(body)
    if protocol != b"MQTT" or len(rest) < 4:
        raise Malformed("another protocol")
    level, flags, keep_alive_s = struct.unpack_from(">BBH", rest)
    client, rest = _take_string(rest[4:])
    will = None
    if flags & WILL:
        topic, rest = _take_string(rest)
        payload, rest = _take_string(rest)
        will = Message(_text(topic), payload, flags >> 3 & 3, bool(flags & WILL_RETAIN))
    return Connect(_text(client), bool(flags & CLEAN), keep_alive_s, will, level)


def _string(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def _take_string(data: bytes) -> tuple[bytes, bytes]:
    size = packet_id(data)
    if len(data) < 2 + size:
        raise Malformed("a string that ends too early")
    return data[2 : 2 + size], data[2 + size :]


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Malformed("a string that is not UTF-8") from None

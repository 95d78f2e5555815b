"""MQTT 3.1.1 packets that a node needs, to bytes; what it receives is read by mqtt_link.

Never knows what a payload is. Specification: MQTT Version 3.1.1, OASIS Standard, section 3; section numbers are its.
"""

import struct

CONNACK = 2
PUBLISH = 3
PUBACK = 4
SUBACK = 9

PINGREQ_PACKET = b"\xc0\x00"  # 3.12
MAX_LENGTH_BYTES = 4  # 2.2.3

_CLEAN_SESSION = 0x02  # 3.1.2.4
_WILL = 0x04
_WILL_QOS_1 = 0x08
_WILL_RETAIN = 0x20
_PASSWORD = 0x40
_USER_NAME = 0x80


def connect(client_id, keep_alive_s, will_topic, will_payload, user_name, password):
    """3.1: a clean session with a retained last will of QoS 1; `password` None: a certificate stands for both."""
    flags = _CLEAN_SESSION | _WILL | _WILL_QOS_1 | _WILL_RETAIN
    rest = [client_id.encode(), will_topic.encode(), will_payload]
    if password is not None:
        flags |= _USER_NAME | _PASSWORD
        rest += [user_name.encode(), password.encode()]
    head = _string(b"MQTT") + struct.pack(">BBH", 4, flags, keep_alive_s)
    return _packet(0x10, head + b"".join([_string(one) for one in rest]))


def publish(topic, payload, packet_id, retain=False):
    """3.3, at QoS 1."""
    head = _string(topic.encode()) + struct.pack(">H", packet_id)
    return _packet(0x33 if retain else 0x32, head, payload)


def puback(packet_id):
    """3.4"""
    return struct.pack(">BBH", 0x40, 2, packet_id)


def subscribe(packet_id, topic):
    """3.8, one topic filter at QoS 1."""
    return _packet(0x82, struct.pack(">H", packet_id) + _string(topic.encode()) + b"\x01")


def _string(data):
    return struct.pack(">H", len(data)) + data


def _packet(first, head, payload=b""):
    length = len(head) + len(payload)
    fixed = bytearray((first,))
    while True:
        length, digit = length >> 7, length & 0x7F
        fixed.append(digit | 0x80 if length else digit)
        if not length:
            return b"".join((fixed, head, payload))

"""The envelope around everything that travels: header, payload, MAC.

    magic "VZ" | version u8 | type u8 | node 8 bytes | boot id u32 | payload ... | MAC 16 bytes

Never knows what carries it (MQTT, Modbus, a cable) nor what the payload means.
Specification: protocols/README.md, "Envelope".
"""

import struct

from protocols.wire.errors import EncodeError, MalformedFrame
from protocols.wire.mac import MAC_SIZE, same, tag

MAGIC = b"VZ"
VERSION = 1
_HEADER = ">2sBB8sI"
HEADER_SIZE = 16
MAX_SIZE = 4096

BATCH = 1
RECEIPT = 2
COMMAND = 3
STATE = 4
PICTURE = 5
DOCUMENT_OFFER = 6
DOCUMENT_REQUEST = 7
DOCUMENT_CHUNK = 8

ANY_BOOT = 0


def seal(key: bytes, envelope_type: int, node: bytes, boot_id: int, *payload: bytes) -> bytes:
    """Build an envelope. `node` is 8 bytes, `boot_id` 0 to 2**32-1 (ANY_BOOT for what outlives a restart).

    `payload` may come in parts: a node has no room to join them twice.
    """
    if len(node) != 8:
        raise EncodeError("node id must be 8 bytes")
    if not 0 <= boot_id <= 0xFFFFFFFF:
        raise EncodeError("boot id out of range")
    size = sum([len(part) for part in payload])
    if HEADER_SIZE + size + MAC_SIZE > MAX_SIZE:
        raise EncodeError(f"payload too long: {size} bytes")
    parts = (struct.pack(_HEADER, MAGIC, VERSION, envelope_type, node, boot_id),) + payload
    return b"".join(parts + (tag(key, *parts),))


def peek(data: bytes) -> tuple[int, bytes, int]:
    """Read (type, node, boot id) without believing them: to find the key. Raises MalformedFrame."""
    if len(data) > MAX_SIZE:
        raise MalformedFrame("oversize", f"{len(data)} bytes")
    if len(data) < HEADER_SIZE + MAC_SIZE:
        raise MalformedFrame("malformed", f"{len(data)} bytes are no envelope")
    magic, version, envelope_type, node, boot_id = struct.unpack(_HEADER, data[:HEADER_SIZE])
    if magic != MAGIC:
        raise MalformedFrame("malformed", "magic")
    if version != VERSION:
        raise MalformedFrame("unknown_version", str(version))
    return envelope_type, node, boot_id


def unseal(key: bytes, data: bytes) -> tuple[int, bytes, int, bytes]:
    """Check an envelope and return (type, node, boot id, payload). Raises MalformedFrame."""
    envelope_type, node, boot_id = peek(data)
    if not same(tag(key, memoryview(data)[:-MAC_SIZE]), data[-MAC_SIZE:]):
        raise MalformedFrame("wrong_mac")
    return envelope_type, node, boot_id, data[HEADER_SIZE:-MAC_SIZE]

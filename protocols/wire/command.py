"""A command: what the controller asks of a node, once, for a limited time (G6).

    command id u64 | issued s u32 | time to live s u16 | kind u8 | version u8 | body

Never knows what a body means.
Specification: protocols/README.md, "Command".
"""

import struct
from collections import namedtuple

from protocols.wire.envelope import ANY_BOOT, COMMAND, seal
from protocols.wire.errors import EncodeError, MalformedFrame

_HEADER = ">QIHBB"
_HEADER_SIZE = 16
MIN_KIND = 0x80
MAX_KIND = 0xFD

Command = namedtuple("Command", ("command_id", "issued_s", "ttl_s", "kind", "version", "body"))


def build(key: bytes, node: bytes, command: Command) -> bytes:
    """Seal a Command for `node`; commands outlive a restart of the node."""
    if not MIN_KIND <= command.kind <= MAX_KIND:
        raise EncodeError(f"command kind {command.kind}")
    if not 1 <= command.command_id <= 0xFFFFFFFFFFFFFFFF:
        raise EncodeError("command id out of range")
    if not 0 <= command.issued_s <= 0xFFFFFFFF or not 1 <= command.ttl_s <= 0xFFFF:
        raise EncodeError("issue time or time to live out of range")
    payload = struct.pack(
        _HEADER,
        command.command_id,
        command.issued_s,
        command.ttl_s,
        command.kind,
        command.version,
    )
    return seal(key, COMMAND, node, ANY_BOOT, payload + command.body)


def parse(payload: bytes) -> Command:
    """Read a Command. Raises MalformedFrame."""
    if len(payload) < _HEADER_SIZE:
        raise MalformedFrame("malformed", "command cut short")
    command_id, issued_s, ttl_s, kind, version = struct.unpack_from(_HEADER, payload)
    if not MIN_KIND <= kind <= MAX_KIND or command_id == 0 or ttl_s == 0:
        raise MalformedFrame("malformed", "command header")
    return Command(command_id, issued_s, ttl_s, kind, version, bytes(payload[_HEADER_SIZE:]))

"""The state a node leaves on the broker: online now, offline by its last will.

    state u8 | node kind u8 | firmware major, minor, patch

Never journalled and never counted: it says what is, the records say what was.
Specification: protocols/README.md, "State".
"""

import struct
from collections import namedtuple

from protocols.wire.envelope import STATE, seal
from protocols.wire.errors import MalformedFrame

_BODY = ">BBBBB"
_BODY_SIZE = 5

OFFLINE = 0
ONLINE = 1

State = namedtuple("State", ("state", "node_kind", "firmware"))


def build(key: bytes, node: bytes, boot_id: int, state: State) -> bytes:
    """Seal a State; the last will is built before the connection is made."""
    return seal(
        key,
        STATE,
        node,
        boot_id,
        struct.pack(_BODY, state.state, state.node_kind, *state.firmware),
    )


def parse(payload: bytes) -> State:
    """Read a State. Raises MalformedFrame."""
    if len(payload) != _BODY_SIZE or payload[0] not in (OFFLINE, ONLINE):
        raise MalformedFrame("malformed", "state")
    state, node_kind, major, minor, patch = struct.unpack(_BODY, payload)
    return State(state, node_kind, (major, minor, patch))

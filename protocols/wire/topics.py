"""MQTT topics: vuzol/1/<site>/<node>/up, /down, /state.

Never holds anything that changes between two runs of a node.
Specification: protocols/README.md, "Transports"; MQTT 3.1.1 section 4.7.
"""

from binascii import hexlify, unhexlify

from protocols.wire.errors import EncodeError, MalformedFrame

PREFIX = "vuzol/1"
ALL_UP = PREFIX + "/+/+/up"
ALL_STATE = PREFIX + "/+/+/state"
_SITE_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"


def node_name(node: bytes) -> str:
    """Sixteen hexadecimal digits for a node id of 8 bytes."""
    return hexlify(node).decode()


def node_id(name: str) -> bytes:
    """The 8 bytes behind sixteen hexadecimal digits. Raises MalformedFrame."""
    if len(name) != 16:
        raise MalformedFrame("malformed", "node id")
    try:
        return unhexlify(name)
    except ValueError:
        raise MalformedFrame("malformed", "node id")


def topic(site: str, node: bytes, leaf: str) -> str:
    """The topic of one node; `leaf` is up, down or state."""
    if not site or any(letter not in _SITE_LETTERS for letter in site):
        raise EncodeError(f"a site is named by a-z, 0-9 and -: {site!r}")
    return f"{PREFIX}/{site}/{node_name(node)}/{leaf}"


def parse_topic(text: str) -> tuple[str, bytes, str]:
    """(site, node id, leaf) of a topic. Raises MalformedFrame."""
    parts = text.split("/")
    if len(parts) != 5 or "/".join(parts[:2]) != PREFIX:
        raise MalformedFrame("malformed", "topic")
    return parts[2], node_id(parts[3]), parts[4]

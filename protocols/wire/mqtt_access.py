"""What a node shows a broker, made of its own key, so that nothing more is provisioned: name, password, client.

Never gives the key away: neither follows from the others. A broker never learns what proves a record.
Specification: protocols/README.md, "Transports"; MQTT 3.1.1, 3.1.3.
"""

from binascii import hexlify

from protocols.wire.mac import hmac_sha256
from protocols.wire.topics import node_name


def password(key: bytes) -> str:
    """32 hexadecimal digits; the name that goes with them is the node's."""
    return hexlify(hmac_sha256(key, b"vuzol mqtt password")[:16]).decode()


def client_id(secret: bytes, node: bytes) -> str:
    """A broker ends a connection when its client comes again: nobody else may know what to call himself."""
    return "vz" + node_name(node) + hexlify(hmac_sha256(secret, b"vuzol mqtt client", node)[:4]).decode()

"""Nodes' keys at rest: AES-256-GCM under a master key that lies elsewhere, bound to the node they belong to.

Performs no I/O: callers read and write the files. Host only; a node keeps its own key in the open.
Specification: NIST SP 800-38D; protocols/README.md, "Provisioning".

    "v1:" master's mark, 8 digits ":" nonce, 24 digits, sealed key and tag, 96 digits
"""

import os
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MASTER_SIZE = 32
_VERSION = "v1"
_NONCE_SIZE = 12


class SealBroken(Exception):
    """It cannot be opened; the text says why, and never what is inside."""


def new_master() -> bytes:
    """A master key, by chance."""
    return os.urandom(MASTER_SIZE)


def master_text(masters: Sequence[bytes]) -> str:
    """The master key file: a line each, the first seals, the others only open what they sealed. Never log it."""
    return "".join(master.hex() + "\n" for master in masters)


def read_masters(text: str) -> tuple[bytes, ...]:
    """The keys of a master key file. Raises SealBroken."""
    try:
        masters = tuple(bytes.fromhex(line) for line in text.split())
    except ValueError:
        masters = ()
    if not masters or any(len(master) != MASTER_SIZE for master in masters):
        raise SealBroken(f"a master key is {2 * MASTER_SIZE} hexadecimal digits on a line")
    return masters


def is_sealed(text: str) -> bool:
    """True unless it is an open key."""
    return text.startswith(_VERSION + ":")


def seal(master: bytes, node: bytes, key: bytes) -> str:
    """A node's key, as the registry keeps it."""
    nonce = os.urandom(_NONCE_SIZE)
    return f"{_VERSION}:{_mark(master)}:{(nonce + AESGCM(master).encrypt(nonce, key, _bound(node))).hex()}"


def unseal(masters: Sequence[bytes], node: bytes, text: str) -> bytes:
    """The key again. Raises SealBroken."""
    try:
        _, mark, data = text.split(":")
        sealed = bytes.fromhex(data)
    except ValueError:
        raise SealBroken("its sealed key is damaged") from None
    for master in masters:
        if _mark(master) == mark:
            try:
                return AESGCM(master).decrypt(sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:], _bound(node))
            except (InvalidTag, ValueError):
                raise SealBroken("its sealed key is damaged, or another node's") from None
    raise SealBroken(f"its key is sealed under the master key {mark}, which is not here")


def _mark(master: bytes) -> str:
    return sha256(b"vuzol master mark" + master).hexdigest()[:8]


def _bound(node: bytes) -> bytes:
    return b"vuzol node key" + node

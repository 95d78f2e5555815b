"""Secrets at rest: AES-256-GCM under a master key that lies elsewhere, bound to what they are and to whose they are.

Performs no I/O: callers read and write the files. Host only; a node keeps its own key in the open.
Specification: NIST SP 800-38D; protocols/README.md, "Provisioning".

    "v1:" master's mark, 8 digits ":" nonce, 24 digits, sealed secret and tag (of a node's key 96 digits)
"""

import os
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MASTER_SIZE = 32
NODE_KEY = b"vuzol node key"
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


def seal(master: bytes, owner: bytes, secret: bytes, what: bytes = NODE_KEY) -> str:
    """The secret of a node, or of somebody else, as a file or a database keeps it."""
    nonce = os.urandom(_NONCE_SIZE)
    return f"{_VERSION}:{_mark(master)}:{(nonce + AESGCM(master).encrypt(nonce, secret, what + owner)).hex()}"


def unseal(masters: Sequence[bytes], owner: bytes, text: str, what: bytes = NODE_KEY) -> bytes:
    """The secret again. Raises SealBroken."""
    try:
        _, mark, data = text.split(":")
        sealed = bytes.fromhex(data)
    except ValueError:
        raise SealBroken("its sealed key is damaged") from None
    for master in masters:
        if _mark(master) == mark:
            try:
                return AESGCM(master).decrypt(sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:], what + owner)
            except (InvalidTag, ValueError):
                raise SealBroken("its sealed key is damaged, or another node's") from None
    raise SealBroken(f"its key is sealed under the master key {mark}, which is not here")


def _mark(master: bytes) -> str:
    return sha256(b"vuzol master mark" + master).hexdigest()[:8]

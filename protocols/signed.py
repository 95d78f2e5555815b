"""Signed JSON: one canonical form, an Ed25519 signature for one purpose, and whether it holds.

Performs no I/O and keeps no key.
Specification: RFC 8032; a signature for one purpose is worth nothing for another.
"""

import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

JOB = b"vuzol job 1\0"
COMMISSIONING = b"vuzol commissioning 1\0"


def canonical(value: object) -> bytes:
    """The one form of a JSON value that is signed."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sign(key: Ed25519PrivateKey, purpose: bytes, value: object) -> str:
    """In hexadecimal digits."""
    return key.sign(purpose + canonical(value)).hex()


def is_signed(public: object, purpose: bytes, value: object, signature: object) -> bool:
    """Whether `public` (hex) has signed that value for that purpose; anything may be asked."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(str(public)))
        key.verify(bytes.fromhex(str(signature)), purpose + canonical(value))
    except (InvalidSignature, ValueError):
        return False
    return True


def public_of(key: Ed25519PrivateKey) -> str:
    """In hexadecimal digits."""
    return key.public_key().public_bytes_raw().hex()

"""HMAC-SHA256 (RFC 2104) and the tag that authenticates an envelope.

Never knows whose key it is given, and never logs it.
Specification: RFC 2104, FIPS 180-4; the tag is cut to its first 16 bytes.
"""

from hashlib import sha256

MAC_SIZE = 16
_BLOCK_SIZE = 64  # SHA-256

try:
    from hmac import digest as _host_digest

    def hmac_sha256(key: bytes, *parts: bytes | memoryview) -> bytes:
        """HMAC-SHA256 of `parts` in a row under `key`: 32 bytes."""
        return _host_digest(key, b"".join(parts), "sha256")

except ImportError:  # MicroPython has no hmac

    def hmac_sha256(key: bytes, *parts: bytes | memoryview) -> bytes:
        """HMAC-SHA256 of `parts` in a row under `key`: 32 bytes."""
        if len(key) > _BLOCK_SIZE:
            key = sha256(key).digest()
        key = key + bytes(_BLOCK_SIZE - len(key))
        inner = sha256(bytes(b ^ 0x36 for b in key))
        for part in parts:
            inner.update(part)
        outer = sha256(bytes(b ^ 0x5C for b in key))
        outer.update(inner.digest())
        return outer.digest()


def tag(key: bytes, *parts: bytes | memoryview) -> bytes:
    """The 16 bytes that authenticate `parts` in a row."""
    return hmac_sha256(key, *parts)[:MAC_SIZE]


def same(a: bytes, b: bytes) -> bool:
    """Compare two tags in a time that does not depend on where they differ."""
    if len(a) != len(b):
        return False
    difference = 0
    for x, y in zip(a, b):
        difference |= x ^ y
    return difference == 0

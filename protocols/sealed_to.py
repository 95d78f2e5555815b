"""Sealed to a person: what the holder of one Ed25519 key alone can read; the public half is the one that signs.

Performs no I/O. HPKE is the library's; the one step of our own is the map from Ed25519 to X25519.
Specification: RFC 9180, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305; the map: RFC 7748, 4.1,
RFC 8032, 5.1.5. One key pair for both: E. Thormarker, ePrint 2021/509, shows it safe for Ed25519 and this very KEM.
"""

from hashlib import sha512

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from protocols.sealed_keys import SealBroken

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_P = 2**255 - 19
_KEY_SIZE = 32


def seal(public: str, purpose: bytes, secret: bytes) -> str:
    """In hexadecimal digits, for the holder of that public key (64 of them). Raises SealBroken."""
    try:
        return _SUITE.encrypt(secret, _public(bytes.fromhex(public)), info=purpose).hex()
    except ValueError:
        raise SealBroken(f"{public[:16]}… is no public key") from None


def unseal(key: Ed25519PrivateKey, purpose: bytes, sealed: str) -> bytes:
    """The secret again. Raises SealBroken."""
    try:
        return _SUITE.decrypt(bytes.fromhex(sealed), _private(key), info=purpose)
    except (InvalidTag, ValueError):
        raise SealBroken("it is damaged, or sealed to somebody else") from None


def _public(ed25519: bytes) -> X25519PublicKey:
    """u = (1 + y) / (1 - y), RFC 7748; of points of small order the exchange itself raises ValueError."""
    if len(ed25519) != _KEY_SIZE:
        raise ValueError
    y = int.from_bytes(ed25519, "little") & (1 << 255) - 1
    return X25519PublicKey.from_public_bytes(((1 + y) * pow(1 - y, -1, _P) % _P).to_bytes(_KEY_SIZE, "little"))


def _private(key: Ed25519PrivateKey) -> X25519PrivateKey:
    """The scalar that Ed25519 works with; X25519 clamps it by itself, as RFC 8032 does."""
    return X25519PrivateKey.from_private_bytes(sha512(key.private_bytes_raw()).digest()[:_KEY_SIZE])

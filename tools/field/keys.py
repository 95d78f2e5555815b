"""Signing keys of people: an office signs jobs, a technician signs what was done; and which offices are believed here.

Never prints a private key, and never leaves one readable by others.
Specification: README.md beside this file; RFC 8032 (Ed25519), raw keys as 64 hexadecimal digits.
"""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.signed import public_of
from tools.errors import UsageError
from tools.provision import write_secret

OFFICES = "offices"  # public keys, one a line
TECHNICIAN = "technician.key"


def own_folder() -> Path:
    """What belongs to the person at this machine."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "vuzol"


def make_key(path: Path) -> str:
    """A new key in a file of mode 0600; gives the public one. Raises UsageError."""
    if path.exists():
        raise UsageError(f"{path} exists: a key that was used is not overwritten; name another file")
    key = Ed25519PrivateKey.generate()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_secret(path, key.private_bytes_raw().hex() + "\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    return public_of(key)


def read_key(path: Path) -> Ed25519PrivateKey:
    """Raises UsageError."""
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii")
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.strip()))
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): make a key with vuzol job keygen {path}") from None
    except ValueError:
        raise UsageError(f"{path} holds no signing key: make one with vuzol job keygen") from None
    if mode & 0o077:
        raise UsageError(f"{path} may be read by others: type chmod 600 {path}")
    return key


def technician_key() -> Ed25519PrivateKey:
    """The key of whoever works at this machine; made when it is first needed. Raises UsageError."""
    path = own_folder() / TECHNICIAN
    if not path.exists():
        make_key(path)
    return read_key(path)


def trusted_offices(named: Path | None) -> set[str]:
    """Public keys of the offices whose jobs are done here. Raises UsageError."""
    path = named or own_folder() / OFFICES
    try:
        words = path.read_text(encoding="utf-8").split()
    except OSError:
        raise UsageError(
            f"{path} names no office yet: put the public key of yours there, as vuzol job keygen has told it"
        ) from None
    return {word.lower() for word in words}

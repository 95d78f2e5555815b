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
        raise UsageError("fault_key_exists", file=path)
    key = Ed25519PrivateKey.generate()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_secret(path, key.private_bytes_raw().hex() + "\n")
    except OSError as error:
        raise UsageError("fault_unwritable", file=path, why=error.strerror) from None
    return public_of(key)


def read_key(path: Path) -> Ed25519PrivateKey:
    """Raises UsageError."""
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii")
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.strip()))
    except OSError as error:
        raise UsageError("fault_no_key", file=path, why=error.strerror) from None
    except ValueError:
        raise UsageError("fault_wrong_key", file=path) from None
    if mode & 0o077:
        raise UsageError("fault_open_key", file=path)
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
        raise UsageError("fault_no_office", file=path) from None
    return {word.lower() for word in words}

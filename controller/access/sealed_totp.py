"""Second factors at rest: sealed under the master key that seals the nodes' keys, each for its person alone.

Never reads a key file; where there is no master key, a secret lies open, and `vuzol doctor` says so.
Specification: protocols/sealed_keys.py; README.md beside this file, "Logins".
"""

import sqlite3
from collections.abc import Sequence

from protocols import sealed_keys
from protocols.sealed_keys import SealBroken, is_sealed

PURPOSE = b"vuzol second factor"


def seal(masters: Sequence[bytes], name: str, secret: str) -> str:
    """As the database keeps it; "" stays none."""
    if not secret or not masters:
        return secret
    return sealed_keys.seal(masters[0], name.encode(), secret.encode(), PURPOSE)


def unseal(masters: Sequence[bytes], name: str, kept: str) -> str:
    """The secret again. Raises SealBroken, which says what to do."""
    if not is_sealed(kept):
        return kept
    try:
        return sealed_keys.unseal(masters, name.encode(), kept, PURPOSE).decode()
    except SealBroken as broken:
        raise SealBroken(
            f"the second factor of {name} does not open, {broken}: put the master key back, "
            f"or type vuzol user totp {name} --off"
        ) from None


def seal_all(db: sqlite3.Connection, masters: Sequence[bytes], *, anew: bool = False) -> int:
    """Seal those that lie open, or all `anew`, under the first master key; how many. Raises SealBroken."""
    rows = [(name, kept) for name, kept in _kept(db) if anew or not is_sealed(kept)]
    for name, kept in rows if masters else ():
        sealed = seal(masters, name, unseal(masters, name, kept))
        db.execute("UPDATE person SET totp = ? WHERE name = ?", (sealed, name))
    return len(rows) if masters else 0


def count(db: sqlite3.Connection, masters: Sequence[bytes]) -> tuple[int, int]:
    """How many lie open, and how many are sealed and cannot be opened."""
    is_open = locked = 0
    for name, kept in _kept(db):
        try:
            is_open += unseal(masters, name, kept) == kept
        except SealBroken:
            locked += 1
    return is_open, locked


def _kept(db: sqlite3.Connection) -> list[tuple[str, str]]:
    return db.execute("SELECT name, totp FROM person WHERE totp != ''").fetchall()

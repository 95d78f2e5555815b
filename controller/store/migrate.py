"""Numbered migrations: the files of migrations/, each applied once, in order, whole or not at all.

Never edits a file that was released: a change of the schema is a new number.
Specification: PRAGMA user_version holds the number of the last one (sqlite.org/pragma.html#pragma_user_version).
"""

import sqlite3
from pathlib import Path

from controller.store import StoreError

FOLDER = Path(__file__).parent / "migrations"


def migrations() -> list[tuple[int, str]]:
    """(number, SQL), in order."""
    return sorted((int(file.name.split("_")[0]), file.read_text(encoding="utf-8")) for file in FOLDER.glob("*.sql"))


def migrate(connection: sqlite3.Connection) -> int:
    """Bring the database up to date; returns its version. Raises StoreError for one from the future."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    known = migrations()
    if version > known[-1][0]:
        raise StoreError(f"The database is of version {version}, newer than this controller: update the controller.")
    for number, sql in known:
        if number > version:
            try:
                connection.executescript(f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;")
            except sqlite3.Error:
                if connection.in_transaction:
                    connection.rollback()
                raise
    return known[-1][0]

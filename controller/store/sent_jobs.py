"""Jobs that wait for their technicians, in the controller's SQLite file; a node waits until a green record of it came.

Never looks into a job. Specification: migrations/0013_sent_job.sql, 0012_commissioning.sql.
"""

from pathlib import Path
from threading import Lock
from typing import NamedTuple

from controller.store.sqlite import connect

# The nodes of a row of sent_job for which no technician has sent a green record yet.
_WAITING = """FROM json_each(sent_job.nodes) AS one WHERE NOT EXISTS (
    SELECT 1 FROM commissioning WHERE commissioning.node = one.key AND json_extract(body, '$.record.green'))"""


class SentJobRow(NamedTuple):
    """One job; `nodes` is a JSON object, node -> name; `body` is the file."""

    job: str
    office: str
    technician: str
    nodes: str
    sent_s: int
    sent_by: str
    body: str


class SentJobTable:
    """`save`, `remove` and `clear` belong to the one writer thread; the reader is its own."""

    def __init__(self, path: Path) -> None:
        self._writer = connect(path)
        self._reader = connect(path)
        self._reading = Lock()

    def close(self) -> None:
        """Let go of the database."""
        self._writer.close()
        self._reader.close()

    def save(self, row: SentJobRow) -> bool:
        """Make it durable, in place of an earlier one of this number; False when that is somebody else's."""
        with self._writer as db:
            done = db.execute(
                "INSERT INTO sent_job VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job) DO UPDATE SET"
                " nodes = excluded.nodes, sent_s = excluded.sent_s, sent_by = excluded.sent_by, body = excluded.body"
                " WHERE office = excluded.office AND technician = excluded.technician",
                row,
            )
            return done.rowcount == 1

    def remove(self, job: str) -> bool:
        """Take one out; False when it is not there."""
        with self._writer as db:
            return db.execute("DELETE FROM sent_job WHERE job = ?", (job,)).rowcount == 1

    def clear(self, before_s: int) -> None:
        """Take out what was sent before that, and what nobody has to do any more."""
        with self._writer as db:
            db.execute(f"DELETE FROM sent_job WHERE sent_s < ? OR NOT EXISTS (SELECT 1 {_WAITING})", (before_s,))

    def waiting(self, technician: str) -> list[SentJobRow]:
        """The oldest first, without bodies, with the nodes that wait; of everybody when `technician` is empty."""
        with self._reading:
            found = self._reader.execute(
                "SELECT job, office, technician, (SELECT json_group_object(one.key, one.value)"
                f" {_WAITING}), sent_s, sent_by, '' FROM sent_job WHERE ? IN ('', technician)"
                " ORDER BY sent_s, job",
                (technician,),
            ).fetchall()
        return [SentJobRow(*row) for row in found]

    def body(self, job: str) -> str | None:
        """The file; None when there is no such job."""
        with self._reading:
            found = self._reader.execute("SELECT body FROM sent_job WHERE job = ?", (job,)).fetchone()
        return found[0] if found else None

"""Jobs on their way: what an office sent for a technician waits here, sealed, until it is done, withdrawn or too old.

Never holds a key that lies open and cannot read one that is sealed; whose office to believe, technicians decide.
Specification: protocols/job.py; README.md of the controller, "Jobs".
"""

import asyncio
import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from controller.access.refused import Refused
from controller.store.sent_jobs import SentJobRow, SentJobTable
from controller.store.writing import WriterThread
from protocols.job import Job, JobError, read

MAX_WAITING = 50  # of one technician
DAY_S = 86_400
_NUMBER, _NODE = re.compile("[0-9a-f]{8}"), re.compile("[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """A job that waits for its technician (a public key); `nodes` (node -> name) are not commissioned yet."""

    job: str
    office: str
    technician: str
    nodes: dict[str, str]
    sent_s: int
    sent_by: str
    until_s: int


class SentJobs:
    """`technicians`: the public keys for whom jobs are kept, each for `days`."""

    def __init__(
        self,
        table: SentJobTable,
        writer: WriterThread,
        technicians: Collection[str],
        days: int,
        now_s: Callable[[], float],
    ) -> None:
        self._table = table
        self._writer = writer
        self._technicians = {key.lower() for key in technicians}
        self._kept_s = days * DAY_S
        self._now_s = now_s

    async def send(self, text: str, actor: str) -> WaitingJob:
        """Keep a job for its technician. Raises Refused."""
        job = self._read(text)
        waiting = [one for one in await self.waiting(job.technician) if one.job != job.job]
        if len(waiting) >= MAX_WAITING:
            raise Refused(409, f"{MAX_WAITING} jobs wait for this technician: withdraw one first, vuzol job withdraw")
        nodes = json.dumps({node.node: str(node.name) for node in job.nodes}, ensure_ascii=False)
        row = SentJobRow(job.job, job.office, job.technician, nodes, int(self._now_s()), actor, text)
        if not await self._writer.run(self._table.save, row):
            raise Refused(409, f"another job has the number {job.job}: withdraw that one, or make this one anew")
        found = [one for one in await self.waiting(job.technician) if one.job == job.job]
        if not found:
            raise Refused(409, "every node of this job is commissioned already: there is nothing to do")
        return found[0]

    async def waiting(self, technician: str) -> list[WaitingJob]:
        """The oldest first; of everybody when `technician` is empty."""
        await self._clear()
        return [
            WaitingJob(job, office, whose, json.loads(nodes), sent_s, sent_by, sent_s + self._kept_s)
            for job, office, whose, nodes, sent_s, sent_by, _ in await asyncio.to_thread(
                self._table.waiting, technician
            )
        ]

    async def fetch(self, job: str) -> str:
        """The file, as it was sent. Raises Refused."""
        await self._clear()
        body = await asyncio.to_thread(self._table.body, job)
        if body is None:
            raise Refused(404, f"no job {job} waits here: vuzol job list tells which do")
        return body

    async def withdraw(self, job: str) -> None:
        """Raises Refused."""
        if not await self._writer.run(self._table.remove, job):
            raise Refused(404, f"no job {job} waits here: vuzol job list tells which do")

    async def _clear(self) -> None:
        await self._writer.run(self._table.clear, int(self._now_s()) - self._kept_s)

    def _read(self, text: str) -> Job:
        try:
            job = read(text, None)
            whole = all(job.has(node) for node in job.nodes)
        except JobError as error:
            raise Refused(422, str(error)) from None
        except RecursionError:
            raise Refused(422, "this is no job file") from None
        if not job.technician:
            raise Refused(422, "the keys in this job lie open: make it with --for and the technician's public key")
        if job.technician not in self._technicians:
            raise Refused(
                422, "nobody has put this technician's key into commissioning.technicians of the configuration"
            )
        if not whole:
            raise Refused(422, "keys of this job were handed over already: send the file as the office made it")
        if not (_NUMBER.fullmatch(job.job) and all(_NODE.fullmatch(str(node.node)) for node in job.nodes)):
            raise Refused(422, "a job has a number of 8 hexadecimal digits, and its nodes have 16: vuzol job make")
        return job

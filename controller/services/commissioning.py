"""Commissioning: what technicians did on the spot, signed by them; it is the proof that ends an alarm of that node.

Never believes a record that no known technician has signed, nor one of a node that is not in the registry.
Specification: protocols/signed.py; README.md of the controller, "Commissioning".
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from controller.registry import Registry
from controller.services.alarms import AlarmRefused, Alarms
from controller.store.commissioning import CommissioningRow, CommissioningTable
from controller.store.writing import WriterThread
from protocols import signed

VERSION = 1


class NotTaken(Exception):
    """A record that is not believed; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Commissioned:
    """A record as it is stored, and when it came."""

    node: str
    done_s: int
    received_s: int
    technician: str
    record: Mapping[str, Any]


class Commissionings:
    """`technicians`: the public keys whose word counts, `alarms` the town's."""

    def __init__(
        self,
        table: CommissioningTable,
        writer: WriterThread,
        registry: Registry,
        technicians: Collection[str],
        alarms: Alarms,
        now_s: Callable[[], float],
    ) -> None:
        self._table = table
        self._writer = writer
        self._registry = registry
        self._technicians = {key.lower() for key in technicians}
        self._alarms = alarms
        self._now_s = now_s

    async def take(self, report: Mapping[str, Any], actor: str) -> bool:
        """Keep a record and end the alarms that it proves to be over; False when it is known. Raises NotTaken."""
        row = self._read(report)
        if not await self._writer.run(self._table.save, row):
            return False
        record = report["record"]
        if record.get("green") is True:
            await self._end_alarms({row.node, str(record.get("replaces", ""))} - {""}, row, actor)
        return True

    def of_node(self, node: str, limit: int) -> list[Commissioned]:
        """The newest first. Reads the database."""
        rows = self._table.of_node(node, limit)
        return [
            Commissioned(row.node, row.done_s, row.received_s, row.technician, json.loads(row.body)["record"])
            for row in rows
        ]

    def _read(self, report: Mapping[str, Any]) -> CommissioningRow:
        record, technician, signature = (report.get(name) for name in ("record", "technician", "signature"))
        if not isinstance(record, dict) or record.get("vuzol_commissioning") != VERSION:
            raise NotTaken(f"this is no commissioning record of version {VERSION}: vuzol report sends one")
        node, done_s = record.get("node"), record.get("time_s")
        if node not in self._registry.names:
            raise NotTaken("the record is about a node that is not in the registry")
        if not isinstance(done_s, int) or not 0 <= done_s < 1 << 40:
            raise NotTaken("the record does not tell when it was done")
        if str(technician).lower() not in self._technicians:
            raise NotTaken("nobody has put this technician's key into commissioning.technicians of the configuration")
        if not signed.is_signed(technician, signed.COMMISSIONING, record, signature):
            raise NotTaken("the record was changed after it was signed")
        body = json.dumps(report, ensure_ascii=False)
        digest = sha256(str(signature).encode()).digest()
        return CommissioningRow(digest, str(node), done_s, int(self._now_s()), str(technician).lower(), body)

    async def _end_alarms(self, nodes: set[str], row: CommissioningRow, actor: str) -> None:
        """Each with this record, else a stored one that shows it, else the word, as a comment if it proves nothing."""
        word = f"commissioned by {row.technician[:16]}, record {row.digest.hex()[:16]}"
        for alarm in [one for one in self._alarms.open() if one.node in nodes]:
            try:
                proofs = self._alarms.proofs_of(alarm.id)
                if proofs:
                    await self._alarms.handle(actor, alarm.id, "close", seq=proofs[0].seq)
                else:
                    what = "close" if self._alarms.may_state(alarm) else "comment"
                    await self._alarms.handle(actor, alarm.id, what, word)
            except AlarmRefused:
                continue  # it ended meanwhile

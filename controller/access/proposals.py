"""What takes two: one person proposes an action, another confirms it, and only then it is done; or it expires.

Never knows what the actions do: whoever owns one registers how it is carried out.
Specification: README.md beside this file, "Two people"; store/migrations/0007_people.sql.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from controller.access.actor import Actor
from controller.access.audit import canonical, describe
from controller.access.database import AccessDatabase
from controller.access.refused import Refused
from controller.access.table import ACTIONS, may
from controller.store.writing import WriterThread

EXPIRES_S = 86_400
LATEST = 200

Execute = Callable[[dict[str, Any], bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Proposal:
    """`state` is open, expired, confirmed, refused or failed; `confirm` the action that its confirmation takes."""

    id: int
    action: str
    confirm: str
    parameters: dict[str, Any]
    proposer: str
    proposed_s: int
    expires_s: int
    state: str
    decider: str
    decided_s: int


class Proposals:
    """Register every action first, then propose and confirm."""

    def __init__(self, database: AccessDatabase, writer: WriterThread, now_s: Callable[[], float]) -> None:
        self._database = database
        self._writer = writer
        self._now_s = now_s
        self._ways: dict[str, tuple[str, Execute]] = {}

    def register(self, action: str, confirm: str, execute: Execute) -> None:
        """`execute(parameters, data)` carries `action` out and raises Refused where it cannot; `confirm` is the action
        of who confirms."""
        assert {action, confirm} <= ACTIONS.keys()
        self._ways[action] = (confirm, execute)

    def latest(self) -> list[Proposal]:
        """The newest first."""
        rows = self._database.read(
            "SELECT id, action, parameters, proposer, proposed_s, expires_s, state, decider, decided_s FROM proposal"
            " ORDER BY id DESC LIMIT ?",
            LATEST,
        )
        return [self._proposal(row) for row in rows]

    def open(self) -> list[Proposal]:
        """What waits for somebody."""
        return [one for one in self.latest() if one.state == "open"]

    async def propose(
        self,
        actor: Actor,
        action: str,
        parameters: dict[str, Any],
        data: bytes = b"",
        expires_s: int = EXPIRES_S,
    ) -> int:
        """Its number. Raises Refused."""
        if action not in self._ways or not may(actor, action):
            raise Refused(403, f"{actor.name} may not propose {action}")
        number = await self._writer.run(self._add, actor.name, action, canonical(parameters), data, expires_s)
        describe(f"proposal {number}", after={"action": action} | parameters)
        return number

    async def confirm(self, actor: Actor, number: int) -> None:
        """Do it. Raises Refused."""
        proposal = self._decidable(number)
        describe(f"proposal {number}", after={"action": proposal.action} | proposal.parameters)
        if actor.via != "user":
            raise Refused(403, "a person confirms, with a login of their own")
        if actor.name == proposal.proposer:
            raise Refused(403, "you proposed it: another person confirms")
        if not may(actor, proposal.confirm):
            raise Refused(403, f"{actor.name} may not confirm this: it takes {proposal.confirm}")
        data = await self._writer.run(self._decide, number, "confirmed", actor.name)
        try:
            await self._ways[proposal.action][1](proposal.parameters, data)
        except Exception:
            await self._writer.run(self._mark_failed, number)
            raise

    async def refuse(self, actor: Actor, number: int) -> None:
        """It will not be done; its proposer may say so too. Raises Refused."""
        proposal = self._decidable(number)
        describe(f"proposal {number}", after={"action": proposal.action} | proposal.parameters)
        if actor.name != proposal.proposer and not may(actor, proposal.confirm):
            raise Refused(403, f"{actor.name} may not refuse this: it takes {proposal.confirm}")
        await self._writer.run(self._decide, number, "refused", actor.name)

    def _decidable(self, number: int) -> Proposal:
        for proposal in self.latest():
            if proposal.id == number:
                if proposal.state != "open":
                    raise Refused(409, f"proposal {number} is {proposal.state} already")
                return proposal
        raise Refused(404, f"there is no proposal {number}")

    def _proposal(self, row: tuple[Any, ...]) -> Proposal:
        number, action, parameters, proposer, proposed_s, expires_s, state, decider, decided_s = row
        if state == "open" and expires_s <= self._now_s():
            state = "expired"
        confirm = self._ways[action][0] if action in self._ways else ""
        told = json.loads(parameters)
        return Proposal(number, action, confirm, told, proposer, proposed_s, expires_s, state, decider, decided_s)

    # --- the writer thread

    def _add(self, proposer: str, action: str, parameters: str, data: bytes, expires_s: int) -> int:
        now_s = int(self._now_s())
        with self._database.writing() as db:
            made = db.execute(
                "INSERT INTO proposal (action, parameters, data, proposer, proposed_s, expires_s, state)"
                " VALUES (?, ?, ?, ?, ?, ?, 'open')",
                (action, parameters, data, proposer, now_s, now_s + expires_s),
            )
        assert made.lastrowid is not None
        return made.lastrowid

    def _decide(self, number: int, state: str, decider: str) -> bytes:
        """The file that went with it, for the one who was first. Raises Refused."""
        with self._database.writing() as db:
            found = db.execute("SELECT data FROM proposal WHERE id = ? AND state = 'open'", (number,)).fetchone()
            if found is None:
                raise Refused(409, f"proposal {number} is decided already")
            db.execute(
                "UPDATE proposal SET state = ?, decider = ?, decided_s = ?, data = x'' WHERE id = ?",
                (state, decider, int(self._now_s()), number),
            )
        return bytes(found[0])

    def _mark_failed(self, number: int) -> None:
        with self._database.writing() as db:
            db.execute("UPDATE proposal SET state = 'failed' WHERE id = ?", (number,))

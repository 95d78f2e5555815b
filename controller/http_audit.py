"""The audit and the proposals over HTTP.

Never decides anything: routes only translate. Specification: OpenAPI at /openapi.json; access/README.md.
"""

import asyncio
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel

from controller.access.access import Access
from controller.access.audit_log import PAGE, Verdict
from controller.access.proposals import Proposal
from controller.http_people import NO_CONTENT, actor_of

MAX_ID = (1 << 63) - 1


class AuditRowAnswer(BaseModel):
    """One row; `before` and `after` are what its action told."""

    id: int
    noted_ms: int
    actor: str
    via: str
    action: str
    object: str
    before: Any
    after: Any
    result: str
    seal: str


def add_audit(app: FastAPI, access: Access) -> None:
    """The routes."""

    @app.get("/api/v1/audit", summary="Who did what, the latest first", tags=["audit"])
    def audit(
        before: Annotated[int, Query(ge=0, le=MAX_ID, description="rows with a smaller number; 0: the latest")] = 0,
        limit: Annotated[int, Query(ge=1, le=PAGE)] = 100,
        actor: str = "",
        action: str = "",
    ) -> list[AuditRowAnswer]:
        return [AuditRowAnswer(**row.public()) for row in access.audit.rows(before, limit, actor, action)]

    @app.get("/api/v1/audit/verify", summary="Is the chain whole? Slow", tags=["audit"])
    async def verify() -> Verdict:
        return await asyncio.to_thread(access.audit.verify)

    @app.get("/api/v1/proposals", summary="What one proposed and another is to confirm", tags=["proposals"])
    async def proposals() -> list[Proposal]:
        return access.proposals.latest()

    @app.post(
        "/api/v1/proposals/{number}/confirm",
        summary="Do it: only another person than its proposer may",
        tags=["proposals"],
        status_code=NO_CONTENT,
    )
    async def confirm(number: int, request: Request) -> None:
        await access.proposals.confirm(actor_of(request), number)

    @app.post(
        "/api/v1/proposals/{number}/refuse",
        summary="Do not do it; its proposer may take it back so",
        tags=["proposals"],
        status_code=NO_CONTENT,
    )
    async def refuse(number: int, request: Request) -> None:
        await access.proposals.refuse(actor_of(request), number)

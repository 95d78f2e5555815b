"""Commissioning over HTTP: signed records of technicians come in, and are told again.

Never decides anything: routes only translate.
Specification: OpenAPI at /openapi.json; controller/services/commissioning.py.
"""

import json
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request
from pydantic import BaseModel

from controller.http_ledger import asked_node, upload
from controller.http_people import Asker
from controller.services.commissioning import Commissioned, Commissionings, NotTaken

MAX_BYTES = 256 * 1024
MAX_RECORDS = 1_000


class TakenAnswer(BaseModel):
    """`new` is false for a record that is known."""

    new: bool


class CommissioningAnswer(BaseModel):
    """The newest first."""

    records: list[Commissioned]


def add_commissioning(app: FastAPI, commissionings: Commissionings) -> None:
    """The routes."""

    @app.put(
        "/api/v1/commissioning",
        summary="A signed record of what a technician did to a node",
        tags=["nodes"],
        responses={413: {"description": "larger than 256 KiB"}, 422: {"description": "not believed: it says why"}},
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {}}}},
    )
    async def put(request: Request, actor: Asker) -> TakenAnswer:
        try:
            report = json.loads(await upload(request, MAX_BYTES))
        except (ValueError, RecursionError):
            raise HTTPException(422, "this is no JSON") from None
        if not isinstance(report, dict):
            raise HTTPException(422, "this is no commissioning record")
        try:
            return TakenAnswer(new=await commissionings.take(report, actor.name))
        except NotTaken as why:
            raise HTTPException(422, str(why)) from None

    @app.get("/api/v1/commissioning", summary="What was done to nodes on the spot", tags=["nodes"])
    def told(
        node: Annotated[str, Query(description="this node alone")] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_RECORDS)] = 100,
    ) -> CommissioningAnswer:
        if node:
            asked_node(node)
        return CommissioningAnswer(records=commissionings.of_node(node.lower(), limit))

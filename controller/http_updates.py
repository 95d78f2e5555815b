"""Rollouts over HTTP: propose one, see how far it is and who failed why, pause, resume and stop it.

Never decides anything: routes only translate; one person proposes a rollout, another one confirms it.
Specification: OpenAPI at /openapi.json; README.md here, "Updates".
"""

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from controller.access.audit import describe
from controller.access.proposals import Proposals
from controller.access.refused import Refused
from controller.http_ledger import upload
from controller.http_people import Asker
from controller.services.documents import DocumentRefused
from controller.services.rollout import PAUSED, RUNNING, STOPPED
from controller.services.rollout_plan import Plan
from controller.services.rollouts import NodeWay, Rollouts, RolloutView
from protocols.wire.topics import node_name

_STATES = {"pause": PAUSED, "resume": RUNNING, "stop": STOPPED}


class RolloutAsked(Plan):
    """A plan in the address, and whether it is only to be looked at."""

    dry_run: bool = False


class RolloutProposed(BaseModel):
    """What would happen: the names of each wave's nodes. `proposal`: who confirms it, starts it; 0 after a dry run."""

    version: int
    board: str
    kinds: list[str]
    firmware: str
    bytes: int
    waves: list[list[str]]
    proposal: int


class RolloutAnswer(BaseModel):
    """A rollout and its nodes, in their order."""

    rollout: RolloutView
    nodes: list[NodeWay]


class RolloutChange(BaseModel):
    """What is to become of it."""

    do: Literal["pause", "resume", "stop"]
    reason: Annotated[str, Field(max_length=200)] = ""


def add_updates(app: FastAPI, rollouts: Rollouts, max_upload_bytes: int, proposals: Proposals) -> None:
    """The routes."""

    async def start(parameters: dict[str, Any], packed: bytes) -> None:
        try:
            await rollouts.start(packed, Plan(**parameters["plan"]), parameters["by"])
        except DocumentRefused as refused:
            raise Refused(refused.status, str(refused)) from None

    proposals.register("updates.publish", "updates.confirm", start)

    @app.get("/api/v1/updates", summary="Releases on their way, the newest first", tags=["updates"])
    async def all_rollouts() -> list[RolloutView]:
        return rollouts.views()

    @app.get("/api/v1/updates/{version}", summary="One rollout, node by node", tags=["updates"])
    async def rollout(version: int) -> RolloutAnswer:
        return _answer(version)

    @app.put(
        "/api/v1/updates",
        summary="Propose to let a signed release go out",
        tags=["updates"],
        response_model=RolloutProposed,
        responses={
            202: {"model": RolloutProposed, "description": "it waits for another person's confirmation"},
            409: {"description": "this release is on its way already, or a newer one is known"},
            413: {"description": "larger than http.max_upload_mb"},
            422: {"description": "no release, not signed, or for no node of the registry"},
        },
        openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {}}}},
    )
    async def propose(request: Request, actor: Asker, asked: Annotated[RolloutAsked, Query()]) -> Response:
        plan = Plan(**asked.model_dump(exclude={"dry_run"}))
        packed = await upload(request, max_upload_bytes)
        try:
            release, waves = rollouts.examine(packed, plan)
        except DocumentRefused as refused:
            raise Refused(refused.status, str(refused)) from None
        told = RolloutProposed(
            version=release.manifest.counter,
            board=release.manifest.board,
            kinds=release.kinds,
            firmware=".".join(map(str, release.manifest.firmware)),
            bytes=len(release.data),
            waves=[[node_name(entry.node) for entry in wave] for wave in waves],
            proposal=0,
        )
        if asked.dry_run:
            return JSONResponse(told.model_dump())
        parameters = {"release": told.version, "plan": plan.model_dump(mode="json"), "by": actor.name}
        parameters |= {"firmware": told.firmware, "board": told.board}  # for who confirms
        told.proposal = await proposals.propose(actor, "updates.publish", parameters, packed)
        return JSONResponse(told.model_dump(), 202)

    @app.post("/api/v1/updates/{version}", summary="Pause, resume or stop a rollout", tags=["updates"])
    async def change(version: int, wish: Annotated[RolloutChange, Query()]) -> RolloutAnswer:
        try:
            await rollouts.change(version, _STATES[wish.do], wish.reason)
        except DocumentRefused as refused:
            raise Refused(refused.status, str(refused)) from None
        describe(f"release {version}", after={"do": wish.do, "reason": wish.reason})
        return _answer(version)

    def _answer(version: int) -> RolloutAnswer:
        try:
            nodes = rollouts.nodes(version)
        except DocumentRefused as refused:
            raise Refused(refused.status, str(refused)) from None
        (view,) = (one for one in rollouts.views() if one.version == version)
        return RolloutAnswer(rollout=view, nodes=nodes)

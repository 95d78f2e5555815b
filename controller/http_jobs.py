"""Jobs over HTTP: an office sends one for a technician, who sees and fetches it; nobody on the way can read its keys.

Never decides anything: routes only translate.
Specification: OpenAPI at /openapi.json; controller/services/sent_jobs.py.
"""

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from controller.access.audit import describe
from controller.access.guard import MAX_BODY_BYTES
from controller.access.refused import Refused
from controller.http_ledger import upload
from controller.http_people import Asker
from controller.services.sent_jobs import SentJobs, WaitingJob

MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "it does not wait here"}}


class WithdrawnAnswer(BaseModel):
    """It waits no more."""

    job: str


def add_jobs(app: FastAPI, jobs: SentJobs) -> None:
    """The routes."""

    @app.put(
        "/api/v1/jobs",
        summary="Send a sealed job, which waits for its technician",
        tags=["nodes"],
        responses={
            409: {"description": "too many wait, or it is done, or its number is another's"},
            413: {"description": "larger than 256 KiB"},
            422: {"description": "not taken: it says why"},
        },
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {}}}},
    )
    async def send(request: Request, actor: Asker) -> WaitingJob:
        try:
            text = (await upload(request, MAX_BODY_BYTES)).decode()
        except UnicodeDecodeError:
            raise Refused(422, "this is no job file") from None
        job = await jobs.send(text, actor.name)
        describe(f"job {job.job}", after={"technician": job.technician, "nodes": list(job.nodes)})
        return job

    @app.get("/api/v1/jobs", summary="Jobs that wait for their technicians", tags=["nodes"])
    async def waiting(
        technician: Annotated[str, Query(description="of this public key alone")] = "",
    ) -> list[WaitingJob]:
        return await jobs.waiting(technician.lower())

    @app.get(
        "/api/v1/jobs/{job}",
        summary="A job as it was sent",
        tags=["nodes"],
        response_class=Response,
        responses={200: {"content": {"application/json": {}}}, **MISSING},
    )
    async def fetch(job: str) -> Response:
        describe(f"job {job}")
        return Response(await jobs.fetch(job), media_type="application/json")

    @app.delete("/api/v1/jobs/{job}", summary="Withdraw a job", tags=["nodes"], responses=MISSING)
    async def withdraw(job: str) -> WithdrawnAnswer:
        describe(f"job {job}")
        await jobs.withdraw(job)
        return WithdrawnAnswer(job=job)

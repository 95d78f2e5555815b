"""The push API: devices of others are registered, and their samples and readings come in, each of them once.

Never decides anything: routes only translate. What is wrong with an item is told by its place in the request.
Specification: OpenAPI at /openapi.json; README.md here, "Push".
"""

from typing import Annotated

from fastapi import Body, FastAPI, HTTPException, Request
from pydantic import BaseModel

from controller.http_buildings import actor_of
from controller.services.buildings import Buildings, EntryReport, ReadingEntry
from controller.services.pushing import PushedSample, Pushing, PushRefused, PushReport
from controller.store.samples import PushedDevice

MAX_ITEMS = 2_000


class DeviceBody(BaseModel):
    """A device that will push. `channels`: name -> unit. `speaks_s`: how often it does; silent for three times as long
    it is offline."""

    name: str
    kind: str
    channels: dict[str, str]
    speaks_s: int = 3600


def add_push(app: FastAPI, pushing: Pushing, buildings: Buildings) -> None:
    """The routes."""

    @app.get("/api/v1/push/devices", summary="Devices that push", tags=["push"])
    async def devices() -> list[DeviceBody]:
        return [
            DeviceBody(name=one.name, kind=one.kind, channels=one.channels, speaks_s=one.speaks_s)
            for one in pushing.registered()
        ]

    @app.put("/api/v1/push/devices", summary="Register a device, or more channels of one", tags=["push"])
    async def register(body: DeviceBody, request: Request) -> DeviceBody:
        try:
            await pushing.register(PushedDevice(body.name, body.kind, body.speaks_s, body.channels), actor_of(request))
        except PushRefused as refused:
            raise HTTPException(422, str(refused)) from None
        return body

    @app.post(
        "/api/v1/push/samples",
        summary=f"At most {MAX_ITEMS} samples; what can be stored is, once by device, channel, time and sequence",
        tags=["push"],
    )
    async def samples(items: Annotated[list[PushedSample], Body(max_length=MAX_ITEMS)]) -> PushReport:
        return await pushing.take(items)

    @app.post(
        "/api/v1/push/readings",
        summary=f"At most {MAX_ITEMS} readings of meter points; what can be stored is, once by point and time",
        tags=["push"],
    )
    async def readings(
        items: Annotated[list[ReadingEntry], Body(max_length=MAX_ITEMS)], request: Request
    ) -> EntryReport:
        return await buildings.enter(items, actor_of(request), quality="pushed", partly=True)

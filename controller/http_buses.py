"""Buses and devices over HTTP: statistics, states, samples in pages.

Never decides anything. Specification: OpenAPI at /openapi.json; README.md here, "HTTP".
"""

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query
from pydantic import BaseModel

from controller.buses import Buses, BusView
from controller.devices.template import QUALITIES
from controller.services.live import DeviceView
from controller.services.pushing import Pushing

MAX_SAMPLES = 10_000
LATEST_MS = (1 << 63) - 1


class SampleAnswer(BaseModel):
    """One sample; `value` is null unless `quality` is good."""

    id: int
    point: str
    time_ms: int
    value: float | None
    quality: str


class SamplesAnswer(BaseModel):
    """A page of samples in the order of storing; ask again with `after` until it is null."""

    device: str
    samples: list[SampleAnswer]
    after: int | None


def add_buses(app: FastAPI, buses: Buses, pushing: Pushing) -> None:
    """The routes."""

    def all_devices() -> tuple[DeviceView, ...]:
        return (*buses.devices(), *pushing.devices())

    @app.get("/api/v1/buses", summary="Modbus buses, unit by unit", tags=["buses"])
    async def all_buses() -> tuple[BusView, ...]:
        return buses.views()

    @app.get("/api/v1/devices", summary="Devices of others with their last values", tags=["buses"])
    async def devices() -> tuple[DeviceView, ...]:
        return all_devices()

    @app.get("/api/v1/devices/{name}/samples", summary="What was read of a device", tags=["buses"])
    def samples(
        name: str,
        point: Annotated[str, Query(description="only this point")] = "",
        from_ms: Annotated[int, Query(ge=0, le=LATEST_MS)] = 0,
        to_ms: Annotated[int, Query(ge=0, le=LATEST_MS)] = LATEST_MS,
        after: Annotated[int, Query(ge=0, le=LATEST_MS)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_SAMPLES)] = 1000,
    ) -> SamplesAnswer:
        found = buses.samples.read(name, point, (from_ms, to_ms), after, limit)
        if not found and name not in {device.name for device in all_devices()}:
            raise HTTPException(404, "no such device")
        return SamplesAnswer(
            device=name,
            samples=[
                SampleAnswer(
                    id=one.id, point=one.point, time_ms=one.time_ms, value=one.value, quality=QUALITIES[one.quality]
                )
                for one in found
            ],
            after=found[-1].id if len(found) == limit else None,
        )

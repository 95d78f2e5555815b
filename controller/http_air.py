"""Air over HTTP: the posts and what they measured last, pages of stored samples, the archive, what channels mean.

Never decides anything: routes only translate.
Specification: OpenAPI at /openapi.json; README.md here, "Air".
"""

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from controller.services.air import CLASS, FLAGS, Air, AirSample, PostView
from protocols.wire import air_rows, topics
from protocols.wire.errors import MalformedFrame

MAX_RECORDS = 10_000


class ChannelAnswer(BaseModel):
    """A channel, whatever post it is of."""

    channel: str
    unit: str
    resolution: float = Field(description="the smallest difference that a post tells")
    class_name: str = Field(description="indicative: no reference method, CEN/TS 17660")
    flags: list[str] = Field(description="marks that its values may carry")


class SamplesAnswer(BaseModel):
    """Stored samples as received; `next_seq` is where the next page begins, 0 at the end."""

    samples: list[AirSample]
    next_seq: int


def add_air(app: FastAPI, air: Air) -> None:
    """The routes."""

    @app.get("/api/v1/air", summary="Air posts and their last means", tags=["air"])
    async def posts() -> tuple[PostView, ...]:
        return air.views()

    @app.get("/api/v1/air/channels", summary="What the channels mean", tags=["air"])
    async def channels() -> list[ChannelAnswer]:
        return [
            ChannelAnswer(
                channel=name,
                unit=unit,
                resolution=10**-decimals,
                class_name=CLASS,
                flags=[word for _, word in FLAGS],
            )
            for name, unit, decimals in air_rows.CHANNELS
        ]

    @app.get("/api/v1/air/{node}/samples", summary="A post's stored samples", tags=["air"])
    def samples(
        node: str,
        from_seq: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_RECORDS, description="records, each of all channels")] = 1000,
    ) -> SamplesAnswer:
        try:
            found, next_seq = air.stored(topics.node_id(node), from_seq, limit)
        except (KeyError, MalformedFrame):
            raise HTTPException(404, "no such air post") from None
        return SamplesAnswer(samples=found, next_seq=next_seq)

    @app.get(
        "/api/v1/air/{node}/archive",
        summary="Every mean with its flags, packed (protocols/air_archive.py)",
        tags=["air"],
        response_class=Response,
    )
    def archive(node: str) -> Response:
        try:
            return Response(air.archive(topics.node_id(node)), media_type="application/octet-stream")
        except (KeyError, MalformedFrame):
            raise HTTPException(404, "no such air post") from None

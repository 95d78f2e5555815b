"""Air over HTTP: the posts and what they measured last, stored samples as JSON or CSV, and what their columns mean.

Never decides anything: routes only translate.
Specification: OpenAPI at /openapi.json; README.md here, "Air".
"""

import csv
import io
from dataclasses import asdict, fields
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from controller.services.air import CLASS, FLAGS, Air, AirSample, PostView
from protocols.wire import air_rows, topics
from protocols.wire.errors import MalformedFrame

MAX_RECORDS = 10_000
CSV_TYPE = "text/csv; charset=utf-8"


class ChannelAnswer(BaseModel):
    """A row of the data dictionary."""

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
        found, next_seq = _stored(air, node, from_seq, limit)
        return SamplesAnswer(samples=found, next_seq=next_seq)

    @app.get("/api/v1/air/{node}/samples.csv", summary="The same as CSV", tags=["air"], response_class=Response)
    def samples_csv(
        node: str,
        from_seq: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_RECORDS)] = MAX_RECORDS,
    ) -> Response:
        found, _ = _stored(air, node, from_seq, limit)
        text = io.StringIO()
        rows = csv.DictWriter(text, [field.name for field in fields(AirSample)] + ["class_name"])
        rows.writeheader()
        for sample in found:
            rows.writerow(asdict(sample) | {"flags": " ".join(sample.flags), "class_name": CLASS})
        return Response(text.getvalue(), media_type=CSV_TYPE)

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


def _stored(air: Air, node: str, from_seq: int, limit: int) -> tuple[list[AirSample], int]:
    try:
        return air.stored(topics.node_id(node), from_seq, limit)
    except (KeyError, MalformedFrame):
        raise HTTPException(404, "no such air post") from None

"""Meters over HTTP: what each said last, pages of stored readings, epochs.

Never decides anything: routes only translate.
Specification: OpenAPI at /openapi.json; README.md here, "Meters".
"""

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query
from pydantic import BaseModel

from controller.services.meter_search import MeterSearches, Search, Unreachable
from controller.services.meters import Epoch, Meters, MeterSample, MeterView
from protocols.wire import topics
from protocols.wire.errors import MalformedFrame

MAX_RECORDS = 10_000


class ReadingsAnswer(BaseModel):
    """Stored readings as received; `next_seq` is where the next page begins, 0 at the end."""

    samples: list[MeterSample]
    next_seq: int


def add_meters(app: FastAPI, meters: Meters, searches: MeterSearches) -> None:
    """The routes."""

    @app.get("/api/v1/meters", summary="Meters and their last readings", tags=["meters"])
    async def latest() -> tuple[MeterView, ...]:
        return meters.views()

    @app.get("/api/v1/meters/{node}/readings", summary="A node's stored readings", tags=["meters"])
    def readings(
        node: str,
        from_seq: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_RECORDS, description="records of the node")] = 1000,
    ) -> ReadingsAnswer:
        try:
            found, next_seq = meters.stored(topics.node_id(node), from_seq, limit)
        except (KeyError, MalformedFrame):
            raise HTTPException(404, "no such meter node") from None
        return ReadingsAnswer(samples=found, next_seq=next_seq)

    @app.get("/api/v1/meters/{node}/epochs", summary="Which meter stood where, and its readings", tags=["meters"])
    def epochs(node: str) -> list[Epoch]:
        try:
            return meters.epochs(topics.node_id(node), MAX_RECORDS)
        except (KeyError, MalformedFrame):
            raise HTTPException(404, "no such meter node") from None

    @app.post("/api/v1/meters/{node}/search", summary="Ask a node to search its M-Bus", tags=["meters"])
    async def search(
        node: str,
        primary_last: Annotated[
            int, Query(ge=0, le=250, description="ask the addresses from 0 to this one; 0: search by meters' numbers")
        ] = 0,
    ) -> Search:
        try:
            return searches.begin(topics.node_id(node), primary_last)
        except (KeyError, MalformedFrame):
            raise HTTPException(404, "no such meter node") from None
        except Unreachable:
            raise HTTPException(409, "the node is offline: wait until it is back, then ask again") from None

    @app.get("/api/v1/meters/{node}/found", summary="What a node's last search met so far", tags=["meters"])
    async def found(node: str) -> Search:
        try:
            return searches.last(topics.node_id(node))
        except (KeyError, MalformedFrame):
            raise HTTPException(404, "no such meter node") from None

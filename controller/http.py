"""The HTTP door: routes that only translate between requests and what the services know.

Never decides anything and never touches a key; what it shows is made in services/ and store/.
Specification: OpenAPI at /openapi.json; README.md here, "HTTP".
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from PIL import Image

from controller.answers import (
    ArrivalAnswer,
    ArrivalsAnswer,
    FeedAnswer,
    FeedErrorAnswer,
    FeedErrorsAnswer,
    HealthAnswer,
    LedgerAnswer,
    RecordAnswer,
    RecordsAnswer,
    TownAnswer,
    ledger_answer,
    town_answer,
)
from controller.metrics import Metrics
from controller.services.displays import Displays
from controller.services.feed import FeedRefused, Feeds
from controller.services.ledger import Ledger
from controller.services.live import Live, NodeView, VehicleView
from controller.store import Store, node_number
from protocols.gtfs import FeedErrors
from protocols.wire import topics
from protocols.wire.errors import MalformedFrame

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_SCALE = 16
MAX_RECORDS = 10_000
MAX_ARRIVALS = 50


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind the routes."""

    live: Live
    ledger: Ledger
    displays: Displays
    feeds: Feeds
    store: Store
    metrics: Metrics
    is_linked: Callable[[], bool]
    max_upload_bytes: int


def make_app(behind: Behind) -> FastAPI:
    """The application, without the page."""
    app = FastAPI(
        title="Vuzol controller",
        version="1",
        description="The nodes of a city: their records, their state, what they show.",
        docs_url="/api/docs",
        redoc_url=None,
    )
    _add_health(app, behind)
    _add_town(app, behind)
    _add_nodes(app, behind)
    _add_feed(app, behind)
    return app


def _add_health(app: FastAPI, behind: Behind) -> None:
    @app.get("/healthz", summary="Is the controller up?", tags=["operation"])
    async def healthz() -> HealthAnswer:
        nodes = behind.live.snapshot().nodes
        return HealthAnswer(
            broker=behind.is_linked(), nodes_online=sum(node.online for node in nodes), nodes=len(nodes)
        )

    @app.get("/metrics", summary="Numbers for Prometheus", tags=["operation"], response_class=Response)
    async def metrics() -> Response:
        return Response(behind.metrics.text(), media_type=METRICS_TYPE)


def _add_town(app: FastAPI, behind: Behind) -> None:
    @app.get("/api/v1/town", summary="Everything at one moment", tags=["town"])
    async def town(
        shapes: Annotated[bool, Query(description="with the routes' lines, the largest part")] = True,
    ) -> TownAnswer:
        return town_answer(behind.live.snapshot(), shapes=shapes)

    @app.get("/api/v1/vehicles", summary="Vehicles heard lately", tags=["town"])
    async def vehicles() -> tuple[VehicleView, ...]:
        return behind.live.snapshot().vehicles

    @app.get("/api/v1/stops/{stop_id}/arrivals", summary="The next arrivals at a stop", tags=["town"])
    async def arrivals(stop_id: str, limit: Annotated[int, Query(ge=1, le=MAX_ARRIVALS)] = 8) -> ArrivalsAnswer:
        transit = behind.feeds.transit
        stop = None if transit is None else transit.feed.stops.get(stop_id)
        if transit is None or stop is None:
            raise HTTPException(404, "no such stop in the feed in force")
        now_s = behind.live.now_s()
        found = [
            ArrivalAnswer(
                route=one.route,
                headsign=one.headsign,
                trip_id=one.trip_id,
                vehicle_id=one.vehicle_id,
                scheduled_s=one.scheduled_s,
                expected_s=one.expected_s,
                realtime=one.realtime,
                low_floor=one.low_floor,
            )
            for one in transit.predictor.arrivals(stop_id, now_s, limit)
        ]
        return ArrivalsAnswer(stop_id=stop_id, name=stop.name, time_s=now_s, arrivals=found)


def _add_nodes(app: FastAPI, behind: Behind) -> None:
    def known(node: str) -> NodeView:
        for view in behind.live.snapshot().nodes:
            if view.node == node:
                return view
        raise HTTPException(404, "no such node in the registry")

    @app.get("/api/v1/nodes", summary="All nodes of the registry", tags=["nodes"])
    async def nodes() -> tuple[NodeView, ...]:
        return behind.live.snapshot().nodes

    @app.get("/api/v1/nodes/{node}", summary="One node", tags=["nodes"])
    async def node(node: str) -> NodeView:
        return known(node)

    @app.get(
        "/api/v1/nodes/{node}/picture.png",
        summary="What stands on a display's glass",
        tags=["nodes"],
        response_class=Response,
        responses={200: {"content": {"image/png": {}}}},
    )
    async def picture(node: str, scale: Annotated[int, Query(ge=1, le=MAX_SCALE)] = 4) -> Response:
        known(node)
        taken = behind.displays.picture(topics.node_id(node))
        if taken is None:
            raise HTTPException(404, "this node has told no picture")
        image = Image.frombytes("1", (taken.width, taken.height), taken.bits)
        packed = BytesIO()
        image.resize((taken.width * scale, taken.height * scale), Image.Resampling.NEAREST).save(packed, "PNG")
        return Response(packed.getvalue(), media_type="image/png", headers={"Cache-Control": "no-store"})

    @app.get("/api/v1/nodes/{node}/records", summary="A node's records as stored", tags=["ledger"])
    def records(
        node: str,
        from_seq: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_RECORDS)] = 1000,
    ) -> RecordsAnswer:
        try:
            number = node_number(topics.node_id(node))
        except MalformedFrame:
            raise HTTPException(404, "a node is named by 16 hexadecimal digits") from None
        found = behind.store.records(number, from_seq, limit)
        return RecordsAnswer(
            node=node,
            records=[
                RecordAnswer(seq=r.seq, kind=r.kind, stored_s=r.stored_s, crc32=zlib.crc32(r.raw), hex=r.raw.hex())
                for r in found
            ],
            next_seq=found[-1].seq + 1 if len(found) == limit else None,
        )

    @app.get("/api/v1/ledger", summary="Stored, owed, declared lost: node by node", tags=["ledger"])
    def ledger(
        verify: Annotated[bool, Query(description="count the database's rows now: slow, for proof")] = False,
    ) -> LedgerAnswer:
        rows = behind.ledger.audited(*behind.store.audit()) if verify else behind.ledger.rows()
        return ledger_answer(rows, verified=verify)


def _add_feed(app: FastAPI, behind: Behind) -> None:
    @app.get("/api/v1/feed", summary="The feed in force", tags=["feed"])
    async def feed() -> FeedAnswer:
        if behind.feeds.transit is None:
            raise HTTPException(404, "no feed is imported")
        return _feed_answer(behind)

    @app.put(
        "/api/v1/feed",
        summary="Import a zipped GTFS feed: whole, or not at all",
        tags=["feed"],
        response_model=FeedAnswer,
        responses={413: {"description": "larger than http.max_upload_mb"}, 422: {"model": FeedErrorsAnswer}},
        openapi_extra={"requestBody": {"required": True, "content": {"application/zip": {}}}},
    )
    async def put_feed(request: Request) -> FeedAnswer | Response:
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > behind.max_upload_bytes:
                raise HTTPException(413, "larger than http.max_upload_mb")
        try:
            await behind.feeds.put(bytes(data))
        except FeedErrors as broken:
            listed = [FeedErrorAnswer(file=e.file, line=e.line, message=e.message) for e in broken.errors]
            answer = FeedErrorsAnswer(total=broken.total, errors=listed)
            return JSONResponse(answer.model_dump(), 422)
        except FeedRefused as refused:
            raise HTTPException(503, str(refused)) from None
        return _feed_answer(behind)


def _feed_answer(behind: Behind) -> FeedAnswer:
    assert behind.feeds.transit is not None
    feed = behind.feeds.transit.feed
    return FeedAnswer(
        name=feed.name, version=feed.version, routes=len(feed.routes), stops=len(feed.stops), trips=len(feed.trips)
    )

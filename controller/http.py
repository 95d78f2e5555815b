"""The HTTP door: routes that only translate between requests and what the services know.

Never decides anything and never touches a key; what it shows is made in services/ and store/.
Specification: OpenAPI at /openapi.json; README.md here, "HTTP".
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Annotated

import structlog
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from PIL import Image

from controller.access.access import Access
from controller.answers import (
    ArrivalAnswer,
    ArrivalsAnswer,
    FeedAnswer,
    FeedErrorAnswer,
    FeedErrorsAnswer,
    HealthAnswer,
    TownAnswer,
    town_answer,
)
from controller.http_air import add_air
from controller.http_audit import add_audit
from controller.http_buildings import add_buildings
from controller.http_documents import add_documents
from controller.http_export import add_export
from controller.http_ledger import Books, add_ledger, upload
from controller.http_meters import add_meters
from controller.http_people import add_people
from controller.http_push import add_push
from controller.http_updates import add_updates
from controller.metrics import Metrics
from controller.services.air import Air
from controller.services.buildings import Buildings
from controller.services.displays import Displays
from controller.services.documents import Documents
from controller.services.feed import FeedRefused, Feeds
from controller.services.history import History
from controller.services.live import Live, NodeView, VehicleView
from controller.services.meter_search import MeterSearches
from controller.services.meters import Meters
from controller.services.pushing import Pushing
from controller.services.rollouts import Rollouts
from controller.services.tables import tables
from protocols.gtfs import FeedErrors
from protocols.wire import topics

log = structlog.get_logger("http")

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_SCALE = 16
MAX_ARRIVALS = 50


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind the routes."""

    live: Live
    books: Books
    displays: Displays
    feeds: Feeds
    documents: Documents
    rollouts: Rollouts
    air: Air
    meters: Meters
    metrics: Metrics
    is_linked: Callable[[], bool]
    is_storing: Callable[[], bool]
    access: Access
    history: History
    buildings: Buildings
    pushing: Pushing
    searches: MeterSearches


def make_app(behind: Behind) -> FastAPI:
    """The application, without the page."""
    app = FastAPI(
        title="Vuzol controller",
        version="1",
        description="The nodes of a city: their records, their state, what they show.",
        docs_url="/api/docs",
        redoc_url=None,
    )
    app.add_exception_handler(sqlite3.Error, _database_failed)
    _add_health(app, behind)
    _add_town(app, behind)
    _add_nodes(app, behind)
    add_ledger(app, behind.books)
    add_people(app, behind.access)
    add_audit(app, behind.access)
    add_documents(app, behind.documents, behind.books.max_upload_bytes)
    add_updates(app, behind.rollouts, behind.books.max_upload_bytes, behind.access.proposals)
    add_air(app, behind.air)
    add_meters(app, behind.meters, behind.searches)
    add_buildings(app, behind.buildings, behind.history, behind.books)
    add_push(app, behind.pushing, behind.buildings)
    add_export(app, behind.books, tables(behind.books.store.samples, behind.history.devices, behind.buildings))
    _add_feed(app, behind)
    return app


async def _database_failed(_: Request, error: Exception) -> Response:
    log.error("an answer failed at the database", error=str(error))
    return JSONResponse({"detail": f"the database cannot be used ({error}): see the controller's log and disk"}, 503)


def _add_health(app: FastAPI, behind: Behind) -> None:
    @app.get("/healthz", summary="Is the controller up?", tags=["operation"])
    async def healthz() -> HealthAnswer:
        nodes = behind.live.snapshot().nodes
        return HealthAnswer(
            broker=behind.is_linked(),
            storing=behind.is_storing(),
            nodes_online=sum(node.online for node in nodes),
            nodes=len(nodes),
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
        data = await upload(request, behind.books.max_upload_bytes)
        try:
            await behind.feeds.put(data)
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

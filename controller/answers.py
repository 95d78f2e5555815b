"""The shapes of the JSON API, where they differ from the shapes that live.py already has.

Never computes: each answer is made from one view.
Specification: OpenAPI, served at /openapi.json; it is made from these classes.
"""

from pydantic import BaseModel, Field

from controller.services.live import (
    Counters,
    DisplayView,
    LedgerRow,
    NodeView,
    Shape,
    Snapshot,
    StopView,
    VehicleView,
)


class HealthAnswer(BaseModel):
    """`broker`: the MQTT link is up; the controller serves its page without it."""

    status: str = "ok"
    broker: bool
    nodes_online: int
    nodes: int


class DisplayAnswer(BaseModel):
    """A display; its picture is at `picture`, when there is one."""

    node: str
    name: str
    stop_id: str
    width: int
    height: int
    picture: str | None = Field(description="path of the PNG")
    picture_crc: int | None = Field(description="CRC-32 of the bits, from the display's own record")
    shown_at_s: float | None
    mode: str


class TownAnswer(BaseModel):
    """The whole town at one moment."""

    time_s: float
    site: str
    feed_name: str
    nodes: tuple[NodeView, ...]
    vehicles: tuple[VehicleView, ...]
    stops: tuple[StopView, ...]
    displays: tuple[DisplayAnswer, ...]
    counters: Counters
    ledger: tuple[LedgerRow, ...]
    shapes: tuple[Shape, ...]


class LedgerTotals(BaseModel):
    """The sums of the rows."""

    stored: int
    missing: int
    declared_gaps: int
    refused_duplicates: int
    conflicting: int


class LedgerAnswer(BaseModel):
    """`reconciles`: no row owes anything, and each row's columns add up."""

    verified: bool = Field(description="true: rows were counted in the database for this answer")
    reconciles: bool
    totals: LedgerTotals
    rows: tuple[LedgerRow, ...]


class RecordAnswer(BaseModel):
    """One stored record; `hex` is its wire form, `crc32` the CRC-32 of those bytes."""

    seq: int
    kind: int
    stored_s: int
    crc32: int
    hex: str


class RecordsAnswer(BaseModel):
    """A page of records; ask again with `next_seq` until it is null."""

    node: str
    records: list[RecordAnswer]
    next_seq: int | None


class ArrivalAnswer(BaseModel):
    """One arrival; `expected_s` is null when only the timetable is known."""

    route: str
    headsign: str
    trip_id: str
    vehicle_id: str | None
    scheduled_s: float
    expected_s: float | None
    realtime: bool
    low_floor: bool


class ArrivalsAnswer(BaseModel):
    """The next arrivals at a stop, soonest first."""

    stop_id: str
    name: str
    time_s: float
    arrivals: list[ArrivalAnswer]


class FeedAnswer(BaseModel):
    """The feed in force."""

    name: str
    version: str
    routes: int
    stops: int
    trips: int


class FeedErrorAnswer(BaseModel):
    """One mistake in a feed; line 0 is the file as a whole."""

    file: str
    line: int
    message: str


class FeedErrorsAnswer(BaseModel):
    """What is wrong with a feed; `total` may be more than are listed."""

    total: int
    errors: list[FeedErrorAnswer]


def display_answer(view: DisplayView) -> DisplayAnswer:
    """A display without its bits."""
    return DisplayAnswer(
        node=view.node,
        name=view.name,
        stop_id=view.stop_id,
        width=view.width,
        height=view.height,
        picture=None if view.bits is None else f"/api/v1/nodes/{view.node}/picture.png",
        picture_crc=view.picture_crc,
        shown_at_s=view.shown_at_s,
        mode=view.mode,
    )


def town_answer(snapshot: Snapshot, *, shapes: bool) -> TownAnswer:
    """The snapshot, with or without its largest part."""
    return TownAnswer(
        time_s=snapshot.time_s,
        site=snapshot.site,
        feed_name=snapshot.feed_name,
        nodes=snapshot.nodes,
        vehicles=snapshot.vehicles,
        stops=snapshot.stops,
        displays=tuple(map(display_answer, snapshot.displays)),
        counters=snapshot.counters,
        ledger=snapshot.ledger,
        shapes=snapshot.shapes if shapes else (),
    )


def ledger_answer(rows: tuple[LedgerRow, ...], *, verified: bool) -> LedgerAnswer:
    """Rows with their sums."""
    return LedgerAnswer(
        verified=verified,
        reconciles=all(row.reconciles for row in rows),
        totals=LedgerTotals(
            stored=sum(row.stored for row in rows),
            missing=sum(row.missing for row in rows),
            declared_gaps=sum(row.declared_gaps for row in rows),
            refused_duplicates=sum(row.refused_duplicates for row in rows),
            conflicting=sum(row.conflicting for row in rows),
        ),
        rows=rows,
    )

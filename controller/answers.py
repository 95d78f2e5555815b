"""The shapes of the JSON API, where they differ from the shapes that live.py already has.

Never computes: each answer is made from one view.
Specification: OpenAPI, served at /openapi.json; it is made from these classes.
"""

from collections import Counter

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
from controller.services.period import Period


class HealthAnswer(BaseModel):
    """`broker`: the MQTT link is up; the controller serves its page without it. `storing`: no commit failed lately."""

    status: str = "ok"
    broker: bool
    storing: bool
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

    journalled: int = Field(description="records that the nodes gave a number, as far as is known here")
    receipted: int
    stored: int
    missing: int
    declared_gaps: int
    refused_duplicates: int | None = Field(description="null for a period: a repeat has no time")
    conflicting: int
    imported: int | None = Field(description="of the stored ones, read out of dead nodes; null for a period")
    gap_reasons: dict[str, int]


class LedgerLine(LedgerTotals):
    """One node: first_seq..highest_seq = stored + missing + declared_gaps, or something is wrong.

    Of `missing_ranges` and `conflicts` the first few are listed.
    """

    node: str
    kind: str
    name: str
    first_seq: int
    highest_seq: int
    difference: int = Field(description="numbers that the columns leave unexplained; 0 in a sound ledger")
    missing_ranges: tuple[tuple[int, int], ...]
    conflicts: tuple[int, ...]
    reconciles: bool


class PeriodAnswer(BaseModel):
    """ISO 8601 with offset; null is open."""

    first: str | None = Field(serialization_alias="from")
    last: str | None = Field(serialization_alias="to", description="the first moment behind the period")


class LedgerAnswer(BaseModel):
    """`reconciles`: no row owes anything, no number stands for two records, and each row's columns add up."""

    verified: bool = Field(description="true: rows were counted in the database for this answer")
    reconciles: bool
    timezone: str
    period: PeriodAnswer | None
    totals: LedgerTotals
    rows: tuple[LedgerLine, ...]


class RecordAnswer(BaseModel):
    """One stored record; `hex` is its wire form, `crc32` the CRC-32 of those bytes."""

    seq: int
    kind: int
    stored_s: int
    taken_ms: int
    clock: str = Field(description="how taken_ms is known: gnss, receipt, held, corrected (told later), received")
    crc32: int
    hex: str
    imported: bool = Field(description="true: read out of the node's flash, without a MAC")


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


def ledger_answer(rows: tuple[LedgerRow, ...], *, verified: bool, period: Period | None, timezone: str) -> LedgerAnswer:
    """Rows with their sums."""
    lines = tuple(_ledger_line(row, is_part=period is not None) for row in rows)
    reasons: Counter[str] = Counter()
    for row in rows:
        reasons.update(row.gap_reasons)
    return LedgerAnswer(
        verified=verified,
        reconciles=all(row.reconciles for row in rows),
        timezone=timezone,
        period=period and PeriodAnswer(first=period.words(period.from_s), last=period.words(period.to_s)),
        totals=LedgerTotals(
            journalled=sum(row.journalled for row in rows),
            receipted=sum(row.receipted for row in rows),
            stored=sum(row.stored for row in rows),
            missing=sum(row.missing for row in rows),
            declared_gaps=sum(row.declared_gaps for row in rows),
            refused_duplicates=None if period else sum(row.refused_duplicates for row in rows),
            conflicting=sum(row.conflicting for row in rows),
            imported=None if period else sum(row.imported for row in rows),
            gap_reasons=dict(reasons),
        ),
        rows=lines,
    )


def _ledger_line(row: LedgerRow, *, is_part: bool) -> LedgerLine:
    told = {name: getattr(row, name) for name in LedgerLine.model_fields}
    return LedgerLine(**told | ({"refused_duplicates": None, "imported": None} if is_part else {}))

"""Meters over HTTP: what each said last, stored readings as JSON or CSV, epochs, and what the columns mean.

Never decides anything: routes only translate.
Specification: OpenAPI at /openapi.json; README.md here, "Meters".
"""

import csv
import io
from dataclasses import asdict, fields
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import Response
from pydantic import BaseModel

from controller.services.meters import Epoch, Meters, MeterSample, MeterView
from protocols.wire import topics
from protocols.wire.errors import MalformedFrame

MAX_RECORDS = 10_000
CSV_TYPE = "text/csv; charset=utf-8"


COLUMNS = {  # the data dictionary: MeterSample's fields
    "seq": "number of the node's record; with the node it names the reading for ever",
    "at_ms": "Unix milliseconds; when it arrived here if clock_set is false",
    "clock_set": "whether the time is that of the reading",
    "meter": "number in the node's settings",
    "protocol": "mbus, iec62056, modbus or pulse",
    "identity": "digits on the meter's label",
    "outcome": "read, or why there is no value: silent, garbled, malformed, refused",
    "flags": "stale: the meter repeats itself; clock_unsure: no time was told lately; estimated: pulses may be missing",
    "register": "hexadecimal; mbus: VIF code and VIFE; iec62056: OBIS C, D, E; modbus: address",
    "storage": "0: of now; above: an earlier day of the meter's own",
    "tariff": "0: all",
    "device": "subunit of the meter",
    "unit": "of value: SI or Wh, varh, VAh, bar, degrees Celsius",
    "raw": "whole number as the meter gave it; empty when it gave none",
    "exponent": "value is raw times ten to this power",
    "value": "in unit; a register, not a consumption",
}


class ReadingsAnswer(BaseModel):
    """Stored readings as received; `next_seq` is where the next page begins, 0 at the end."""

    samples: list[MeterSample]
    next_seq: int


def add_meters(app: FastAPI, meters: Meters) -> None:
    """The routes."""

    @app.get("/api/v1/meters", summary="Meters and their last readings", tags=["meters"])
    async def latest() -> tuple[MeterView, ...]:
        return meters.views()

    @app.get("/api/v1/meters/columns", summary="What the columns mean", tags=["meters"])
    async def columns() -> dict[str, str]:
        return COLUMNS

    @app.get("/api/v1/meters/{node}/readings", summary="A node's stored readings", tags=["meters"])
    def readings(
        node: str,
        from_seq: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_RECORDS, description="records of the node")] = 1000,
    ) -> ReadingsAnswer:
        found, next_seq = _stored(meters, node, from_seq, limit)
        return ReadingsAnswer(samples=found, next_seq=next_seq)

    @app.get("/api/v1/meters/{node}/readings.csv", summary="The same as CSV", tags=["meters"], response_class=Response)
    def readings_csv(
        node: str,
        from_seq: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_RECORDS)] = MAX_RECORDS,
    ) -> Response:
        found, _ = _stored(meters, node, from_seq, limit)
        text = io.StringIO()
        rows = csv.DictWriter(text, [field.name for field in fields(MeterSample)])
        rows.writeheader()
        for sample in found:
            rows.writerow(asdict(sample) | {"flags": " ".join(sample.flags)})
        return Response(text.getvalue(), media_type=CSV_TYPE)

    @app.get("/api/v1/meters/{node}/epochs", summary="Which meter stood where, and its readings", tags=["meters"])
    def epochs(node: str) -> list[Epoch]:
        try:
            return meters.epochs(topics.node_id(node), MAX_RECORDS)
        except (KeyError, MalformedFrame):
            raise HTTPException(404, "no such meter node") from None


def _stored(meters: Meters, node: str, from_seq: int, limit: int) -> tuple[list[MeterSample], int]:
    try:
        return meters.stored(topics.node_id(node), from_seq, limit)
    except (KeyError, MalformedFrame):
        raise HTTPException(404, "no such meter node") from None

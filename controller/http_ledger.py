"""The ledger's part of the HTTP door: records as stored, the account of every node, journals of dead nodes.

Never decides anything: routes only translate.
Specification: OpenAPI at /openapi.json; README.md here, "Ledger" and "Dead nodes".
"""

import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response

from controller.answers import LedgerAnswer, RecordAnswer, RecordsAnswer, ledger_answer
from controller.services.imports import ImportRefused, ImportReport, Imports
from controller.services.ledger import Ledger
from controller.services.period import NoPeriod, Period, read_period
from controller.services.taken import taken
from controller.store import Store, node_number
from protocols.wire import topics
from protocols.wire.errors import MalformedFrame

MAX_RECORDS = 10_000
REFUSED = {"unknown_node": 404, "database": 503}  # by ImportRefused.reason, else 422
CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Books:
    """What stands behind these routes; `timezone()` is the town's, an IANA name."""

    ledger: Ledger
    store: Store
    imports: Imports
    timezone: Callable[[], str]
    max_upload_bytes: int


def add_ledger(app: FastAPI, books: Books) -> None:
    """Add the routes."""
    _add_records(app, books)
    _add_accounts(app, books)
    _add_import(app, books)


async def upload(request: Request, max_bytes: int) -> bytes:
    """The body of a request, or 413."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > max_bytes:
            raise HTTPException(413, "larger than http.max_upload_mb")
    return bytes(data)


def asked_node(name: str) -> int:
    """The store's number of a node of a request, or 404."""
    try:
        return node_number(topics.node_id(name))
    except MalformedFrame:
        raise HTTPException(404, "a node is named by 16 hexadecimal digits") from None


def _add_records(app: FastAPI, books: Books) -> None:
    @app.get("/api/v1/nodes/{node}/records", summary="A node's records as stored", tags=["ledger"])
    def records(
        node: str,
        from_seq: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_RECORDS)] = 1000,
    ) -> RecordsAnswer:
        found = books.store.records(asked_node(node), from_seq, limit)
        times = taken(books.store, asked_node(node), found)
        return RecordsAnswer(
            node=node,
            records=[
                RecordAnswer(
                    seq=r.seq,
                    kind=r.kind,
                    stored_s=r.stored_s,
                    taken_ms=taken_ms,
                    clock=clock,
                    crc32=zlib.crc32(r.raw),
                    hex=r.raw.hex(),
                    imported=bool(r.imported),
                )
                for r, (taken_ms, clock) in zip(found, times, strict=True)
            ],
            next_seq=found[-1].seq + 1 if len(found) == limit else None,
        )


def asked_period(first: str | None, last: str | None, books: Books) -> Period:
    """The period of a request, or 422."""
    try:
        return read_period(first, last, books.timezone())
    except NoPeriod as error:
        raise HTTPException(422, str(error)) from None


def _add_accounts(app: FastAPI, books: Books) -> None:
    @app.get("/api/v1/ledger", summary="Stored, owed, declared lost: node by node", tags=["ledger"])
    def ledger(
        verify: Annotated[bool, Query(description="count the database's rows now: slow, for proof")] = False,
        node: Annotated[str | None, Query(description="this node alone")] = None,
        first: Annotated[
            str | None, Query(alias="from", description="by record time: a day or a time; without an offset the town's")
        ] = None,
        last: Annotated[
            str | None, Query(alias="to", description="to the end of that day, or to that time; counts rows as verify")
        ] = None,
    ) -> LedgerAnswer:
        asked = None if first is None and last is None else asked_period(first, last, books)
        if asked is not None:
            rows = books.ledger.of_period(*books.store.audit_period(asked.from_s, asked.to_s))
        elif verify:
            rows = books.ledger.audited(*books.store.audit())
        else:
            rows = books.ledger.rows()
        if node is not None:
            asked_node(node)
            rows = tuple(row for row in rows if row.node == node.lower())
            if not rows and asked is None:
                raise HTTPException(404, "no such node in the registry or the database")
        return ledger_answer(rows, verified=verify or asked is not None, period=asked, timezone=books.timezone())


def _add_import(app: FastAPI, books: Books) -> None:
    @app.put(
        "/api/v1/import",
        summary="Store the journal of a dead node, as vuzol drain read it: each record once, or nothing at all",
        tags=["ledger"],
        response_model=ImportReport,
        responses={
            404: {"description": "the node is not in the registry"},
            CONFLICT: {"model": ImportReport, "description": "numbers are stored with other bytes; nothing was stored"},
            413: {"description": "larger than http.max_upload_mb"},
            422: {"description": "no drain file, or an unfinished one"},
            503: {"description": "the database cannot be written"},
        },
        openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {}}}},
    )
    async def put_import(
        request: Request,
        dry_run: Annotated[bool, Query(description="say what would happen, store nothing")] = False,
        despite_conflicts: Annotated[bool, Query(description="store what is new though numbers conflict")] = False,
    ) -> ImportReport | Response:
        data = await upload(request, books.max_upload_bytes)
        try:
            report = await books.imports.take(data, dry_run=dry_run, despite_conflicts=despite_conflicts)
        except ImportRefused as refused:
            raise HTTPException(REFUSED.get(refused.reason, 422), str(refused)) from None
        if report.refused and not dry_run:
            return JSONResponse(asdict(report), CONFLICT)
        return report

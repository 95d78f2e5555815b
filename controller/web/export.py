"""The lists as CSV: the rows that a reader sees, filtered and in the same order, all pages of them.

Never shows more than the page does. Names of columns and states are stable, for spreadsheets and programs.
Specification: RFC 4180; controller/web/README.md, "Pages".
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable, Iterable

from fastapi import FastAPI, HTTPException, Request, Response

from controller.services.period import NoPeriod
from controller.services.usage import MOST_SHARES, TooLong, Usage
from controller.web import alarm_history, fleet_list, ledger_list, usage_list
from controller.web.desk import Desk
from controller.web.order import in_order
from controller.web.panels import audit as audit_list
from controller.web.panels.choices import sought
from controller.web.pulse import Pulse
from controller.web.wording import Words


def add_exports(app: FastAPI, pulse: Pulse, desk: Desk, words_for: Callable[[Request], Words]) -> None:
    """Add the routes; their choices are those of the pages' addresses."""

    @app.get("/fleet.csv", include_in_schema=False)
    async def fleet(request: Request) -> Response:
        asked, words = request.query_params, words_for(request)
        nodes = fleet_list.wanted(
            pulse.moment().snapshot.nodes,
            words,
            sought(asked.get("q", "")),
            asked.get("state", ""),
            asked.get("kind", ""),
        )
        ordered = in_order(nodes, asked.get("sort", ""), fleet_list.orders(words), "state")
        return _csv("fleet", fleet_list.CSV_FIELDS, map(fleet_list.csv_row, ordered))

    @app.get("/ledger.csv", include_in_schema=False)
    async def ledger(request: Request) -> Response:
        asked = request.query_params
        rows = pulse.moment().snapshot.ledger
        first, last = asked.get("from", ""), asked.get("to", "")
        if desk.accounts and (first or last):
            try:
                rows = await asyncio.to_thread(desk.accounts, first, last)
            except NoPeriod as error:
                raise HTTPException(422, str(error)) from None
        found = ledger_list.wanted(rows, sought(asked.get("q", "")))
        ordered = in_order(found, asked.get("sort", ""), ledger_list.ORDERS, "state")
        return _csv("ledger", ledger_list.CSV_FIELDS, map(ledger_list.csv_row, ordered))

    @app.get("/alarms.csv", include_in_schema=False)
    async def past_alarms(request: Request) -> Response:
        if desk.alarms is None:
            raise HTTPException(404)
        asked, words = request.query_params, words_for(request)
        try:
            rows = await asyncio.to_thread(alarm_history.found, desk.alarms, asked, words)
        except NoPeriod as error:
            raise HTTPException(422, str(error)) from None
        ordered = in_order(rows, asked.get("sort", ""), alarm_history.orders(words), "began")
        return _csv("alarms", alarm_history.CSV_FIELDS, map(alarm_history.csv_row, ordered))

    @app.get("/audit.csv", include_in_schema=False)
    async def audit(request: Request) -> Response:
        if desk.audit is None:
            raise HTTPException(404)
        rows = await asyncio.to_thread(desk.audit.rows, limit=audit_list.READ)
        told = (row.public() for row in audit_list.found(rows, request.query_params.get("q", "")))
        return _csv("audit", audit_list.CSV_FIELDS, ([one[name] for name in audit_list.CSV_FIELDS] for one in told))

    _add_buildings(app, desk, words_for)


def _add_buildings(app: FastAPI, desk: Desk, words_for: Callable[[Request], Words]) -> None:
    @app.get("/buildings.csv", include_in_schema=False)
    async def buildings(request: Request) -> Response:
        asked, words = request.query_params, words_for(request)
        rows = await asyncio.to_thread(_usage(desk).accounts)
        found = usage_list.wanted(rows, sought(asked.get("q", "")), words)
        ordered = in_order(found, asked.get("sort", ""), usage_list.ORDERS, "building")
        lines = await asyncio.to_thread(lambda: [usage_list.csv_row(one, _usage(desk).figures(one)) for one in ordered])
        return _csv("buildings", usage_list.CSV_FIELDS, lines)

    @app.get("/buildings/{account}.csv", include_in_schema=False)
    async def shares(account: str, request: Request) -> Response:
        usage, asked = _usage(desk), request.query_params
        one = next((one for one in await asyncio.to_thread(usage.accounts) if one.id == account), None)
        if one is None:
            raise HTTPException(404)
        try:
            days = usage_list.chosen_days(asked)
            found = await asyncio.to_thread(usage.shares, one, asked.get("by", ""), *days)
        except (ValueError, TooLong):
            raise HTTPException(
                422, f"from and to have to be days, with at most {MOST_SHARES} pieces between"
            ) from None
        return _csv("consumption", usage_list.SHARE_FIELDS, (usage_list.share_row(one, share) for share in found))


def _usage(desk: Desk) -> Usage:
    if desk.usage is None:
        raise HTTPException(404)
    return desk.usage


def _csv(name: str, fields: Iterable[str], rows: Iterable[Iterable[object]]) -> Response:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(fields)
    writer.writerows(rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return Response("\N{BYTE ORDER MARK}" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)

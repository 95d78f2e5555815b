"""Export over HTTP: a dataset of a period as CSV or Parquet, streamed, and what its columns mean.

Never decides anything: routes only translate.
Specification: OpenAPI at /openapi.json; README.md here, "Export".
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from controller.http_ledger import Books, asked_node, asked_period
from controller.services.datasets import DATASETS, Dataset
from controller.services.export import FORMATS, dictionary, rows, write
from controller.services.period import Period
from controller.services.tables import Table


class ColumnAnswer(BaseModel):
    """A column of a dataset."""

    name: str
    type: str = Field(description="time, integer, number, text or boolean")
    unit: str = Field(description="empty where the column has none")
    meaning: str
    source: str = Field(description="record.field of the node's message; or envelope, registry, controller")


def add_export(app: FastAPI, books: Books, tables: Mapping[str, Table]) -> None:
    """The routes."""
    sets: dict[str, Dataset | Table] = {**DATASETS, **tables}

    def known(name: str) -> Dataset | Table:
        if name not in sets:
            raise HTTPException(404, f"no such dataset: ask for {', '.join(sets)}")
        return sets[name]

    def lines(asked: Dataset | Table, period: Period, node: str | None) -> Iterator[Any]:
        if isinstance(asked, Table):
            try:
                return asked.lines(period, node or "")
            except KeyError:
                raise HTTPException(404, f"there is nothing of {node!r} in the database") from None
        names = {row.node: row.name for row in books.ledger.rows()}
        numbers = None if node is None else [asked_node(node)]
        if node is not None and node.lower() not in names:
            raise HTTPException(404, "no such node in the registry or the database")
        return rows(books.store, books.store.sessions(numbers), names, asked, period)

    @app.get("/api/v1/export/{name}/columns", summary="The data dictionary of a dataset", tags=["export"])
    async def columns(name: str) -> list[ColumnAnswer]:
        return [ColumnAnswer(**dictionary(column)) for column in known(name).columns]

    @app.get(
        "/api/v1/export/{name}.{form}",
        summary=f"Stored data, nothing left out or summed up: {', '.join(sets)} as {' or '.join(FORMATS)}",
        tags=["export"],
        response_class=StreamingResponse,
        responses={200: {"content": {media: {} for media in FORMATS.values()}}},
    )
    def export(
        name: str,
        form: str,
        first: Annotated[
            str | None, Query(alias="from", description="by record time: a day or a time; without an offset the town's")
        ] = None,
        last: Annotated[str | None, Query(alias="to", description="to the end of that day, or to that time")] = None,
        node: Annotated[str | None, Query(description="this node, device or building alone")] = None,
    ) -> StreamingResponse:
        asked = known(name)
        if form not in FORMATS:
            raise HTTPException(404, f"no such format: ask for {' or '.join(FORMATS)}")
        return StreamingResponse(
            write(asked.columns, form, lines(asked, asked_period(first, last, books), node)),
            media_type=FORMATS[form],
            headers={"Content-Disposition": f'attachment; filename="{name}.{form}"'},
        )

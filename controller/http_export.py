"""Export over HTTP: a dataset of a period as CSV or Parquet, streamed, and what its columns mean.

Never decides anything: routes only translate.
Specification: OpenAPI at /openapi.json; README.md here, "Export".
"""

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from controller.http_ledger import Books, asked_node, asked_period
from controller.services.datasets import DATASETS, Dataset
from controller.services.export import FORMATS, dictionary, rows, write


class ColumnAnswer(BaseModel):
    """A column of a dataset."""

    name: str
    type: str = Field(description="time, integer, number, text or boolean")
    unit: str = Field(description="empty where the column has none")
    meaning: str
    source: str = Field(description="record.field of the node's message; or envelope, registry, controller")


def add_export(app: FastAPI, books: Books) -> None:
    """The routes."""

    @app.get("/api/v1/export/{name}/columns", summary="The data dictionary of a dataset", tags=["export"])
    async def columns(name: str) -> list[ColumnAnswer]:
        return [ColumnAnswer(**dictionary(column)) for column in _dataset(name).columns]

    @app.get(
        "/api/v1/export/{name}.{form}",
        summary=f"Stored data, nothing left out or summed up: {', '.join(DATASETS)} as {' or '.join(FORMATS)}",
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
        node: Annotated[str | None, Query(description="this node alone")] = None,
    ) -> StreamingResponse:
        dataset = _dataset(name)
        if form not in FORMATS:
            raise HTTPException(404, f"no such format: ask for {' or '.join(FORMATS)}")
        period = asked_period(first, last, books)
        names = {row.node: row.name for row in books.ledger.rows()}
        numbers = None if node is None else [asked_node(node)]
        if node is not None and node.lower() not in names:
            raise HTTPException(404, "no such node in the registry or the database")
        return StreamingResponse(
            write(dataset, form, rows(books.store, books.store.sessions(numbers), names, dataset, period)),
            media_type=FORMATS[form],
            headers={"Content-Disposition": f'attachment; filename="{name}.{form}"'},
        )


def _dataset(name: str) -> Dataset:
    if name not in DATASETS:
        raise HTTPException(404, f"no such dataset: ask for {', '.join(DATASETS)}")
    return DATASETS[name]

"""Buildings over HTTP: meter points with their meters, entries by people, readings and what was consumed.

Never decides anything: routes only translate.
Specification: OpenAPI at /openapi.json; README.md here, "Buildings".
"""

from typing import Annotated, Any

from fastapi import Body, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from controller.http_ledger import Books, asked_period, upload
from controller.services import entry_file
from controller.services.buildings import Buildings, Entry, EntryReport, MeterEntry, ReadingEntry
from controller.services.consumption import Stand, Step
from controller.services.entry_file import FileRefused
from controller.services.history import Choice, History
from controller.store.buildings import EpochRow, PointRow

MAX_ENTRIES = 10_000
MAX_FILE_BYTES = 16 << 20
STEPS_TOLD = 100
ORDINARY = ("manual", "pushed", "estimated")  # marks that leave a step what it is
NOT_STORED = 422

From = Annotated[str | None, Query(alias="from", description="a day or a time; without an offset the town's")]
To = Annotated[str | None, Query(alias="to", description="to the end of that day, or to that time")]
DryRun = Annotated[bool, Query(description="say what would happen, store nothing")]


class PointAnswer(BaseModel):
    """A place in a building where something is metered, and the meters that stood there, the present one last."""

    id: int
    building: str
    address: str
    area_m2: float | None
    point: str
    medium: str
    unit: str = Field(description="of what is consumed")
    meters: list[EpochRow]


class SeriesAnswer(BaseModel):
    """Something that tells values by itself; `place` and `value` name it as a meter's source."""

    place: str
    value: str
    name: str
    unit: str


class PointReadings(BaseModel):
    """Readings as they came, a list for each meter, in order of time."""

    point: PointAnswer
    readings: list[list[Stand]]


class ConsumptionAnswer(BaseModel):
    """The sum of the steps that end in the period; `unknown` of them, of which nobody can say how much, are not in it.

    `from_ms` and `to_ms`: the first and the last reading that it is made of. `remarkable`: steps with a mark.
    """

    point: PointAnswer
    amount: float
    from_ms: int | None
    to_ms: int | None
    steps: int
    unknown: int
    remarkable: list[Step]


class FileProblem(BaseModel):
    """A mistake; line 1 is the first."""

    line: int
    message: str


class FileAnswer(BaseModel):
    """What became of a file: nothing is stored where there are problems, or in a dry run."""

    entries: int
    new: int
    already_stored: int
    stored: int
    problems: list[FileProblem]


def actor_of(request: Request) -> str:
    """Who asks, as the guard in front of the application told."""
    actor = getattr(request.state, "actor", None)
    return str(actor.name) if actor else ""


def add_buildings(app: FastAPI, buildings: Buildings, history: History, books: Books) -> None:
    """The routes."""
    _add_points(app, buildings, history, books)
    _add_entries(app, buildings)


def _add_points(app: FastAPI, buildings: Buildings, history: History, books: Books) -> None:
    def known(number: int) -> PointRow:
        for row in buildings.points():
            if row.id == number:
                return row
        raise HTTPException(404, "no such meter point")

    @app.get("/api/v1/points", summary="Meter points of all buildings", tags=["buildings"])
    def points() -> list[PointAnswer]:
        epochs = buildings.epochs()
        return [_point(row, epochs.get(row.id, [])) for row in buildings.points()]

    @app.get("/api/v1/series", summary="What can be the source of a meter: all that tells values", tags=["buildings"])
    def series() -> list[SeriesAnswer]:
        return [_series(place, value) for place in history.places() for value in history.values(place.id)]

    @app.get("/api/v1/points/{number}/readings", summary="What its meters stood at", tags=["buildings"])
    def readings(number: int, first: From = None, last: To = None) -> PointReadings:
        period = asked_period(first, last, books)
        epochs, found = buildings.stands(row := known(number), period.from_s, period.to_s)
        return PointReadings(point=_point(row, epochs), readings=found)

    @app.get(
        "/api/v1/points/{number}/consumption",
        summary="What was consumed, across replaced meters and displays that went over",
        tags=["buildings"],
    )
    def consumption(number: int, first: From = None, last: To = None) -> ConsumptionAnswer:
        row = known(number)
        steps = buildings.steps(row, asked_period(first, last, books))
        return ConsumptionAnswer(
            point=_point(row, buildings.epochs().get(number, [])),
            amount=sum(step.amount or 0.0 for step in steps),
            from_ms=steps[0].from_ms if steps else None,
            to_ms=steps[-1].to_ms if steps else None,
            steps=len(steps),
            unknown=sum(step.amount is None for step in steps),
            remarkable=[step for step in steps if not set(step.marks) <= set(ORDINARY)][:STEPS_TOLD],
        )


def _add_entries(app: FastAPI, buildings: Buildings) -> None:
    refused: dict[int | str, dict[str, Any]] = {
        NOT_STORED: {"model": EntryReport, "description": "an entry cannot be taken; nothing was stored"}
    }

    async def enter(entries: list[Entry], request: Request, dry_run: bool) -> EntryReport | JSONResponse:
        report = await buildings.enter(entries, actor_of(request), dry_run=dry_run)
        if report.problems and not dry_run:
            return JSONResponse(_plain(report), NOT_STORED)
        return report

    @app.post(
        "/api/v1/points/meters",
        summary="Meters that stand at points from a moment on: new points, replacements, corrections; all or nothing",
        tags=["buildings"],
        response_model=EntryReport,
        responses=refused,
    )
    async def meters(
        entries: Annotated[list[MeterEntry], Body(max_length=MAX_ENTRIES)], request: Request, dry_run: DryRun = False
    ) -> EntryReport | JSONResponse:
        return await enter([*entries], request, dry_run)

    @app.post(
        "/api/v1/points/readings",
        summary="Readings that people took, beside those that come by themselves; all or nothing",
        tags=["buildings"],
        response_model=EntryReport,
        responses=refused,
    )
    async def manual(
        entries: Annotated[list[ReadingEntry], Body(max_length=MAX_ENTRIES)], request: Request, dry_run: DryRun = False
    ) -> EntryReport | JSONResponse:
        return await enter([*entries], request, dry_run)

    @app.put(
        "/api/v1/points/file",
        summary="The same as a CSV file, of meters or of readings: whole, or not at all",
        tags=["buildings"],
        response_model=FileAnswer,
        responses={NOT_STORED: {"model": FileAnswer, "description": "lines are wrong; nothing was stored"}},
        openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {}}}},
    )
    async def put_file(request: Request, dry_run: DryRun = False) -> FileAnswer | JSONResponse:
        try:
            lines = entry_file.read(await upload(request, MAX_FILE_BYTES))
        except FileRefused as wrong:
            problems = [FileProblem(line=one.line, message=one.message) for one in wrong.problems]
            answer = FileAnswer(entries=0, new=0, already_stored=0, stored=0, problems=problems)
        else:
            report = await buildings.enter([entry for _, entry in lines], actor_of(request), dry_run=dry_run)
            problems = [FileProblem(line=lines[one.index][0], message=one.message) for one in report.problems]
            answer = FileAnswer(
                entries=report.entries,
                new=report.new,
                already_stored=report.already_stored,
                stored=report.stored,
                problems=problems,
            )
        return JSONResponse(answer.model_dump(), NOT_STORED) if problems else answer


def _plain(report: EntryReport) -> dict[str, object]:
    return {
        "entries": report.entries,
        "new": report.new,
        "already_stored": report.already_stored,
        "stored": report.stored,
        "problems": [{"index": one.index, "message": one.message} for one in report.problems],
    }


def _point(row: PointRow, epochs: list[EpochRow]) -> PointAnswer:
    return PointAnswer(
        id=row.id,
        building=row.building,
        address=row.address,
        area_m2=row.area_m2,
        point=row.name,
        medium=row.medium,
        unit=row.unit,
        meters=epochs,
    )


def _series(place: Choice, value: Choice) -> SeriesAnswer:
    what = " ".join(filter(None, (value.name, value.register)))
    name = f"{place.name} · {what}" if what else place.name
    return SeriesAnswer(place=place.id, value=value.id, name=name, unit=value.unit)

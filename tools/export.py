"""Stored data into a file for other programs, CSV or Parquet, and the data dictionary on the screen.

Never reads the database: the controller gives out what it stored. A file that is cut short is not kept.
Specification: README.md, `vuzol export`; controller/README.md, "Export".
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn
from rich.table import Table

from tools.controller_api import Address, Refused, ask, download
from tools.errors import DONE, UsageError
from tools.texts import say

FORMATS = ("csv", "parquet")
HEADINGS = ("name", "type", "unit", "meaning", "source")


@dataclass(frozen=True, slots=True)
class Job:
    """What the person typed; empty is all."""

    dataset: str
    first: str
    last: str
    node: str
    out: Path | None


def run(job: Job, to: Address, *, as_json: bool, language: str) -> int:
    """Write the file. Raises UsageError."""
    form = job.out.suffix.removeprefix(".") if job.out else ""
    if job.out is None or form not in FORMATS:
        raise UsageError("name the file to write: --out FILE.csv or --out FILE.parquet")
    asked = {name: text for name, text in (("from", job.first), ("to", job.last), ("node", job.node)) if text}
    part = job.out.with_name(f"{job.out.name}.part")
    try:
        with part.open("wb") as file:
            for data in _progress(download(to, f"/api/v1/export/{job.dataset}.{form}", asked), language):
                file.write(data)
        part.replace(job.out)
    except Refused as refused:
        raise UsageError(str(refused)) from None
    except OSError as error:
        raise UsageError(f"{job.out} cannot be written ({error.strerror}): name another with --out") from None
    finally:
        part.unlink(missing_ok=True)
    told = {"dataset": job.dataset, "file": str(job.out), "bytes": job.out.stat().st_size}
    print(json.dumps(told, ensure_ascii=False) if as_json else say(language, "export_done", **told))
    return DONE


def explain(dataset: str, to: Address, *, as_json: bool, language: str) -> int:
    """Print the data dictionary of a dataset. Raises UsageError."""
    try:
        columns = ask("GET", to, f"/api/v1/export/{dataset}/columns", {})
    except Refused as refused:
        raise UsageError(str(refused)) from None
    if as_json:
        print(json.dumps(columns, ensure_ascii=False))
    else:
        Console(highlight=False).print(_table(columns, language))
    return DONE


def _table(columns: list[dict[str, Any]], language: str) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in HEADINGS:
        table.add_column(say(language, f"export_{name}"), no_wrap=name == "name")
    for column in columns:
        table.add_row(*(escape(column[name]) for name in HEADINGS))
    return table


def _progress(parts: Iterator[bytes], language: str) -> Iterator[bytes]:
    """The parts, with a bar for a person who waits; how many will come, nobody knows before."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(say(language, "export_writing"), total=None)
        for part in parts:
            yield part
            progress.advance(task, len(part))

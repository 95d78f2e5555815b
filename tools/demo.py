"""The demo on a person's screen: progress while the town is set up, its pulse while it lives, the ledger at the end.

Never knows how a town is made: `emulation.town` makes it and reports.
Specification: README.md, "Results of the demo" (the JSON keys are stable).
"""

import asyncio
import json
import os
import signal
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tools.errors import DONE, NO, UsageError
from tools.texts import say


@dataclass(frozen=True, slots=True)
class Request:
    """What the person typed."""

    validators: int
    displays: int
    meters: int
    posts: int
    silicon: int
    gtfs: Path | None
    seconds: float | None
    json_file: Path | None
    headless: bool
    port: int
    folder: Path | None
    seed: int
    language: str


class Screen:
    """Progress bars on a terminal; plain lines when headless or piped."""

    def __init__(self, language: str, *, headless: bool) -> None:
        self._language = language
        self._console = Console(highlight=False)
        self._live = self._console.is_terminal and not headless
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._live,
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> "Screen":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def step(self, name: str, done: int, total: int) -> None:
        """One step of the set-up or of the end: `done` of `total`."""
        if not self._live:
            if done in (0, total):
                self.line(f"step_{name}", done=done, total=total)
            return
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(say(self._language, f"step_{name}", done=done, total=total))
        self._progress.update(
            self._tasks[name],
            completed=done,
            total=total,
            description=say(self._language, f"step_{name}", done=done, total=total),
        )

    def pulse(self, values: dict[str, Any]) -> None:
        """How the town is, once a second."""
        if not self._live:
            return
        text = say(self._language, "pulse", **values)
        if "pulse" not in self._tasks:
            self._tasks["pulse"] = self._progress.add_task(text, total=None)
        self._progress.update(self._tasks["pulse"], description=text)

    def line(self, key: str, **values: object) -> None:
        """One line of text."""
        self._console.print(say(self._language, key, **values), soft_wrap=True)

    def ledger(self, result: dict[str, Any]) -> None:
        """The ledger, and the verdict in words."""
        records = result["records"]
        table = Table(title=say(self._language, "ledger_title"))
        for name in records:
            table.add_column(say(self._language, f"ledger_{name}"), justify="right")
        table.add_row(*(str(value) for value in records.values()))
        self._console.print(table)
        verdict = "ledger_reconciles" if result["ledger"]["reconciles"] else "ledger_differs"
        self.line(verdict, **records)
        for difference in result["ledger"].get("differences", []):
            self._console.print(f"  {difference}", soft_wrap=True)


def _has_desktop() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


async def run(request: Request) -> int:
    """Run the demo; the exit status: 0 when the ledger reconciles, else 1. Raises UsageError."""
    from emulation import town

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    plan = town.TownPlan(
        validators=request.validators,
        displays=request.displays,
        meters=request.meters,
        posts=request.posts,
        silicon=request.silicon,
        feed=request.gtfs,
        seconds=request.seconds,
        port=request.port,
        folder=request.folder,
        seed=request.seed,
        language=request.language,
    )
    with Screen(request.language, headless=request.headless) as screen:

        def ready(url: str) -> None:
            screen.line("ready", url=url)
            screen.line("demo_open")
            if not request.headless and _has_desktop():
                webbrowser.open(url)

        try:
            result = await town.run(plan, stop, town.Reporter(screen.step, screen.pulse, ready))
        except town.TownError as error:
            raise UsageError(str(error)) from None
    if request.json_file is not None:
        request.json_file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    screen.ledger(result)
    return DONE if result["ledger"]["reconciles"] else NO

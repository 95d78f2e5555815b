"""Sheets of meters and readings as people type them in: `vuzol enter` at a running controller.

Never looks inside the process. Specification: tools/README.md, `vuzol enter`; controller/services/README.md.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from controller.tests.peer import make_entry
from controller.tests.process import controlling, write_files

METERS = "building;point;since;unit;first;digits\nШкола 7;Електрика;2026-10-18;kWh;99 990,5;5\n"
READINGS = "building,point,time,reading\nШкола 7,Електрика,2026-10-25,12\nШкола 7,Електрика,2026-11-01,52\n"


async def vuzol(*arguments: str | Path) -> tuple[int, str]:
    """(status, what it printed) of `vuzol enter …`."""
    command = [sys.executable, "-m", "tools.cli", "enter", *map(str, arguments)]
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, stdin=asyncio.subprocess.DEVNULL
    )
    out, _ = await asyncio.wait_for(child.communicate(), 60)
    return child.returncode or 0, out.decode()


async def test_sheets_are_tried_entered_and_refused_line_by_line(tmp_path: Path) -> None:
    config = write_files(tmp_path, [make_entry()])
    meters, readings = tmp_path / "meters.csv", tmp_path / "readings.csv"
    meters.write_text(METERS, encoding="cp1251")
    readings.write_text(READINGS, encoding="utf-8")
    at_controller = "--config", config, "--lang", "en"

    async def entered(file: Path, *more: str) -> dict[str, Any]:
        _, out = await vuzol(file, *more, "--json", *at_controller)
        return dict(json.loads(out))

    async with controlling(config) as controller:
        status, out = await vuzol(readings, *at_controller)
        assert (status, out.splitlines()[0]) == (
            1,
            f"{readings}:2: there is no point 'Електрика' in 'Школа 7': enter its meter first, or correct the names",
        )
        assert "without --dry-run 1 lines would be" in (await vuzol(meters, "--dry-run", *at_controller))[1]
        assert await controller.get("/api/v1/points") == []
        assert (await entered(meters))["stored"] == 1
        assert (await entered(readings))["stored"] == 2
        assert (await entered(readings))["already_stored"] == 2
        told = await controller.get("/api/v1/points/1/consumption")
        assert (told["amount"], told["unknown"]) == (61.5, 0)
    status, out = await vuzol(tmp_path / "none.csv", *at_controller)
    assert (status, len(out.splitlines())) == (2, 1)

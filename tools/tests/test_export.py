"""`vuzol export` as a person types it: a real controller is asked, and what it gives is read by another program.

Specification: tools/README.md; what a dataset holds is tested in controller/tests/test_export.py.
"""

import asyncio
import csv
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from controller.tests.peer import Peer, make_entry
from controller.tests.process import controlling, deliver, write_files
from tools.tests.test_cli import vuzol

BUS = make_entry(1)


@pytest.fixture
async def config(tmp_path: Path) -> AsyncIterator[Path]:
    """A running controller that has three positions of a bus."""
    bus = Peer(BUS)
    for step in range(3):
        bus.position(47.91 + step / 1000, 33.4)
    written = write_files(tmp_path, [BUS])
    async with controlling(written) as controller:
        async with asyncio.timeout(30):
            await deliver(bus, controller.mqtt_port)
        yield written


async def export(config: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(vuzol, "export", *arguments, "--config", config)


def files(folder: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


async def test_a_file_is_of_the_format_that_its_name_says(config: Path, tmp_path: Path) -> None:
    text, table = tmp_path / "positions.csv", tmp_path / "positions.parquet"
    done = await export(config, "positions", "--from", "2026-10-18", "--to", "2026-10-18", "--out", text, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"dataset": "positions", "file": str(text), "bytes": text.stat().st_size}
    with text.open(encoding="utf-8", newline="") as file:
        assert [float(row["lat_deg"]) for row in csv.DictReader(file)] == [47.91, 47.911, 47.912]
    done = await export(config, "positions", "--node", BUS.node.hex(), "--out", table, "--lang", "uk")
    assert "набір positions" in done.stdout
    assert pq.read_table(table)["lat_deg"].to_pylist() == [47.91, 47.911, 47.912]
    assert files(tmp_path, "positions*") == ["positions.csv", "positions.parquet"]


async def test_the_dictionary_says_what_every_column_means(config: Path) -> None:
    columns = json.loads((await export(config, "positions", "--dictionary", "--json")).stdout)
    assert {"name": "speed_mps", "type": "number", "unit": "m/s"}.items() <= columns[11].items()
    shown = (await export(config, "positions", "--dictionary", "--lang", "uk")).stdout
    assert all(column["name"] in shown for column in columns)
    assert "одиниця" in shown


async def test_what_cannot_be_exported_leaves_no_file_and_says_what_can(config: Path, tmp_path: Path) -> None:
    asked: dict[str, list[str | Path]] = {
        "readings, air, taps, positions": ["weather", "--out", tmp_path / "new.csv"],
        "no such node": ["air", "--node", "00000000000000ff", "--out", tmp_path / "new.csv"],
        "write 2026-11-21": ["air", "--from", "monday", "--out", tmp_path / "new.csv"],
        "FILE.parquet": ["air", "--out", tmp_path / "new.xlsx"],
        "name another with --out": ["air", "--out", tmp_path / "absent" / "new.csv"],
    }
    for words, arguments in asked.items():
        done = await export(config, *arguments)
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), done.stderr
        assert words in done.stderr
    assert files(tmp_path, "new*") == []

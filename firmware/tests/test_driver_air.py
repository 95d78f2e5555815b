"""The air sensors' parsers and arithmetic on both interpreters, and against captured bytes and real cells' sheets.

It must never need the captures: where they are absent, their tests are skipped and say so.
Spec: firmware/tests/device/particle_cases.py, air_arithmetic_cases.py; the data's own .info files and READMEs.
"""

import csv
import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.drivers import electrochemical, sps30
from firmware.drivers.pms5003 import PmsReader
from firmware.drivers.shdlc import ShdlcReader
from firmware.tests import on_device
from firmware.tests.device import air_arithmetic_cases, particle_cases

DATA = on_device.ROOT.parent / "shared" / "data" / "air"
CAPTURED = DATA / "pm-serial"
SHEETS = DATA / "alphasense" / "calibrations.json"
MODULES = {"particle_cases": particle_cases, "air_arithmetic_cases": air_arithmetic_cases}
CASES = [(module, case) for module in MODULES for case in on_device.case_names(module)]

needs_captures = pytest.mark.skipif(not CAPTURED.is_dir(), reason=f"captured sensor bytes are not here: {CAPTURED}")
needs_sheets = pytest.mark.skipif(not SHEETS.is_file(), reason=f"the cells' sheets are not here: {SHEETS}")


@cache
def failures(module: str) -> dict[str, str]:
    return on_device.run_cases(module)


@pytest.mark.parametrize(("module", "case"), CASES)
def test_on_cpython(module: str, case: str) -> None:
    getattr(MODULES[module], case)()


@pytest.mark.parametrize(("module", "case"), CASES)
def test_on_micropython(module: str, case: str) -> None:
    assert failures(module)[case] == ""


@given(st.binary(max_size=200))
def test_any_bytes_leave_the_readers_of_frames_ready_for_the_next(data: bytes) -> None:
    pms, frames = PmsReader(), ShdlcReader()
    pms.feed(data)
    frames.feed(data)
    assert len(pms.feed(bytes(32) + particle_cases.frame())) == 1
    assert frames.feed(b"\x7e" + particle_cases.answer(b"\x01"))[-1].data == b"\x01"


def captured(name: str) -> list[bytes]:
    """The frames of a hexdump file, a line each, as they were captured."""
    lines = (CAPTURED / f"{name}.hexdump").read_text().splitlines()
    return [bytes.fromhex(line.split(": ", 1)[1].split("  ")[0]) for line in lines]


def expected(name: str) -> list[dict[str, float]]:
    """What another program read in them."""
    with (CAPTURED / f"{name}.csv").open() as file:
        rows = csv.DictReader(file, skipinitialspace=True)
        return [{key: float(value) for key, value in row.items()} for row in rows]


@needs_captures
@pytest.mark.parametrize("path", sorted(CAPTURED.glob("PMSx003*.hexdump")), ids=lambda path: path.stem)
def test_captured_frames_of_a_pms5003_are_read_as_others_read_them(path: Path) -> None:
    reader = PmsReader()
    frames = captured(path.stem)
    found = reader.feed(b"".join(frames))
    assert (reader.frames, reader.checksum, reader.skipped) == (len(frames), 0, 0)
    for seen, row in zip(found, expected(path.stem), strict=True):
        assert (seen.cf1_pm1, seen.cf1_pm2_5, seen.cf1_pm10) == (row["raw01"], row["raw25"], row["raw10"])
        assert (seen.pm1, seen.pm2_5, seen.pm10) == (row["pm01"], row["pm25"], row["pm10"])
        numbers = [row[name] for name in ("n0_3", "n0_5", "n1_0", "n2_5", "n5_0", "n10_0")]
        assert [count / 100 for count in seen[6:]] == pytest.approx(numbers)  # 0.1 l, and cm3


@needs_captures
@pytest.mark.parametrize("path", sorted(CAPTURED.glob("SPS30*.hexdump")), ids=lambda path: path.stem)
def test_captured_frames_of_an_sps30_are_read_as_others_read_them(path: Path) -> None:
    reader = ShdlcReader()
    frames = captured(path.stem)
    found = reader.feed(b"".join(frames))
    assert (reader.frames, reader.checksum, reader.malformed) == (len(frames), 0, 0)
    for answer, row in zip(found, expected(path.stem), strict=True):
        assert (answer.command, answer.state) == (3, 0)
        seen = sps30.measured(answer.data)
        assert list(seen[:4]) == pytest.approx([row[name] for name in ("pm01", "pm25", "pm04", "pm10")], abs=0.051)
        numbers = [row[name] for name in ("n0_5", "n1_0", "n2_5", "n4_0", "n10_0")]
        assert list(seen[4:9]) == pytest.approx(numbers, abs=0.0051)
        assert seen.typical_size == pytest.approx(row["diam"], abs=0.051)


@needs_captures
@pytest.mark.parametrize(
    ("pattern", "reader_of"), [("PMSx003*.hexdump", PmsReader), ("SPS30*.hexdump", ShdlcReader)], ids=["pms", "sps30"]
)
def test_each_captured_frame_that_is_cut_anywhere_is_lost_alone(pattern: str, reader_of: Any) -> None:
    for path in sorted(CAPTURED.glob(pattern)):
        for before, after in pairwise(captured(path.stem)):
            for kept in range(1, len(before)):
                reader = reader_of()
                assert len(reader.feed(after + before[:kept] + after + after)) >= 3


@needs_sheets
def test_every_cell_of_the_sheets_gives_back_the_concentration_it_was_made_with() -> None:
    """The sheet's own definition of sensitivity, the other way round: so many ppb are so many mV above the zero."""
    cells = 0
    for sheet in json.loads(SHEETS.read_text()).values():
        if not sheet.get("we_electronic_zero_mv") or not sheet.get("ae_electronic_zero_mv"):
            continue  # a thermometer, or a cell without its board
        cells += 1
        mv = {key: float(value or 0) for key, value in sheet.items()}
        cell = electrochemical.Cell(
            "gas",
            1,
            round(mv["we_electronic_zero_mv"] * 1000),
            round(mv["ae_electronic_zero_mv"] * 1000),
            round(mv["we_sensor_zero_mv"] * 1000),
            round(mv["ae_sensor_zero_mv"] * 1000),
            round(mv["we_sensitivity_mv_ppb"] * 1_000_000),
            (1000,) * electrochemical.TABLE_POINTS,
            (("no2", round(mv["we_cross_sensitivity_no2_mv_ppb"] * 1_000_000)),),
        )
        for ppb in (-5, 0, 40, 200):
            above_mv = ppb * mv["we_sensitivity_mv_ppb"] + 30 * mv["we_cross_sensitivity_no2_mv_ppb"]
            we_uv = round((mv["we_electronic_zero_mv"] + above_mv + 7) * 1000)
            ae_uv = round((mv["ae_electronic_zero_mv"] + 7) * 1000)
            found = electrochemical.concentration_dppb(cell, we_uv, ae_uv, 2000, {"no2": 300})
            assert found == pytest.approx(ppb * 10, abs=1)
    print(f"{cells} cells")
    assert cells > 10

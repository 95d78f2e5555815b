"""The NMEA reader on both interpreters, and on MicroPython against real receivers' logs and gpsd's reading of them.

It must never need the logs: where they are absent, their tests are skipped and say so.
Spec: firmware/drivers/nmea.py; gpsd's test/daemon/*.log.chk (its expected JSON, class TPV).
"""

import datetime
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.drivers.nmea import NmeaReader
from firmware.tests import on_device
from firmware.tests.device import nmea_cases

LOGS = on_device.ROOT.parent / "shared" / "data" / "gnss"
GPSD = LOGS / "gpsd"
TOLERANCE_DEG = 1e-6
# gpsd reports an epoch of the log under no time of its own here and there: at the very first, when its date is unknown
MATCHED = 0.9

needs_logs = pytest.mark.skipif(not GPSD.is_dir(), reason=f"recorded GNSS logs are not here: {GPSD}")


@pytest.fixture(scope="module")
def on_micropython() -> dict[str, str]:
    return on_device.run_cases("nmea_cases")


@pytest.mark.parametrize("case", on_device.case_names("nmea_cases"))
def test_on_cpython(case: str) -> None:
    getattr(nmea_cases, case)()


@pytest.mark.parametrize("case", on_device.case_names("nmea_cases"))
def test_on_micropython(case: str, on_micropython: dict[str, str]) -> None:
    assert on_micropython[case] == ""


@given(st.integers(315_532_800, 3_471_292_799))
def test_every_second_from_1980_to_2079_is_the_calendars(expected_s: int) -> None:
    moment = datetime.datetime.fromtimestamp(expected_s, datetime.UTC)
    data = nmea_cases.rmc(clock=moment.strftime("%H%M%S").encode(), date=moment.strftime("%d%m%y").encode())
    assert nmea_cases.only_fix(data).utc_ms == expected_s * 1000


@given(st.integers(-90 * 600_000, 90 * 600_000), st.integers(-180 * 600_000, 180 * 600_000))
def test_every_place_on_earth_is_read_to_the_last_digit(lat: int, lon: int) -> None:
    """In ten-thousandths of a minute, the resolution most receivers have."""

    def field(units: int, digits: int, hemispheres: str) -> bytes:
        degrees, minutes = divmod(abs(units), 600_000)
        text = f"{degrees:0{digits}d}{minutes // 10_000:02d}.{minutes % 10_000:04d},{hemispheres[units < 0]}"
        return text.encode()

    fix = nmea_cases.only_fix(nmea_cases.rmc(lat=field(lat, 2, "NS"), lon=field(lon, 3, "EW")))
    assert abs(fix.lat_e7 - lat * 1e7 / 600_000) <= 0.5
    assert abs(fix.lon_e7 - lon * 1e7 / 600_000) <= 0.5


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_where_the_bytes_are_cut_changes_nothing(pieces: list[bytes]) -> None:
    def seen(reader: NmeaReader, chunks: list[bytes]) -> tuple[int, ...]:
        fixes = sum(len(reader.feed(chunk)) for chunk in chunks)
        return fixes, reader.sentences, reader.checksum, reader.malformed, reader.overlong

    pieces = [piece + nmea_cases.RMC for piece in pieces]
    assert seen(NmeaReader(), pieces) == seen(NmeaReader(), [b"".join(pieces)])


@needs_logs
def test_positions_are_those_that_gpsd_reads_from_the_same_logs() -> None:
    logs = sorted(str(path) for path in GPSD.glob("*.log"))
    compared = unmatched = 0
    for log, fixes, _ in read_logs(logs):
        expected = positions_by_time(Path(log))
        for valid, lat_e7, lon_e7, _, utc_ms in fixes:
            if not valid:
                continue
            there = expected.get(utc_ms % 86_400_000) if utc_ms is not None else None
            if there is None:
                unmatched += 1
                continue
            compared += 1
            away = min(max(abs(lat - lat_e7 / 1e7), abs(lon - lon_e7 / 1e7)) for lat, lon in there)
            assert away <= TOLERANCE_DEG, (log, utc_ms, lat_e7, lon_e7, there)
    print(f"{compared} positions compared in {len(logs)} logs, {unmatched} have no time in gpsd's answer")
    assert compared > MATCHED * (compared + unmatched) > 0


@needs_logs
def test_a_drive_through_switzerland_is_read_whole() -> None:
    [(_, fixes, bad)] = read_logs([str(LOGS / "drives" / "20100403_Z205_Switzerland-part1.nmea")])
    assert len(fixes) == 5190
    assert sum(not fix[0] for fix in fixes) == 1
    assert bad == [0, 0, 0]
    assert 3250 <= max(fix[3] for fix in fixes if fix[0]) <= 3340  # "up to 64 knots"


@needs_logs
def test_two_lines_of_the_walk_in_copenhagen_are_no_sentences() -> None:
    [(_, fixes, bad)] = read_logs([str(LOGS / "drives" / "AMOD_AGL3080_20121104.nmea")])
    assert len(fixes) == 603
    assert bad == [0, 2, 0]


def read_logs(paths: list[str]) -> Iterator[tuple[str, list[Any], list[int]]]:
    """(log, its fixes, its bad lines: checksum, malformed, overlong), as the reader on MicroPython sees them."""
    fixes = []
    for line in on_device.run_lines("nmea_fixes", *paths):
        if isinstance(line, list):
            fixes.append(line)
        else:
            yield line["log"], fixes, line["bad"]
            fixes = []


def positions_by_time(log: Path) -> dict[int, list[tuple[float, float]]]:
    """Milliseconds of the day -> where the receiver was, says gpsd, which mends dates that have rolled over."""
    check = log.with_suffix(".log.chk")
    data = check.read_bytes() if check.exists() else gzip.decompress(Path(f"{check}.gz").read_bytes())
    found = defaultdict(list)
    for line in data.decode("latin-1").splitlines():
        if not line.startswith('{"class":"TPV"'):
            continue
        tpv = json.loads(line)
        if "time" in tpv and "lat" in tpv:
            hours, minutes, seconds = tpv["time"][11:].rstrip("Z").split(":")
            of_day_ms = (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)
            found[of_day_ms].append((tpv["lat"], tpv["lon"]))
    return found

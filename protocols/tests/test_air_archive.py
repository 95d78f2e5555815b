"""The archive of an air post gives back what was put in, is as small as it has to be, and believes no bytes.

It must never need the recorded data: where it is absent, its test is skipped and says so.
Specification: protocols/air_archive.py.
"""

import contextlib
import csv
import gzip
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import air_archive
from protocols.air_archive import Period
from protocols.wire.errors import MalformedFrame

NODE = bytes.fromhex("00000000000000a1")
RECORDED = Path(__file__).parents[3] / "shared" / "data" / "air" / "sps30-colocated-london"
BYTES_A_VALUE = 4

periods = st.lists(
    st.builds(
        Period,
        st.integers(0, 31),
        st.integers(0, 2**32 - 1),
        st.sampled_from((1, 20)),
        st.integers(-32768, 32767),
        st.integers(0, 31),
    ),
    max_size=60,
)


@given(periods)
def test_what_is_packed_is_what_is_unpacked_channel_by_channel(packed: list[Period]) -> None:
    by_channel = sorted(packed, key=lambda period: period.channel)
    assert air_archive.unpack(air_archive.pack(NODE, packed)) == (NODE, by_channel)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_archive_or_malformed(data: bytes) -> None:
    for hostile in (data, air_archive.MAGIC + data):
        with contextlib.suppress(MalformedFrame):
            air_archive.unpack(hostile)


def test_an_archive_that_is_cut_anywhere_is_malformed() -> None:
    whole = air_archive.pack(NODE, [Period(3, 60 * minute, 1, 200 + minute % 7, 0) for minute in range(100)])
    for size in range(len(whole)):
        with pytest.raises(MalformedFrame):
            air_archive.unpack(whole[:size])


@pytest.mark.skipif(not RECORDED.is_dir(), reason=f"recorded air quality is not here: {RECORDED}")
@pytest.mark.parametrize("path", sorted(RECORDED.glob("low_cost_*.csv.gz")), ids=lambda path: path.stem)
def test_recorded_series_take_no_more_than_four_bytes_a_value(path: Path) -> None:
    with gzip.open(path, "rt") as file:
        rows = [row for row in csv.reader(file) if row][1:]
    packed = [
        Period(0, int(datetime.fromisoformat(f"{row[0]}T{row[1]}+00:00").timestamp()), 1, round(float(row[-1]) * 10), 0)
        for row in rows
        if row[-1]
    ]
    data = air_archive.pack(NODE, packed)
    assert air_archive.unpack(data)[1] == packed
    assert len(data) <= BYTES_A_VALUE * len(packed)

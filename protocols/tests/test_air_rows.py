"""The rows of an air post's means: what is packed is what is read, whatever it is, and hostile bytes end in one error.

It must never know how a mean is made.
Specification: protocols/wire/air_rows.py.
"""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.wire import air_rows
from protocols.wire.air_rows import HIGHEST, LOWEST, Row
from protocols.wire.errors import MalformedFrame

steps = st.integers(LOWEST, HIGHEST)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    low, mean, high = sorted(draw(st.tuples(steps, steps, steps)))
    told = draw(st.booleans())
    raw = draw(st.booleans())
    return Row(
        draw(st.integers(0, 23)),
        draw(st.integers(0, 1200)),
        draw(st.integers(0, 127)),
        mean,
        low if told else None,
        high if told else None,
        draw(st.integers(0, 65535)) if told else None,
        draw(steps) if raw else None,
        draw(steps) if raw else None,
    )


@given(st.lists(rows(), max_size=20), st.sampled_from((60, 1200)))
def test_what_is_packed_is_what_is_read(packed: list[Row], seconds: int) -> None:
    assert air_rows.parse(air_rows.build(packed, seconds), seconds) == packed


@given(st.lists(rows(), max_size=20, unique_by=lambda row: row.channel), st.sampled_from((60, 1200)))
def test_a_brief_row_is_a_mean_and_its_mark(packed: list[Row], seconds: int) -> None:
    packed.sort(key=lambda row: row.channel)
    brief = [row._replace(minimum=None, maximum=None, deviation=None, we=None, ae=None) for row in packed]
    assert air_rows.parse(air_rows.build(packed, seconds, brief=True), seconds) == brief


def test_a_brief_tail_takes_two_bytes_a_channel_and_one_more_a_mark() -> None:
    pm10 = Row(3, 60, 0, 200, 180, 231, 12, None, None)
    no2 = Row(4, 58, air_rows.FLAG_WARM_UP, -7, -20, 5, 6, 4602, 4800)
    assert air_rows.build([pm10], 60, brief=True).hex() == "1f00000800c8"
    assert air_rows.build([pm10, no2], 60, brief=True).hex() == "9f00001800c8fff9000010813a"


def test_brief_rows_of_an_earlier_post_one_by_one_are_read_too() -> None:
    assert [row.mean for row in air_rows.parse(bytes.fromhex("0300c884fff901"), 60)] == [200, -7]


def test_a_usual_row_takes_six_bytes_and_a_gas_ten() -> None:
    pm10 = Row(3, 60, 0, 200, 180, 231, 12, None, None)
    assert air_rows.build([pm10], 60).hex() == "4300c8141f0c"
    no2 = Row(4, 60, air_rows.FLAG_WARM_UP, -7, -20, 5, 6, 4602, 4800)
    assert air_rows.build([no2], 60).hex() == "e4fff9010d0c0611fa12c0"


@given(st.binary(max_size=120))
def test_any_bytes_are_rows_or_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedFrame):
        air_rows.parse(data, 60)


@pytest.mark.parametrize(
    "data",
    [
        "43",
        "4300",
        "4300c8",
        "4300c814",
        "c300c8",
        "c300c880",
        "e4fff9010d0c0611",
        "4300c8ffffffffff",
        "1f0000",
        "1f00000800",
        "9f00000800c80000",
    ],
)
def test_rows_cut_short_or_without_end_are_malformed(data: str) -> None:
    with pytest.raises(MalformedFrame):
        air_rows.parse(bytes.fromhex(data), 60)


def test_every_channel_has_a_number_of_its_own() -> None:
    assert len(air_rows.NUMBERS) == len(air_rows.CHANNELS) <= 24  # a brief tail has a bit for each
    assert all(gas in air_rows.NUMBERS for gas in air_rows.GASES)

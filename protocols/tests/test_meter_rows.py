"""The packed values of a meter reading: what goes in comes out, small numbers are short, hostile bytes are refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.wire import meter_rows
from protocols.wire.errors import EncodeError, MalformedFrame
from protocols.wire.meter_rows import Row
from protocols.wire.meter_units import UNITS, unit_of

rows = st.builds(
    Row,
    register=st.integers(0, 0xFFFFFF),
    function=st.integers(0, 3),
    storage=st.integers(0, 65_535),
    tariff=st.integers(0, 255),
    device=st.integers(0, 255),
    unit=st.integers(0, 255),
    exponent=st.integers(-128, 127),
    raw=st.integers(-(2**63), 2**63 - 1),
)
ENERGY = Row(0x000600, 0, 0, 0, 0, UNITS.index("Wh"), 3, 37_351)


@given(st.lists(rows, max_size=10))
def test_what_goes_in_comes_out(several: list[Row]) -> None:
    assert meter_rows.parse(b"".join(map(meter_rows.build, several))) == several


def test_the_form_is_the_drawn_one() -> None:
    assert meter_rows.build(ENERGY).hex() == "080006000103000091e7"
    tariff = ENERGY._replace(tariff=2, storage=1, raw=-1, function=3)
    assert meter_rows.build(tariff).hex() == "13000600010302000001ff"


@pytest.mark.parametrize(("raw", "size"), [(127, 7), (-128, 7), (128, 8), (2**15, 10), (2**31, 14), (-(2**63), 14)])
def test_a_small_number_is_short(raw: int, size: int) -> None:
    assert len(meter_rows.build(ENERGY._replace(raw=raw))) == size


@pytest.mark.parametrize(
    "wrong",
    [{"raw": 2**63}, {"register": 2**24}, {"exponent": 128}, {"storage": 65_536}, {"function": 4}, {"unit": -1}],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(EncodeError):
        meter_rows.build(ENERGY._replace(**wrong))


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_a_named_refusal(data: bytes) -> None:
    with suppress(MalformedFrame):
        meter_rows.parse(data)


@pytest.mark.parametrize("cut", range(1, 10))
def test_values_that_are_cut_short_are_refused(cut: int) -> None:
    with pytest.raises(MalformedFrame, match="cut short"):
        meter_rows.parse(meter_rows.build(ENERGY)[:cut])


@pytest.mark.parametrize(
    ("text", "unit", "exponent"),
    [("Wh", "Wh", 0), ("MWh", "Wh", 6), ("GJ", "J", 9), ("m3", "m^3", 0), ("l/h", "m^3/h", -3), ("kvarh", "varh", 3)],
)
def test_units_as_meters_write_them(text: str, unit: str, exponent: int) -> None:
    assert unit_of(text) == (UNITS.index(unit), exponent)


def test_what_is_no_unit_of_ours_is_none() -> None:
    assert unit_of("Units for H.C.A.") is None
    assert unit_of("k") is None

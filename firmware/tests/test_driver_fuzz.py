"""Hostile bytes against the drivers' parsers: the same seeds on both interpreters, and hypothesis on CPython.

It must never let an undeclared exception pass.
Spec: firmware/tests/device/fuzz_cases.py.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.drivers import pn532_frame as frame
from firmware.drivers.nmea import NmeaReader
from firmware.tests import on_device
from firmware.tests.device import fuzz_cases


@pytest.fixture(scope="module")
def on_micropython() -> dict[str, str]:
    return on_device.run_cases("fuzz_cases")


@pytest.mark.parametrize("case", on_device.case_names("fuzz_cases"))
def test_on_cpython(case: str) -> None:
    getattr(fuzz_cases, case)()


@pytest.mark.parametrize("case", on_device.case_names("fuzz_cases"))
def test_on_micropython(case: str, on_micropython: dict[str, str]) -> None:
    assert on_micropython[case] == ""


@given(st.binary(max_size=400))
def test_any_bytes_are_a_frame_or_a_declared_error(data: bytes) -> None:
    fuzz_cases.feed_frame(data)
    fuzz_cases.feed_frame(b"\x00\x00\xff" + data)


@given(st.binary(min_size=1, max_size=264), st.binary(max_size=3))
def test_an_answer_is_found_wherever_it_begins(data: bytes, before: bytes) -> None:
    if b"\x00\xff" not in before + b"\x00\x00":
        assert fuzz_cases.feed_frame(before + fuzz_cases.answer_frame(data)) == data


@given(st.integers(0, 255), st.binary(max_size=frame.MAX_DATA))
def test_a_command_frame_adds_up(command: int, data: bytes) -> None:
    buffer = bytearray(300)
    size = frame.encode(buffer, command, data)
    assert bytes(buffer[:3]) == b"\x00\x00\xff"
    assert (buffer[3] + buffer[4]) % 256 == 0
    assert buffer[3] == len(data) + 2
    assert bytes(buffer[5:7]) == bytes((frame.HOST_TO_PN532, command))
    assert bytes(buffer[7 : 7 + len(data)]) == data
    assert sum(buffer[5 : size - 1]) % 256 == 0
    assert buffer[size - 1] == 0


def test_the_published_vector_of_sam_configuration() -> None:
    buffer = bytearray(300)
    size = frame.encode(buffer, 0x14, b"\x01\x00\x00")
    assert bytes(buffer[:size]).hex() == "0000ff05fbd4140100001700"
    assert frame.decode(bytes.fromhex("0000ff02fed5151600"), 9) == (frame.KIND_ANSWER, 6, 7)


def test_a_command_longer_than_a_frame_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="253"):
        frame.encode(bytearray(300), 0x40, bytes(254))


@given(st.lists(st.binary(max_size=200)))
def test_any_bytes_on_the_line_are_survived(pieces: list[bytes]) -> None:
    reader = NmeaReader()
    for piece in pieces:
        fuzz_cases.feed_nmea(reader, piece)

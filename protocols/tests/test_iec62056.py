"""IEC 62056-21: readouts as meters send them, and the way to get one; the same on CPython and on MicroPython."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.tests.test_vectors import ROOT, micropython
from protocols.wire.errors import MalformedFrame
from protocols.wire.iec62056 import DataSet, End, ModeC, Readout, Send, SetBaud, decimal, identify

CAPTURED = ROOT.parent / "shared" / "data" / "meters" / "iec62056-21"
READER = ROOT / "protocols" / "tests" / "run_iec62056.py"

both_interpreters = pytest.mark.parametrize("interpreter", ["cpython", "micropython"])


def read_by(interpreter: str, files: list[Path]) -> Iterator[Any]:
    command = [sys.executable] if interpreter == "cpython" else [micropython(), "-X", "heapsize=384k"]
    done = subprocess.run(
        [*command, str(READER), *map(str, files)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "MICROPYPATH": f"{ROOT}:.frozen"},
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    return (json.loads(line) for line in done.stdout.splitlines())


@both_interpreters
def test_every_captured_readout_gives_its_data_sets(interpreter: str) -> None:
    files = sorted(CAPTURED.glob("*.txt"))
    if not files:
        pytest.skip(f"no captured readouts: {CAPTURED} is absent")
    for file, (_, sets) in zip(files, read_by(interpreter, files), strict=True):
        text = file.read_text(encoding="ascii")
        # Every bracket of the file is a value that we gave, in order, with the address before it.
        assert "".join(f"({'*'.join(filter(None, pair))})" for _, values in sets for pair in values) == "".join(
            f"({part.split(')')[0]})" for part in text.split("(")[1:]
        )
        assert all(address in text for address, _ in sets), file.name


@both_interpreters
def test_readouts_with_a_checksum_are_checked(interpreter: str, tmp_path: Path) -> None:
    good = b"/ABC5X\r\n\x021.8.0(001234.5*kWh)\r\n2.8.0(1)C.1(7)\r\n!\r\n\x03"
    check = 0
    for byte in good[good.index(2) + 1 :]:
        check ^= byte
    (tmp_path / "good").write_bytes(good + bytes((check,)))
    (tmp_path / "wrong").write_bytes(good + bytes((check ^ 1,)))
    (tmp_path / "even").write_bytes(bytes(b | (b.bit_count() & 1) << 7 for b in good + bytes((check,))))
    (tmp_path / "short").write_bytes(good[:30])
    answers = list(read_by(interpreter, [tmp_path / name for name in ("good", "wrong", "even", "short")]))
    sets = [["1.8.0", [["001234.5", "kWh"]]], ["2.8.0", [["1", ""]]], ["C.1", [["7", ""]]]]
    assert answers == [[True, sets], [False, sets], [True, sets], "malformed: the readout is cut short"]


def test_the_way_to_a_readout_in_mode_c() -> None:
    meter = ModeC()
    assert meter.start() == (SetBaud(300), Send(b"/?!\r\n"))
    assert meter.feed(b"/?!\r\n/ISk5ME16") == []  # a two-wire line echoes our own request
    assert meter.feed(b"2\r\n") == [Send(b"\x06050\r\n"), SetBaud(9600)]
    assert meter.identification is not None
    assert meter.identification.identity == "ME162"
    assert meter.feed(b"\x020.0(42)\r\n!\r") == [DataSet("0.0", (("42", ""),))]
    assert meter.feed(b"\n\x03\x00") == [End(False)]


def test_a_meter_that_changes_its_speed_by_itself_is_not_asked() -> None:
    meter = ModeC("12345678")
    assert meter.start()[1] == Send(b"/?12345678!\r\n")
    assert meter.feed(b"/SLBBX\r\n") == [SetBaud(1200)]


def test_a_meter_of_mode_a_goes_on_at_300_baud() -> None:
    meter = ModeC()
    assert meter.feed(b"/KAM MC\r\n6.8(00433.65*GJ)!\r\n") == [SetBaud(300), DataSet("6.8", (("00433.65", "GJ"),))]
    assert meter.end() == [End(None)]


@pytest.mark.parametrize(
    ("text", "number"),
    [("00433.65", (43365, -2)), ("-000073.69", (-7369, -2)), ("0109868", (109868, 0)), ("A2", None), ("", None)],
)
def test_a_number_keeps_its_decimals(text: str, number: tuple[int, int] | None) -> None:
    assert decimal(text) == number


@pytest.mark.parametrize("bytes_", [b"1(2(3)", b"1)2", b"a" * 300])
def test_what_is_no_data_set_is_refused(bytes_: bytes) -> None:
    with pytest.raises(MalformedFrame, match="no data set"):
        Readout().feed(bytes_)


def test_what_is_no_identification_is_refused() -> None:
    with pytest.raises(MalformedFrame, match="identification"):
        identify(b"hello\r\n")
    with pytest.raises(MalformedFrame, match="identification"):
        ModeC().feed(b"x" * 300)


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_no_bytes_raise_anything_but_a_named_refusal(pieces: list[bytes]) -> None:
    for reader in (Readout(), ModeC()):
        with suppress(MalformedFrame):
            for piece in pieces:
                reader.feed(piece)
            reader.end()

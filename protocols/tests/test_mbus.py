"""M-Bus: frames and records as EN 13757 has them, whatever bytes arrive; the same on CPython and on MicroPython."""

import json
import os
import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import mbus_names
from protocols.tests.test_vectors import ROOT, micropython
from protocols.wire.errors import EncodeError, MalformedFrame
from protocols.wire.mbus import frame, records, telegram, values
from protocols.wire.mbus.records import Record, Records

CAPTURED = ROOT.parent / "shared" / "data" / "meters" / "mbus"
DECODER = ROOT / "protocols" / "tests" / "run_mbus.py"
HEADER = bytes.fromhex("78563412 2440 01 07 55 00 0000")
EXAMPLE = bytes.fromhex(  # EN 13757-3, annex E: a water meter
    "681F1F680802727856341224400107550000000313153100DA023B13018B60043718021816"
)

both_interpreters = pytest.mark.parametrize("interpreter", ["cpython", "micropython"])


def captured(folder: str) -> list[Path]:
    """The captured frames; the test that asks for them is skipped where there are none."""
    files = sorted((CAPTURED / folder).glob("*.hex"))
    if not files:
        pytest.skip(f"no captured M-Bus telegrams: {CAPTURED / folder} is absent")
    return files


def bytes_of(file: Path) -> bytes:
    return bytes.fromhex("".join(file.read_text(encoding="latin-1").split()))


def decoded_by(interpreter: str, frames: list[bytes], folder: Path) -> list[Any]:
    """What run_mbus.py says of each frame."""
    lines = folder / "frames"
    lines.write_text("".join(data.hex() + "\n" for data in frames))
    command = [sys.executable] if interpreter == "cpython" else [micropython(), "-X", "heapsize=384k"]
    done = subprocess.run(
        [*command, str(DECODER), str(lines)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "MICROPYPATH": f"{ROOT}:.frozen"},
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def expected_of(file: Path) -> list[dict[str, str]]:
    """libmbus's decoding: UTF-8, whatever its first line says."""
    text = file.with_suffix(".norm.xml").read_text(encoding="utf-8").split("?>", 1)[1]
    rows = ElementTree.fromstring(text).findall("DataRecord")
    return [{field.tag: field.text or "" for field in row} for row in rows]


def agrees(row: list[Any], expected: dict[str, str]) -> bool:
    function, storage, tariff, device, quantity, unit, value = row
    ours = {
        "Function": mbus_names.FUNCTIONS[function],
        "StorageNumber": str(storage),
        "Tariff": str(tariff),
        "Device": str(device),
        "Quantity": quantity,
        "Unit": unit,
    }
    if any(ours[tag] != text for tag, text in expected.items() if tag in ours):
        return False
    if isinstance(value, str):
        return value == expected["Value"].removesuffix("Z")  # libmbus writes Z behind the meter's local time
    return float(expected["Value"]) == pytest.approx(value, rel=1e-6, abs=1e-6)


@both_interpreters
def test_every_captured_telegram_says_what_libmbus_reads_in_it(interpreter: str, tmp_path: Path) -> None:
    files = captured("test-frames")
    for file, rows in zip(files, decoded_by(interpreter, [bytes_of(file) for file in files], tmp_path), strict=True):
        expected = expected_of(file)
        assert len(rows) == len(expected), file.name
        # A record without a value is one that libmbus does not know; we keep what was received.
        wrong = [(row, told) for row, told in zip(rows, expected, strict=True) if told and not agrees(row, told)]
        assert wrong == [], file.name


@both_interpreters
def test_frames_that_are_wrong_say_so(interpreter: str, tmp_path: Path) -> None:
    files = captured("error-frames")
    answers = decoded_by(interpreter, [bytes_of(file) for file in files], tmp_path)
    assert [answer for answer in answers if not isinstance(answer, str) or not answer] == []


@both_interpreters
def test_mutilated_frames_are_refused_and_never_crash(interpreter: str, tmp_path: Path) -> None:
    chance = random.Random(13757)
    frames = [EXAMPLE[:length] for length in range(len(EXAMPLE))]
    for _ in range(2_000):
        data = bytearray(EXAMPLE[7:-2])
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.choice(
                (0x0F, 0x7F, 0x80, 0xFB, 0xFC, 0xFD, 0xFF, chance.randrange(256))
            )
        frames.append(frame.build_long(frame.RSP_UD, 2, chance.choice((0x72, 0x73, 0x78)), bytes(data)))
    answers = decoded_by(interpreter, frames, tmp_path)
    assert all(isinstance(answer, str) and answer.startswith("malformed") for answer in answers[: len(EXAMPLE)])
    assert any(isinstance(answer, list) for answer in answers), "some of them can still be read"


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_named_refusal(data: bytes) -> None:
    with suppress(MalformedFrame):
        frame.parse(data)
    with suppress(MalformedFrame):
        wrapped = frame.parse(frame.build_long(frame.RSP_UD, 1, telegram.CI_VARIABLE, (HEADER + data)[:252]))
        assert wrapped is not None
        for record in telegram.parse(wrapped).records:
            records.value(record)


def records_of(text: str) -> list[Record]:
    return list(Records(memoryview(bytes.fromhex(text))))


def test_the_example_of_the_standard() -> None:
    found = frame.parse(EXAMPLE)
    assert found is not None
    water_meter = telegram.parse(found)
    assert water_meter.header == ("12345678", "PAD", 1, 7, 0x55, 0, "00 00")
    assert [(r.quantity, records.value(r), r.unit, r.storage, r.tariff, r.device) for r in water_meter.records] == [
        ("Volume", 12.565, "m^3", 0, 0, 0),
        ("Volume flow", 0.113, "m^3/h", 5, 0, 0),
        ("Energy", 218370, "Wh", 0, 2, 1),
    ]


def test_a_record_is_read_from_the_frame_itself_when_it_is_asked_for() -> None:
    data = bytearray(bytes.fromhex("0403 01000000 0403 02000000"))
    found = iter(Records(memoryview(data)))
    assert next(found).raw == 1
    data[8] = 7  # a copy made before would still say 2
    assert next(found).raw == 7


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("01 03 80", -128),
        ("02 03 FE FF", -2),
        ("03 03 FF FF FF", -1),
        ("04 03 00 00 00 80", -(2**31)),
        ("06 03 00 00 00 00 00 80", -(2**47)),
        ("07 03 FF FF FF FF FF FF FF 7F", 2**63 - 1),
        ("05 03 00 00 80 BF", -1.0),
        ("05 03 00 00 C0 7F", None),  # not a number
        ("05 03 00 00 80 7F", None),  # infinite
        ("0A 03 34 12", 1234),
        ("0C 03 78 56 34 F2", -2345678),
        ("0B 03 56 34 A2", None),  # the meter's own "no value"
        ("0E 03 21 43 65 87 09 21", 210987654321),
        ("00 03", None),
        ("08 03", None),
        ("0D 78 03 43 42 41", "ABC"),
        ("0D 03 C2 34 12", 1234),
        ("0D 03 D2 34 12", -1234),
        ("0D 78 E2 34 12", "12 34"),
        ("02 6C C1 01", "2006-01-01"),
        ("04 6D 2D 0B 61 16", "2011-06-01T11:45:00"),
        ("04 6D AD 0B 61 16", None),  # the meter's clock is not valid
        ("06 6D 05 2D 0B 61 16 00", "2011-06-01T11:45:05"),
        ("03 6D 05 2D 0B", "11:45:05"),
        ("04 6D 00 00 21 0C", "2001-12-01T00:00:00"),
        ("04 6D 00 00 71 CC", "1999-12-17T00:00:00"),  # a two-digit year of the last century
    ],
)  # fmt: skip
def test_every_coding_has_its_value(text: str, value: Any) -> None:
    (record,) = records_of(text)
    assert records.value(record) == value


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("02 23 02 00", 172_800, "s"),  # on time in days
        ("02 FD 48 E8 08", 228.0, "V"),
        ("04 FB 00 05 00 00 00", 500_000, "Wh"),
        ("02 FB 2E F4 01", 50.0, "Hz"),
        ("01 FB 37 02", 2_000, "VA"),
        ("02 94 77 05 00", 0.5, "m^3"),  # 77: ten times
        ("02 93 7D 05 00", 5, "m^3"),  # 7D: a thousand times
        ("02 93 7B 05 00", 0.006, "m^3"),  # 7B: and one of the VIF's units more
        ("02 93 78 05 00", 0.005001, "m^3"),
        ("02 FC 03 48 52 25 74 D4 11", 45.64, "-"),  # %RH in plain text
    ],
)
def test_units_carry_their_power_of_ten(text: str, value: float, unit: str) -> None:
    (record,) = records_of(text)
    assert records.value(record) == pytest.approx(value)
    assert record.unit == unit


def test_extensions_that_narrow_a_quantity_stay_beside_it() -> None:
    (exported,) = records_of("04 83 3C 88 13 00 00")
    assert (exported.quantity, mbus_names.qualifiers(exported.vifes)) == ("Energy", ["negative contributions only"])
    (corrected,) = records_of("02 94 77 05 00")
    assert mbus_names.qualifiers(corrected.vifes) == []
    (own,) = records_of("02 FF 77 05 00")
    assert (own.quantity, own.raw, own.exponent) == ("Manufacturer specific", 5, 0)


def test_the_manufacturers_data_are_kept_as_they_came() -> None:
    found = Records(memoryview(bytes.fromhex("2F 2F 0F 01 AB")))
    assert [(record.function, record.raw) for record in found] == [(records.MANUFACTURER_DATA, "01 AB")]
    assert not found.more_follow
    found = Records(memoryview(bytes.fromhex("1F")))
    assert [record.raw for record in found] == [""]
    assert found.more_follow


def test_the_fixed_structure_has_two_counters() -> None:
    found = frame.parse(bytes.fromhex("6813136808057378563412 0A00E97E01000000350100003C16"))
    assert found is not None
    meter = telegram.parse(found)
    assert (meter.header.id, meter.header.medium) == ("12345678", "Water")
    first, second = meter.records
    assert (first.function, records.value(first), first.unit) == (records.ACTUAL, 1, "l")
    assert (second.function, records.value(second), second.unit) == (records.STORED, 135, "l")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "cut short"),
        ("68 03 03", "cut short"),
        ("99", "no frame begins with 99"),
        ("68 03 04 68 08 01 70 79 16", "length 3 and 4"),
        ("10 40 01 42 16", "wrong checksum: 42, the bytes give 41"),
        ("10 40 01 41 17", "ends with 17"),
        ("E5 E5", "1 bytes behind the frame"),
    ],
)
def test_a_frame_that_is_none_says_why(text: str, why: str) -> None:
    with pytest.raises(MalformedFrame, match=why):
        frame.parse(bytes.fromhex(text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("3F", "reserved DIF 3F"),
        ("8F 00", "reserved DIF"),
        ("0D 78 F7", "reserved LVAR F7"),
        ("04", "ends inside the VIF"),
        ("84", "ends inside the DIFE"),
        ("04 FD", "ends inside the VIFE"),
        ("04 03 00", "ends inside the data"),
        ("84" + "80" * 10 + "00 03", "more than 10 DIFE"),
        ("04 93" + "BA" * 10 + "3A", "more than 10 VIFE"),
    ],
)
def test_a_record_that_is_none_says_why(text: str, why: str) -> None:
    with pytest.raises(MalformedFrame, match=why):
        records_of(text)


def test_a_frame_holds_no_more_than_252_bytes_of_data() -> None:
    assert len(frame.build_long(frame.SND_UD, 1, 0x51, bytes(252))) == frame.MAX_SIZE
    with pytest.raises(EncodeError):
        frame.build_long(frame.SND_UD, 1, 0x51, bytes(253))


def test_sizes_of_lvar() -> None:
    assert [values.lvar_size(lvar) for lvar in (0, 0xBF, 0xC9, 0xE4, 0xF0, 0xF4, 0xF6)] == [0, 191, 9, 4, 16, 32, 64]

"""`vuzol mbus decode`: a captured frame in words and as JSON; what cannot be decoded is one sentence."""

import json

import pytest

from tools.tests.test_cli import vuzol

FRAME = "68 1F 1F 68 08 02 72 78 56 34 12 24 40 01 07 55 00 00 00 03 13 15 31 00 DA 02 3B 13 01 8B 60 04 37 18 02 18 16"


def test_a_frame_is_told_with_its_meter_and_every_record() -> None:
    done = vuzol("mbus", "decode", FRAME)
    assert done.returncode == 0
    assert "id 12345678  manufacturer PAD" in done.stdout
    assert "12.565 m^3      Volume (Instantaneous value)" in done.stdout


@pytest.mark.parametrize("arguments", [[FRAME], FRAME.split(), [FRAME.replace(" ", "").lower()]])
def test_the_json_has_header_and_records_however_the_bytes_are_typed(arguments: list[str]) -> None:
    answer = json.loads(vuzol("mbus", "decode", *arguments, "--json").stdout)
    assert (answer["header"]["id"], answer["header"]["medium"], answer["header"]["access_number"]) == (
        "12345678", "Water", 85,
    )  # fmt: skip
    assert answer["records"][1] == {
        "value": 0.113,
        "unit": "m^3/h",
        "quantity": "Volume flow",
        "function": "Maximum value",
        "storage": 5,
        "tariff": 0,
        "device": 0,
        "qualifiers": [],
    }


def test_an_acknowledgement_and_a_request_have_no_records() -> None:
    assert json.loads(vuzol("mbus", "decode", "E5", "--json").stdout)["header"] == {"frame": "acknowledgement"}
    answer = json.loads(vuzol("mbus", "decode", "10 7B 05 80 16", "--json").stdout)
    assert answer == {"header": {"frame": "short", "control": "7B", "address": 5}, "records": []}


@pytest.mark.parametrize(
    ("text", "status", "why"),
    [
        (FRAME.replace("18 16", "19 16"), 1, "wrong checksum: 19, the bytes give 18"),
        (FRAME[:60], 1, "cut short"),
        ("68 04 04 68 08 01 70 08 81 16", 1, "application busy"),
        ("hello", 2, "not hexadecimal"),
    ],
)
def test_what_cannot_be_decoded_is_one_sentence(text: str, status: int, why: str) -> None:
    done = vuzol("mbus", "decode", text, "--lang", "en")
    assert done.returncode == status
    assert why in done.stdout + done.stderr
    assert len((done.stdout + done.stderr).strip().splitlines()) == 1
    told = vuzol("mbus", "decode", text, "--json")
    assert (told.returncode, why in json.loads(told.stdout)["error"]) == (status, True)

"""The classification of media, on MicroPython.

It must never need a reader: targets and answers are written down.
Spec: firmware/tests/device/iso14443_cases.py.
"""

import pytest

from firmware.tests import on_device


@pytest.mark.parametrize("case", on_device.case_names("iso14443_cases"))
def test_on_micropython(case: str, on_micropython: dict[str, str]) -> None:
    assert on_micropython[case] == ""


@pytest.fixture(scope="module")
def on_micropython() -> dict[str, str]:
    return on_device.run_cases("iso14443_cases")

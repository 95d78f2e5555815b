"""The cases of the firmware's own parts, each run on real MicroPython with a node's heap.

It must never run them on CPython: the parts use what only a device has.
Spec: firmware/tests/device/*_cases.py; on_device.VMS.
"""

from functools import cache

import pytest

from firmware.tests import on_device

MODULES = (
    "journal",
    "journal_cut",
    "session",
    "session_refusal",
    "document",
    "document_refusal",
    "update",
    "clock",
    "settings",
    "supervisor",
    "bell",
    "presentation",
    "board",
    "modbus",
    "mailbox",
    "air",
)


@cache
def failures(module: str, vm: str) -> dict[str, str]:
    return on_device.run_cases(f"{module}_cases", vm)


@pytest.mark.parametrize("vm", on_device.VMS)
@pytest.mark.parametrize(
    ("module", "case"),
    [(module, case) for module in MODULES for case in on_device.case_names(f"{module}_cases")],
)
def test_on_micropython(module: str, case: str, vm: str) -> None:
    assert failures(module, vm)[case] == ""

"""The calibration that somebody types in from the sheets which came with the cells: a post's settings for its gases.
It must never know the cells themselves, only what is printed.
Specification: firmware/README.md, "Air post"; the sheets are emulation/peripherals/electrochemical_cell.py's.
"""

from typing import Any

from emulation.peripherals.electrochemical_cell import SHEETS
from emulation.peripherals.weather import GASES


def calibration(*gases: str, version: int = 1) -> dict[str, Any]:
    """For these gases, or for all; each is on its own two inputs (emulation/peripherals/air_post.py)."""
    return {"version": version, "cells": [_cell(gas) for gas in gases or GASES]}


def _cell(gas: str) -> dict[str, Any]:
    sheet = SHEETS[gas]
    first = 2 * GASES.index(gas)
    return {
        "gas": gas,
        "inputs": [first, first + 1],
        "algorithm": 1,
        "we_electronic_uv": round(sheet.we_electronic_mv * 1000),
        "ae_electronic_uv": round(sheet.ae_electronic_mv * 1000),
        "we_zero_uv": 0,
        "ae_zero_uv": round(sheet.ae_zero_mv * 1000),
        "sensitivity_nv": round(sheet.sensitivity_mv_ppb * 1_000_000),
        "table": [round(n * 1000) for n in sheet.n],
        "cross": {other: round(mv_ppb * 1_000_000) for other, mv_ppb in sheet.cross_mv_ppb.items()},
    }

"""The device's part of bench.json: times and memory of a node on emulated silicon.

Never measured on hardware: modelled, and equal in every run. It must never model anything itself.
Specification: emulation/device_budgets.py; README.md, "Benchmarks".
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

from tools.image_plan import ROOT

LOAD = "modelled on an emulated RP2040 at 125 MHz, equal in every run; times of reader and card from cited sources"


@dataclass(frozen=True, slots=True)
class Measured:
    name: str
    value: float
    unit: str
    better: Literal["higher", "lower"]


def measure() -> list[Measured]:
    """Nothing where the firmware image or the emulator is missing; standard error says what to type."""
    asked = [sys.executable, "-m", "emulation.device_budgets"]
    answer = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        print("device:", answer.stderr.strip().rpartition("\n")[2], file=sys.stderr)
        return []
    found = json.loads(answer.stdout)
    found.pop("stages_ms")
    return [
        Measured(f"device.{name}", value, "KiB" if name.endswith("kib") else "ms", _better(name))
        for name, value in found.items()
    ]


def _better(name: str) -> Literal["higher", "lower"]:
    return "higher" if name.startswith("free") else "lower"

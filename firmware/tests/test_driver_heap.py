"""What the drivers of a node cost of its heap, on real MicroPython with all of them loaded.

It must never measure a node as a whole: that is the node's own test.
Spec: architecture, "flash and memory are budgets"; firmware/tests/device/driver_heap.py.
"""

from pathlib import Path

import pytest

from firmware.tests.on_device import Bench

# Bytes on x86-64, where objects take about twice the room they have on the microcontroller. The display's are those of
# a 128x64 panel and a 384x64 one together, and of all four fonts.
BUDGETS = {"fare_validator": 36_000, "stop_display": 32_000, "air_sensor": 30_000}


@pytest.mark.parametrize("kind", BUDGETS)
def test_the_drivers_of_a_node_keep_within_their_budget(tmp_path: Path, kind: str) -> None:
    with Bench(kind, tmp_path, "driver_heap", kind) as board:
        while "total" not in (line := board.next_line()):
            print(f"{line['part']}: {line['bytes']} bytes")
    assert 0 < line["total"] <= BUDGETS[kind]

"""The parts of a meter node, on MicroPython; its live values as any Modbus client reads them.

It must never need a controller: hil_tests/test_utility_meter.py has what is recorded.
Spec: firmware/tests/device/meter_cases.py; protocols/REGISTERS.md.
"""

from collections.abc import Callable
from typing import Any

import pytest

from emulation.launch import NodeHandle, board_facts
from firmware.tests import on_device
from firmware.tests.conftest import free_port, journalled, settings_of, wait_for
from firmware.tests.test_modbus_link import mbpoll, polled
from protocols.wire import journal_format as layout
from protocols.wire import meter_rows, registers
from protocols.wire.messages import reading, status
from protocols.wire.meter_rows import Row
from protocols.wire.meter_units import UNITS

UNIT = 17
CONFIG = {
    "bus": {"protocol": "mbus", "baud": 9600},
    "meters": [{"number": 7, "address": 5}],
    "pulses": [{"number": 11, "unit": "m^3", "weight": 10, "exponent": -3, "start": 5_000}],
    "status_s": 30,
}
ADDRESSES = {row.name: row.address for row in registers.registers_of("utility_meter")}


@pytest.mark.parametrize("case", on_device.case_names("meter_cases"))
def test_on_micropython(case: str, on_micropython: dict[str, str]) -> None:
    assert on_micropython[case] == ""


@pytest.fixture(scope="module")
def on_micropython() -> dict[str, str]:
    return on_device.run_cases("meter_cases")


def test_sixty_days_of_hours_fit_the_journal() -> None:
    """Two heat meters with four values, a water meter with pulses, and the status, as firmware/nodes/README.md says."""
    energy, volume = (Row(0x0600, 0, 0, 0, 0, 1, 3, 37_000_000), Row(0x1300, 0, 0, 0, 0, 5, -3, 561_080_000))
    power, flow = (Row(0x2B00, 0, 0, 0, 0, 8, 0, 12_500), Row(0x3B00, 0, 0, 0, 0, 12, -3, 540))
    count = Row(0, 0, 0, 0, 0, 21, 0, 5_000_000)
    heat = b"".join(map(meter_rows.build, (energy, volume, power, flow)))
    water = b"".join(map(meter_rows.build, (volume, count)))
    hour = [reading.SIZE + len(rows) for rows in (heat, heat, water)] + [status.SIZE]
    pages, used = 0, layout.HEADER_SIZE
    for _ in range(60 * 24):
        for size in hour:
            used += layout.MIN_ENTRY_SIZE + size
            if used > layout.PAGE_SIZE:
                pages, used = pages + 1, layout.MIN_ENTRY_SIZE + size
                if pages % layout.PAGES == 0:
                    used += layout.HEADER_SIZE
    facts = board_facts("rpi_pico")["flash"]["utility_meter"]
    reserve = 2 + 1  # sectors that the journal leaves free, and the one that is being written
    assert pages / layout.PAGES <= facts["journal_bytes"] // layout.SECTOR_SIZE - reserve


def test_mbpoll_reads_the_live_values_of_meters(launch: Callable[..., NodeHandle]) -> None:
    port = free_port()
    uplink: dict[str, Any] = {"transport": "modbus_tcp", "unit": UNIT, "port": port}
    node = launch("utility_meter", settings_of("utility_meter", **CONFIG) | {"uplink": uplink})
    wait_for(lambda: len(journalled(node, reading.KIND)) == 2, 20, "both readings")

    def read(name: str, kind: str) -> str:
        def answered() -> str:
            options = ["-p", str(port), "-a", str(UNIT), "-t", kind, "-B", "-r", str(ADDRESSES[name]), "-c", "1"]
            return polled(mbpoll(*options, "127.0.0.1")).get(ADDRESSES[name], "")

        return wait_for(answered, 10, name)

    assert [read("meters", "4"), read("readings", "4:int"), read("failures", "4:int")] == ["2", "2", "0"]
    assert [read("m1_number", "4"), read("m1_unit", "4")] == ["7", str(UNITS.index("Wh"))]
    assert float(read("m1_value", "4:float")) == pytest.approx(37e6, rel=0.01)
    assert [read("m2_number", "4"), read("m2_exponent", "4"), read("m2_raw", "4:int")] == ["11", "65533", "5000"]
    node.meters.pulse(3, per_second=1)  # slow, for a machine with much else to do
    wait_for(lambda: read("pulses_1", "4:int") == "3", 20, "three pulses")
    node.meters.open_cover()
    wait_for(lambda: read("cover", "4") == "1", 10, "an open cover")

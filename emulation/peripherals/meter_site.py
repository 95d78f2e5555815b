"""The meters of one house: those on the node's bus, two pulse contacts, the cover; their registers grow as time passes.
It must never know a node; what hangs where comes from the kind's part of its settings.
Specification: firmware/nodes/README.md, "A meter node" (settings); the models of each kind of meter beside this file.
"""

import struct
from collections.abc import Mapping
from typing import Any

from emulation.peripherals.button import Button
from emulation.peripherals.iec62056_meter import Iec62056Meter
from emulation.peripherals.mbus_line import MBusLine, MBusMeter
from emulation.peripherals.modbus_meter import ModbusMeter
from emulation.peripherals.ports import Clock, UartDevice
from emulation.peripherals.pulse_contact import PulseContact

SECOND_US = 1_000_000
USUAL_BAUD = 2400
POWER_W = 12_500
FLOW_LPH = 540
FLOW_CDEG, RETURN_CDEG = 6_810, 4_320
HEAT = 4


class Consumption:
    """A house that uses heat and water evenly from the beginning of the clock on."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._energy_wh = 37_000_000 + seed * 1_000_000
        self._volume_ml = 561_080_000 + seed * 1_000_000

    @property
    def energy_wh(self) -> int:
        return self._energy_wh + self._clock.now_us() * POWER_W // 3600 // SECOND_US

    @property
    def volume_ml(self) -> int:
        return self._volume_ml + self._clock.now_us() * FLOW_LPH * 1000 // 3600 // SECOND_US


class MeterSite:
    def __init__(self, clock: Clock, config: Mapping[str, Any]) -> None:
        bus = config.get("bus", {})
        self.mbus: MBusLine | None = None
        self.iec62056: Iec62056Meter | None = None
        self.modbus: ModbusMeter | None = None
        asked = config.get("meters", [])
        first = asked[0]["address"] if asked else 1
        if bus.get("protocol") == "iec62056":
            self.bus: UartDevice = self._iec62056(clock)
        elif bus.get("protocol") == "modbus":
            self.bus = self._modbus(clock, first)
        else:
            self.bus = self._mbus(clock, [meter["address"] for meter in asked], bus.get("baud", USUAL_BAUD))
        self.pulses = (PulseContact(clock), PulseContact(clock))
        self.cover = Button(clock)
        self.cover.hold()

    def _mbus(self, clock: Clock, addresses: list[int | str], baud: int) -> MBusLine:
        """A heat meter at each address; one that is asked by its number is at 0, as it came from the works."""
        meters = []
        for place, address in enumerate(addresses):
            used = Consumption(clock, place)
            primary, number = (address, f"{12345000 + address}") if isinstance(address, int) else (0, address)
            meters.append(MBusMeter(primary, number, lambda used=used: [heat_records(used)], medium=HEAT))  # type: ignore[misc]
        self.mbus = MBusLine(clock, meters, baud)
        return self.mbus

    def _iec62056(self, clock: Clock) -> Iec62056Meter:
        used = Consumption(clock, 0)
        self.iec62056 = Iec62056Meter(clock, lambda: electricity_lines(used))
        return self.iec62056

    def _modbus(self, clock: Clock, unit: int) -> ModbusMeter:
        used = Consumption(clock, 0)
        self.modbus = ModbusMeter(clock, unit, lambda: electricity_registers(used))
        return self.modbus


def heat_records(used: Consumption) -> bytes:
    """Energy, volume, power, flow, two temperatures, as a heat meter orders them."""
    return b"".join(
        (
            b"\x04\x06" + struct.pack("<i", used.energy_wh // 1000),
            b"\x04\x13" + struct.pack("<i", used.volume_ml // 1000),
            b"\x04\x2b" + struct.pack("<i", POWER_W),
            b"\x02\x3b" + struct.pack("<h", FLOW_LPH),
            b"\x02\x59" + struct.pack("<h", FLOW_CDEG),
            b"\x02\x5d" + struct.pack("<h", RETURN_CDEG),
            b"\x0c\x78\x78\x56\x34\x12",
        )
    )


def electricity_lines(used: Consumption) -> list[str]:
    """The data sets of a meter with two tariffs."""
    day_wh, night_wh = used.energy_wh * 2 // 3, used.energy_wh // 3
    return [
        "0.0.0(00000042)",
        "0.9.1(101500)",
        f"1.8.0({used.energy_wh / 1000:010.3f}*kWh)",
        f"1.8.1({day_wh / 1000:010.3f}*kWh)",
        f"1.8.2({night_wh / 1000:010.3f}*kWh)",
        f"1.7.0({POWER_W / 1000:06.3f}*kW)",
        "32.7.0(229.8*V)",
    ]


def electricity_registers(used: Consumption) -> dict[int, int]:
    """float32 as Eastron's SDM meters have them: voltage 0, power 12, energy taken 72."""
    values = {0: 229.8, 12: float(POWER_W), 72: used.energy_wh / 1000}
    registers: dict[int, int] = {}
    for address, value in values.items():
        registers[address], registers[address + 1] = struct.unpack(">HH", struct.pack(">f", value))
    return registers

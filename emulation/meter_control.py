"""The hand on a house's meters while their node runs: faults on the bus, pulses, the cover; from any thread.
It must never know what the node makes of them.
Specification: emulation/README.md.
"""

from emulation.lanes import LaneNode
from emulation.peripherals.iec62056_meter import Iec62056Meter
from emulation.peripherals.mbus_line import MBusMeter
from emulation.peripherals.meter_site import MeterSite
from emulation.peripherals.modbus_meter import ModbusMeter


class MeterControl:
    def __init__(self, node: LaneNode, site: MeterSite) -> None:
        self._node = node
        self._site = site

    def on_bus(self, place: int = 0) -> MBusMeter | Iec62056Meter | ModbusMeter:
        """A meter of the bus; set its `silent`, `wrong_checksum` or `stale`: one assignment each."""
        if self._site.mbus is not None:
            return self._site.mbus.meters[place]
        meter = self._site.iec62056 or self._site.modbus
        assert meter is not None
        return meter

    def join_bus(self, meter: MBusMeter) -> None:
        """Another meter on the M-Bus, perhaps at an address that is taken."""
        line = self._site.mbus
        assert line is not None, "this house has no M-Bus"
        self._node.call(lambda: line.meters.append(meter))

    def pulse(self, count: int, per_second: float, bounce_us: int = 0, contact: int = 0) -> None:
        """So many pulses of a contact from now on."""
        self._node.call(lambda: self._site.pulses[contact].emit(count, per_second, bounce_us))

    def pulsed(self, contact: int = 0) -> int:
        return self._node.call(lambda: self._site.pulses[contact].emitted)

    def open_cover(self) -> None:
        self._site.cover.let_go()

    def close_cover(self) -> None:
        self._site.cover.hold()

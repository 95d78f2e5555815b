"""The meter node: asks each meter on its bus at its time, counts pulses, watches the cover, and records it all.

Never corrects a reading and never makes one up: a meter that gave nothing is recorded as that.
Specification: protocols/schema/utility_meter.py; design, domain.md "Meter".
"""

import asyncio

from firmware.drivers.meter_line import MeterLine
from firmware.drivers.rgb_light import RgbLight
from firmware.nodes import meter_settings
from firmware.nodes.meter_memory import pulses_before
from firmware.nodes.meter_reading import MeterReading, padded
from protocols.wire import meter_rows
from protocols.wire.errors import EncodeError, MalformedFrame
from protocols.wire.live.utility_meter import SLOTS
from protocols.wire.mbus import master
from protocols.wire.mbus.telegram import MeterRefused
from protocols.wire.messages import reading, result, scan_meters, tamper
from protocols.wire.record import CLOCK_HELD, CLOCK_UNSET

CONFIG = meter_settings.CONFIG
KEPT_KINDS = ()  # in an outage longer than the archive the oldest readings are given up, and declared
COMMAND_KINDS = (scan_meters.KIND,)

LOOK_FOR_WORK_MS = 500
BY_NUMBER = 0
COVER_LOOK_MS = 50
_PROTOCOLS = {
    "mbus": reading.PROTOCOL_MBUS,
    "iec62056": reading.PROTOCOL_IEC62056,
    "modbus": reading.PROTOCOL_MODBUS,
}
IN_SERVICE, METER_FAILS, COVER_OPEN = "blue", "red", "amber"


class Slot:
    """What is remembered of one meter between its readings."""

    def __init__(self, number, every_min):
        self.number = number
        self.every_min = every_min
        self.due_ms = 0
        self.outcome = reading.OUTCOME_READ
        self.flags = 0
        self.checksum = None
        self.read_ms = None
        self.first = None  # the first row of the last reading with values


class UtilityMeter:
    def __init__(self, config, line, counters, cover, light, services):
        self._config = config
        self._line = line
        self._light = light
        self._clock = services.clock
        self._journal = services.journal
        self._health = services.health
        self._protocol = _PROTOCOLS[config["bus"].protocol]
        self._slots = [Slot(meter.number, meter.every_min) for meter in config["meters"]]
        self._pulse_slots = [Slot(pulse.number, pulse.every_min) for pulse in config["pulses"]]
        self._counters = counters
        self._counted_before = None  # by number: what the pulse counters stood at when the node started
        self._cover = cover
        self._cover_open = False
        self._on_bus = False
        # A search that is wanted: its last primary address, the command that asked for it. A node that was told of no
        # meter looks for some.
        self._search = None if self._slots or self._pulse_slots else (BY_NUMBER, 0)
        self._readings = self._failures = 0

    def tasks(self):
        """(name, coroutine function of `beat`, seconds without a beat that are too long)"""
        return [("meters", self.serve_meters, 60), ("cover", self.watch_cover, None)]

    def is_idle(self):
        """Erasing flash stops interrupts: not while a meter speaks or a pulse would be lost."""
        return not self._on_bus and all(one.at_rest() for one in self._counters)

    def execute(self, command):
        """Begin a search; what it finds are records, and its result comes behind them. Raises MalformedFrame."""
        wanted = scan_meters.parse(command.body).primary_last, command.command_id
        if self._search:
            self._end_search(self._search[1], result.OUTCOME_REFUSED, result.REASON_SUPERSEDED)
        self._search = wanted

    def live(self):
        """The values of protocols/wire/live/utility_meter.py."""
        slots = self._slots + self._pulse_slots
        counts = [self._counted(slot, one) for slot, one in zip(self._pulse_slots, self._counters)] + [None, None]
        values = [len(slots), self._readings, self._failures, int(self._cover_open), counts[0], counts[1]]
        for slot in slots[:SLOTS]:
            values += self._live_slot(slot)
        return tuple(values + [None] * 7 * (SLOTS - len(slots[:SLOTS])))

    def _live_slot(self, slot):
        quality = slot.flags << 8 | slot.outcome
        if slot.first is None:
            return [slot.number, quality, None, None, None, None, None]
        age_s = (self._clock.monotonic_ms() - slot.read_ms) // 1000
        row = slot.first
        return [slot.number, quality, age_s, row.unit, float(row.raw) * 10**row.exponent, row.exponent, row.raw]

    # The bus.

    async def serve_meters(self, beat):
        """Each meter at its time, one after the other; the pulse counters too."""
        if self._counted_before is None:
            self._counted_before = pulses_before(self._journal, [slot.number for slot in self._pulse_slots])
        while True:
            beat()
            if self._search is not None:
                (last, command_id), self._search = self._search, None
                await self._alone_on_bus(self._find_meters(last, command_id, beat))
            for meter, slot in zip(self._config["meters"], self._slots):
                if self._is_due(slot):
                    await self._alone_on_bus(self._read(meter, slot, beat))
            for pulse, slot, counter in zip(self._config["pulses"], self._pulse_slots, self._counters):
                if self._is_due(slot):
                    self._record_pulses(pulse, slot, counter)
            await asyncio.sleep_ms(LOOK_FOR_WORK_MS)

    async def _alone_on_bus(self, work):
        self._on_bus = True
        try:
            await work
        finally:
            self._on_bus = False

    def _is_due(self, slot):
        """Once at the start, then each whole period of UTC, as soon as that is known: nodes agree on the minute."""
        now_ms = self._clock.monotonic_ms()
        if slot.due_ms > now_ms:
            return False
        period_ms = slot.every_min * 60_000
        told_ms = self._clock.utc_ms()
        slot.due_ms = now_ms + period_ms - (now_ms if told_ms is None else told_ms) % period_ms
        return True

    async def _read(self, meter, slot, beat):
        found = MeterReading(meter.values)
        outcome = reading.OUTCOME_READ
        try:
            await self.ask(meter, found, beat)
        except master.NoAnswer as nobody:
            outcome = reading.OUTCOME_GARBLED if nobody.garbled else reading.OUTCOME_SILENT
        except MalformedFrame:
            outcome = reading.OUTCOME_MALFORMED
        except MeterRefused:
            outcome = reading.OUTCOME_REFUSED
        except EncodeError as wrong:
            outcome = reading.OUTCOME_SILENT
            self._health.say(f"meter {slot.number} cannot be asked: {wrong}")
        if outcome != reading.OUTCOME_READ:
            found.rows = []  # half a reading is none
        repeats = self._protocol == reading.PROTOCOL_MBUS and found.checksum and found.checksum == slot.checksum
        slot.checksum = found.checksum
        self._tell_faults(slot, outcome)
        self._record(slot, self._protocol, outcome, reading.FLAGS_STALE if repeats else 0, found)

    async def ask(self, meter, found, beat):
        """Ask by the bus's protocol; only that one is loaded."""
        if self._protocol == reading.PROTOCOL_MBUS:
            meters = self._mbus()
            found.checksum = await meters.run(master.read(meter.address, found.take_telegram), beat)
        elif self._protocol == reading.PROTOCOL_IEC62056:
            from firmware.nodes.iec62056_meters import Iec62056Meters

            await Iec62056Meters(self._line).read(str(meter.address), found.take_data_set, beat)
        else:
            from firmware.nodes.modbus_meters import ModbusMeters

            meters = ModbusMeters(self._line, self._config["bus"].baud)
            await meters.read(meter.address, meter.function, meter.registers, found.take_register, beat)

    def _mbus(self):
        from firmware.nodes.mbus_meters import MBusMeters

        return MBusMeters(self._line, self._config["bus"].baud)

    def _tell_faults(self, slot, outcome):
        """An event when a meter stops answering, and when it answers again."""
        failed, fails = slot.outcome != reading.OUTCOME_READ, outcome != reading.OUTCOME_READ
        if fails and not failed:
            self._health.peripheral_failed(f"meter {slot.number} gave no reading: {outcome}")
        elif failed and not fails:
            self._health.peripheral_back(f"meter {slot.number} answers")

    def _record(self, slot, protocol, outcome, flags, found):
        """The record of one reading, or several when it has more rows than one holds."""
        if self._clock.quality() in (CLOCK_UNSET, CLOCK_HELD):
            flags |= reading.FLAGS_CLOCK_UNSURE
        slot.outcome, slot.flags = outcome, flags
        if found.rows:
            self._readings += 1
            slot.first, slot.read_ms = meter_rows.parse(found.rows[0])[0], self._clock.monotonic_ms()
        else:
            self._failures += 1
        self._show()
        parts = found.parts()
        for place, rows in enumerate(parts, 1):
            body = reading.Reading(
                slot.number,
                protocol,
                outcome,
                flags | reading.FLAGS_MORE * (place < len(parts)),
                padded(found.identity, 8),
                padded(found.maker, 3),
                found.version,
                found.medium,
                found.access_number,
                found.status,
                rows,
            )
            self._journal.note(reading, body)

    def _show(self):
        fails = any(slot.outcome != reading.OUTCOME_READ for slot in self._slots)
        self._light.set(COVER_OPEN if self._cover_open else METER_FAILS if fails else IN_SERVICE)

    async def _find_meters(self, primary_last, command_id, beat):
        if self._protocol != reading.PROTOCOL_MBUS:
            self._health.say("only M-Bus can be searched")
            self._end_search(command_id, result.OUTCOME_REFUSED, result.REASON_UNKNOWN_COMMAND)
            return
        from firmware.nodes.meter_search import MeterSearch

        ended = result.OUTCOME_FAILED, result.REASON_FAULT
        try:
            await self._mbus().run(MeterSearch(self._journal, primary_last).steps, beat)
            self._health.say("search is over")
            ended = result.OUTCOME_DONE, result.REASON_NONE
        finally:
            self._end_search(command_id, *ended)

    def _end_search(self, command_id, outcome, reason):
        if command_id:
            self._journal.note(result, result.Result(command_id, outcome, reason))

    # Pulses and the cover.

    def _counted(self, slot, counter):
        """With what was counted before this start."""
        return (self._counted_before or {}).get(slot.number, 0) + counter.value()

    def _record_pulses(self, pulse, slot, counter):
        """Pulses while the node was off are lost: the first reading says that it may be too low."""
        found = MeterReading(2)
        found.take_count(pulse, self._counted(slot, counter))
        missed = reading.FLAGS_ESTIMATED if slot.first is None else 0
        self._record(slot, reading.PROTOCOL_PULSE, reading.OUTCOME_READ, missed, found)

    async def watch_cover(self, _beat):
        """A level that two looks in a row do not see is a bounce."""
        self._show()
        last = self._cover_open
        while True:
            seen = self._cover.value() == 1
            if seen == last != self._cover_open:
                self._cover_open = seen
                self._journal.note(tamper, tamper.Tamper(tamper.COVER_OPEN if seen else tamper.COVER_CLOSED))
                self._show()
            last = seen
            await asyncio.sleep_ms(COVER_LOOK_MS)


def create(hal, settings, services):
    """A meter node on the roles of a board."""
    return UtilityMeter(
        settings.config,
        MeterLine(hal.meter_bus()),
        hal.pulse_inputs(),
        hal.cover(),
        RgbLight(*hal.light()),
        services,
    )

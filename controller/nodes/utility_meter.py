"""The meter node seen from the controller: readings, found meters and tampering become events; a search, a message.

Never corrects a reading: raw numbers, exponents and flags are passed on as the node gave them.
Specification: protocols/schema/utility_meter.py; firmware/nodes/utility_meter.py is the other side.
"""

from controller.commands import ScanMeters
from controller.events import CoverChanged, MeterFound, MeterRead, MeterValue
from protocols.wire import meter_rows, text
from protocols.wire.messages import found_meter, reading, scan_meters, tamper
from protocols.wire.meter_units import UNITS
from protocols.wire.record import CLOCK_UNSET, Record


def meter_read(node: bytes, record: Record, m: reading.Reading) -> MeterRead:
    """One reading of one meter, or why there is none. Raises MalformedFrame."""
    return MeterRead(
        node,
        record.seq,
        _at_ms(record),
        record.clock_quality != CLOCK_UNSET,
        m.meter,
        m.protocol,
        m.outcome,
        m.flags,
        text.unpad(m.identity),
        text.unpad(m.maker),
        m.medium,
        m.status,
        tuple(map(_value, meter_rows.parse(m.rows))),
    )


def _value(row: meter_rows.Row) -> MeterValue:
    unit = UNITS[row.unit] if row.unit < len(UNITS) else "?"  # of a newer node
    return MeterValue(row.register, row.function, row.storage, row.tariff, row.device, unit, row.exponent, row.raw)


def meter_found(node: bytes, record: Record, m: found_meter.FoundMeter) -> MeterFound:
    """A search met somebody."""
    return MeterFound(
        node,
        _at_ms(record),
        m.protocol,
        m.address,
        m.collided == found_meter.COLLIDED_YES,
        text.unpad(m.identity),
        text.unpad(m.maker),
        m.version,
        m.medium,
    )


def cover_changed(node: bytes, record: Record, m: tamper.Tamper) -> CoverChanged:
    """Somebody opened or closed it."""
    return CoverChanged(node, _at_ms(record), record.clock_quality != CLOCK_UNSET, m.cover == tamper.COVER_OPEN)


def scan_meters_body(command: ScanMeters) -> bytes:
    """By number, or the primary addresses up to one."""
    return scan_meters.build(scan_meters.ScanMeters(command.primary_last))


def _at_ms(record: Record) -> int:
    at_ms: int = record.time_s * 1000 + record.time_ms
    return at_ms


RECORDS = ((reading, meter_read), (found_meter, meter_found), (tamper, cover_changed))
COMMANDS = ((ScanMeters, scan_meters, scan_meters_body),)

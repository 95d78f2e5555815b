"""What a meter node still knows after a power cut: its pulse counters, as the journal holds them.

Never writes: the readings are the memory, so that there is no second copy to disagree.
Specification: protocols/schema/utility_meter.py; a cut costs the pulses since the last reading: a flag says so.
"""

from protocols.wire import meter_rows, record
from protocols.wire.messages import reading
from protocols.wire.meter_units import UNITS

_LOOK_BACK = (64, 1_024, 16_384)  # records; a reading without a receipt is at most an archive away
_PULSE = UNITS.index("pulse")


def pulses_before(journal, numbers):
    """{number of a pulse meter: its count at the last reading that is on flash}"""
    found = {}
    for back in _LOOK_BACK:
        if len(found) < len(numbers):
            _look(journal, max(1, journal.last_seq - back), numbers, found)
    return found


def _look(journal, first, numbers, found):
    for _, data in journal.records(first):
        if data[0] != reading.KIND:
            continue
        told = reading.parse(record.parse(data)[0].body, newer=True)
        if told.meter in numbers and told.protocol == reading.PROTOCOL_PULSE:
            for row in meter_rows.parse(told.rows):
                if row.unit == _PULSE:
                    found[told.meter] = row.raw

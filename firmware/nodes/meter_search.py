"""A search of the M-Bus: every meter that answers becomes a record, and so does every place where several do.

Never reads a meter's values. Specification: protocols/wire/mbus/master.py; protocols/schema/utility_meter.py.
"""

from firmware.nodes.meter_reading import NOT_TOLD, padded
from protocols.wire.mbus import frame, master
from protocols.wire.messages import found_meter


class MeterSearch:
    """`steps` is what MBusMeters.run() drives; `primary_last` 0 searches by number."""

    def __init__(self, journal, primary_last):
        self._journal = journal
        if primary_last:
            self.steps = master.scan_primary(0, primary_last, self._at_address, self._collided_at_address)
        else:
            self.steps = master.scan(self._by_number, self._collided_number)

    def _at_address(self, address):
        self._note(address, found_meter.COLLIDED_NO, b"")

    def _collided_at_address(self, address):
        self._note(address, found_meter.COLLIDED_YES, b"")

    def _collided_number(self, digits):
        self._note(frame.SECONDARY, found_meter.COLLIDED_YES, digits.encode())

    def _by_number(self, header):
        maker = (header.manufacturer or "").encode()
        medium = header.medium if isinstance(header.medium, int) else NOT_TOLD
        self._note(frame.SECONDARY, found_meter.COLLIDED_NO, header.id.encode(), maker, header.version or 0, medium)

    def _note(self, address, collided, identity, maker=b"", version=0, medium=NOT_TOLD):
        found = found_meter.FoundMeter(
            found_meter.PROTOCOL_MBUS, address, collided, padded(identity, 8), padded(maker, 3), version, medium
        )
        self._journal.note(found_meter, found)

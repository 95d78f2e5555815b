"""The air post seen from the controller: a period's means become an event.

Never judges a value: flags are passed on as the post gave them, and nothing is dropped for them.
Specification: protocols/schema/air_sensor.py; firmware/nodes/air_sensor.py is the other side.
"""

from controller.events import AirMeasured
from protocols.wire import air_rows
from protocols.wire.messages import air_means
from protocols.wire.record import CLOCK_UNSET, Record


def air_measured(node: bytes, record: Record, m: air_means.AirMeans) -> AirMeasured:
    """One period of all channels. Raises MalformedFrame."""
    return AirMeasured(
        node,
        record.seq,
        m.start_s,
        m.minutes * 60,
        record.clock_quality != CLOCK_UNSET,
        m.calibration,
        tuple(air_rows.parse(m.rows, m.minutes * 60)),
    )


RECORDS = ((air_means, air_measured),)
COMMANDS = ()

"""What an air post records: air_means, a minute or twenty minutes of all its channels.

Never holds a value that no second was measured for. Every value is indicative (CEN/TS 17660), none is a reference.
Specification: protocols/README.md; protocols/wire/air_rows.py for the channels, their units and the rows.
"""

from construct import GreedyBytes, Int8ub, Int32ub, Prefixed, Struct

from protocols.schema.message import Message

AIR_MEANS = Message(
    "air_means",
    kind=64,
    version=1,
    direction="up",
    doc="Means over a period of the minute grid; kept before the period's end is a second old.",
    body=Struct(
        "start_s"
        / Int32ub
        * "beginning of the period by the record's own clock: Unix time, or uptime while that is unset",
        "minutes" / Int8ub * "1 or 20: how long the period is; less was measured where a row's count says so",
        "calibration" / Int32ub * "version of the calibration that made the gases; 0: none",
        "rows" / Prefixed(Int8ub, GreedyBytes) * "one a channel, packed as wire/air_rows.py says",
    ),
)

MESSAGES = (AIR_MEANS,)

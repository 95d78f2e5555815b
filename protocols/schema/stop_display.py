"""What a stop display is told and what it proves: show_arrivals; shown_on_glass.

Never holds relative minutes: a row carries the moment of arrival, and the display counts down by itself.
Specification: protocols/README.md; GTFS-Realtime for the meaning of the rows.
"""

from construct import (
    Bytes,
    Enum,
    FlagsEnum,
    GreedyBytes,
    Int8ub,
    Int16ub,
    Int32ub,
    Int64ub,
    Prefixed,
    Struct,
)

from protocols.schema.message import Message

SHOWN_ON_GLASS = Message(
    "shown_on_glass",
    kind=32,
    version=1,
    direction="up",
    doc="The panel shows this picture since the record's time; the result of a show command that succeeded.",
    body=Struct(
        "command_id" / Int64ub * "what made the display show it; 0: the display itself",
        "mode" / Enum(Int8ub, blank=0, starting=1, arrivals=2, no_data=3, fault=4),
        "rows" / Int8ub * "arrivals on the glass",
        "picture_crc" / Int32ub * "CRC-32 of the picture envelope's bits",
        "width" / Int16ub * "pixels",
        "height" / Int16ub * "pixels",
        "brightness" / Int8ub * "0-15",
    ),
)

SHOW_ARRIVALS = Message(
    "show_arrivals",
    kind=160,
    version=1,
    direction="down",
    doc="The next arrivals at the display's stop, soonest first; replaces the board before it.",
    body=Struct(
        "data_s" / Int32ub * "Unix time of the newest position behind these rows; 0: timetable only",
        "rows" / Prefixed(Int16ub, GreedyBytes) * "arrival_row, repeated; at most 8",
    ),
)

ARRIVAL_ROW = Message(
    "arrival_row",
    kind=0,
    version=1,
    direction="row",
    doc="One row of show_arrivals.",
    body=Struct(
        "arrival_s" / Int32ub * "Unix time of the expected arrival",
        "flags" / FlagsEnum(Int8ub, realtime=1, low_floor=2),
        "route" / Bytes(8) * "short name, UTF-8, zero padded",
        "headsign" / Bytes(48) * "destination, UTF-8, zero padded",
    ),
)

MESSAGES = (SHOWN_ON_GLASS, SHOW_ARRIVALS, ARRIVAL_ROW)

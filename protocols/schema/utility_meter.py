"""What a meter node records: readings as the meters gave them, meters it found, tampering; it can be told to search.

Never holds an interval's consumption: a reading is a register, and what was used between two is the controller's.
Specification: protocols/README.md; values in wire/meter_rows.py, units in wire/meter_units.py.
"""

from construct import Bytes, Enum, FlagsEnum, GreedyBytes, Int8ub, Prefixed, Struct

from protocols.schema.message import Message

PROTOCOL = Enum(Int8ub, mbus=1, iec62056=2, modbus=3, pulse=4)

READING = Message(
    "reading",
    kind=48,
    version=1,
    direction="up",
    doc="One meter was asked at its time: what it gave, or why it gave nothing.",
    body=Struct(
        "meter" / Int8ub * "its number in the node's settings",
        "protocol" / PROTOCOL,
        "outcome" / Enum(Int8ub, read=0, silent=1, garbled=2, malformed=3, refused=4),
        "flags"
        / FlagsEnum(Int8ub, stale=1, clock_unsure=2, estimated=4, more=8)
        * "stale: the meter repeats itself; estimated: pulses may be missing; more: the next record goes on",
        "identity" / Bytes(8) * "digits on the meter's label, zero padded",
        "maker" / Bytes(3) * "its manufacturer's letters, zeros: not told",
        "version" / Int8ub * "of the meter",
        "medium" / Int8ub * "EN 13757-3 device type; 255: not told",
        "access_number" / Int8ub * "the meter's count of its answers",
        "status" / Int8ub * "as the meter tells it",
        "rows" / Prefixed(Int8ub, GreedyBytes) * "the values, packed as wire/meter_rows.py says",
    ),
)

FOUND_METER = Message(
    "found_meter",
    kind=49,
    version=1,
    direction="up",
    doc="A search found a meter, or several that answer at once.",
    body=Struct(
        "protocol" / PROTOCOL,
        "address" / Int8ub * "primary; 253: by its number",
        "collided" / Enum(Int8ub, no=0, yes=1) * "several answered; identity holds what they have in common",
        "identity" / Bytes(8) * "as in reading",
        "maker" / Bytes(3),
        "version" / Int8ub,
        "medium" / Int8ub * "255: not told",
    ),
)

TAMPER = Message(
    "tamper",
    kind=50,
    version=1,
    direction="up",
    doc="The cover over meters and node was opened or closed.",
    body=Struct("cover" / Enum(Int8ub, closed=0, open=1)),
)

SCAN_METERS = Message(
    "scan_meters",
    kind=176,
    version=1,
    direction="down",
    doc="Search the bus; every meter becomes a found_meter record.",
    body=Struct("primary_last" / Int8ub * "0: by number; else the last of the primary addresses to ask"),
)

MESSAGES = (READING, FOUND_METER, TAMPER, SCAN_METERS)

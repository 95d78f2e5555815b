"""What a fare validator records and what it is told: tap, cash, position; assign_trip.

Never holds a card number: a card is known by its token, HMAC-SHA256(city key, UID) cut to eight bytes.
Specification: protocols/README.md; ISO/IEC 14443-3 for the media, WGS 84 for positions.
"""

from construct import Bytes, Enum, FlagsEnum, Int8ub, Int16ub, Int32sb, Int32ub, Struct

from protocols.schema.message import Message

TAP = Message(
    "tap",
    kind=16,
    version=1,
    direction="up",
    doc="One presentation of one medium; what carriers are paid by.",
    body=Struct(
        "boot_id" / Int32ub,
        "result" / Enum(Int8ub, accepted=1, repeated=2, denied=3, unreadable=4),
        "medium" / Enum(Int8ub, unknown=0, classic=1, ultralight=2, desfire=3, bank=4, phone=5),
        "flags" / FlagsEnum(Int8ub, id_stable=1, position_known=2),
        "card_token" / Bytes(8) * "HMAC-SHA256(city key, UID)[:8]; zeros for bank media, whose UID is never kept",
        "product" / Int8ub * "0: free ride",
        "benefit_class" / Int8ub * "0: none known to the node",
        "riders" / Int8ub * "persons counted by this tap",
        "decision_ms" / Int16ub * "from the answer of the medium to the green light",
        "vehicle" / Int32ub * "provisioned vehicle number",
        "door" / Int8ub,
        "trip_ref" / Int32ub * "last assign_trip; 0: not assigned",
        "lat_e7" / Int32sb * "degrees x 1e7, WGS 84; 0 unless position_known",
        "lon_e7" / Int32sb * "degrees x 1e7, WGS 84; 0 unless position_known",
        "deny_list_version" / Int32ub * "0: no list loaded",
    ),
)

CASH = Message(
    "cash",
    kind=17,
    version=1,
    direction="up",
    doc="A ride paid in cash, entered by the driver's button.",
    body=Struct(
        "boot_id" / Int32ub,
        "amount_kop" / Int32ub * "kopiykas; 0: a free ride counted by hand",
        "riders" / Int8ub,
        "vehicle" / Int32ub,
        "trip_ref" / Int32ub,
    ),
)

POSITION = Message(
    "position",
    kind=18,
    version=1,
    direction="up",
    doc="Where the vehicle is, from the GNSS receiver.",
    body=Struct(
        "vehicle" / Int32ub,
        "trip_ref" / Int32ub,
        "lat_e7" / Int32sb * "degrees x 1e7, WGS 84",
        "lon_e7" / Int32sb * "degrees x 1e7, WGS 84",
        "speed_cmps" / Int16ub * "cm/s over ground",
        "course_cdeg" / Int16ub * "degrees x 100 from true north",
        "hdop_c" / Int16ub * "HDOP x 100; 65535: unknown",
        "satellites" / Int8ub,
    ),
)

ASSIGN_TRIP = Message(
    "assign_trip",
    kind=144,
    version=1,
    direction="down",
    doc="Tells a vehicle which trip it is on, so that taps and positions carry it.",
    body=Struct(
        "trip_ref" / Int32ub * "the controller's number of this run of this trip; 0: none",
        "route" / Bytes(8) * "short name, UTF-8, zero padded",
    ),
)

MESSAGES = (TAP, CASH, POSITION, ASSIGN_TRIP)

"""The live registers: what a plain SCADA reads of a node. One table, for the device, the host and the printed list.

Never knows how a value comes about: rows say name, type, unit, scale and meaning, and addresses follow from the types.
Specification: protocols/README.md, "Modbus". Words and bytes are big-endian; what is not known reads as SunSpec's "not
implemented" values do.

The rows every kind has stand here; a kind's own are ROWS of protocols/wire/live/<kind>.py, and its app gives their
values in that order by live(): raw integers of the register (value = raw x scale), floats for f32, None: not known.
"""

import struct
from collections import namedtuple

VERSION = 1
KIND_ADDRESS = 0x0020  # a kind's rows begin here; the registers before are the common ones and zeros

# type: (struct code, registers, lowest, highest, what stands for "not known")
TYPES: dict[str, tuple[str, int, float, float, float]] = {
    "u16": ("H", 1, 0, 0xFFFE, 0xFFFF),
    "i16": ("h", 1, -0x7FFF, 0x7FFF, -0x8000),
    "u32": ("I", 2, 0, 0xFFFFFFFE, 0xFFFFFFFF),
    "i32": ("i", 2, -0x7FFFFFFF, 0x7FFFFFFF, -0x80000000),
    "u64": ("Q", 4, 0, 0xFFFFFFFFFFFFFFFE, 0xFFFFFFFFFFFFFFFF),
    "f32": ("f", 2, -3.4028234e38, 3.4028234e38, float("nan")),
}

COMMON = (  # name, type, unit, scale, meaning
    ("snapshot", "u16", "", 1, "number of this set of values; equal before and after: what was read belongs together"),
    ("map_version", "u16", "", 1, "of this list"),
    ("node_kind", "u16", "", 1, "1 fare_validator, 2 stop_display … (protocols/wire/node_kinds.py)"),
    ("boot_id", "u32", "", 1, "one more at every start"),
    ("uptime_s", "u32", "s", 1, "since this start"),
    ("utc_s", "u32", "s", 1, "Unix time"),
    ("clock_quality", "u16", "", 1, "0 not set, 1 held, 2 from receipts, 3 GNSS"),
    ("heap_free", "u32", "byte", 1, "free memory after the last status record"),
    ("journal_depth", "u32", "", 1, "records without a receipt"),
    ("journal_last", "u64", "", 1, "sequence number of the newest record"),
    ("task_restarts", "u16", "", 1, "since this start"),
    ("peripheral_faults", "u16", "", 1, "since this start"),
    ("refused_envelopes", "u16", "", 1, "since this start"),
    ("bus_messages", "u16", "", 1, "requests to this node"),
    ("bus_crc_errors", "u16", "", 1, "frames for this unit that were wrong or not whole"),
    ("bus_exceptions", "u16", "", 1, "answers that were exceptions"),
    ("bus_refused_writes", "u16", "", 1, "writes to what is read-only, or not as it must be"),
)

Register = namedtuple("Register", ("address", "name", "type", "unit", "scale", "meaning"))


def rows_of(kind: str) -> tuple[tuple[str, str, str, float, str], ...]:
    """The rows of one kind; only that module is loaded."""
    module = __import__("protocols.wire.live." + kind, None, None, ("ROWS",))
    rows: tuple[tuple[str, str, str, float, str], ...] = module.ROWS
    return rows


def registers(rows: tuple[tuple[str, str, str, float, str], ...], address: int) -> list[Register]:
    """Rows with their addresses, the first at `address`."""
    found = []
    for name, type_name, unit, scale, meaning in rows:
        found.append(Register(address, name, type_name, unit, scale, meaning))
        address += TYPES[type_name][1]
    return found


def registers_of(kind: str) -> list[Register]:
    """Every live register of a kind of node, common ones first."""
    return registers(COMMON, 0) + registers(rows_of(kind), KIND_ADDRESS)


def pack(rows: tuple[tuple[str, str, str, float, str], ...], values: tuple[float | None, ...]) -> bytes:
    """The registers of `rows`. What is too large or too small for its type reads as the largest or smallest."""
    data = b""
    for (_, type_name, _, _, _), value in zip(rows, values):
        code, _, low, high, unknown = TYPES[type_name]
        data += struct.pack(">" + code, unknown if value is None else max(low, min(high, value)))
    return data


def unpack(rows: tuple[tuple[str, str, str, float, str], ...], data: bytes) -> dict[str, float | None]:
    """{name: value in its unit, None: not known} of the registers that pack() gives."""
    values: dict[str, float | None] = {}
    at = 0
    for name, type_name, _, scale, _ in rows:
        code, words, _, _, unknown = TYPES[type_name]
        (value,) = struct.unpack_from(">" + code, data, at)
        values[name] = None if value == unknown or value != value else value * scale  # a NaN is not itself
        at += 2 * words
    return values

"""The live registers as a list for people: protocols/REGISTERS.md, which generate.py writes and checks.

Never says what the table does not. Specification: protocols/wire/registers.py.
"""

from protocols.wire import registers
from protocols.wire.node_kinds import NODE_KINDS

HEAD = """\
# Live registers of a node, for any Modbus client

Written by `python -m protocols.generate` from `wire/registers.py` and `wire/live/`. Functions 0x03 and 0x04; read-only.
Addresses count from 0 (a tool that counts from 1 adds 1). Big-endian, high word first; value = raw × scale.
Not known: unsigned all ones, signed the lowest number, f32 NaN. What one request reads belongs together; who needs
several compares `snapshot` before and after.
"""
COLUMNS = "| address | name | type | unit | scale | meaning |\n|---|---|---|---|---|---|\n"


def text() -> str:
    """The whole document."""
    parts = [HEAD, _table("every kind", registers.registers(registers.COMMON, 0))]
    for _, kind, _, _ in NODE_KINDS:
        parts.append(_table(kind, registers.registers(registers.rows_of(kind), registers.KIND_ADDRESS)))
    return "\n".join(parts)


def _table(title: str, rows: list[registers.Register]) -> str:
    lines = [
        f"| 0x{row.address:04X} | {row.name} | {row.type} | {row.unit} | {row.scale:g} | {row.meaning} |\n"
        for row in rows
    ]
    return f"## {title}\n\n{COLUMNS}{''.join(lines)}"

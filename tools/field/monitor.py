"""A node in service on a live terminal page: its state and journal as it tells them, its registers, its console.

Never stops the application: the console is only listened to, and the registers are read where a controller would.
Specification: README.md beside this file; protocols/wire/registers.py; firmware/health.py (what a console says).
"""

import json
import logging
import math
import re
import struct
import time
from collections import deque
from dataclasses import dataclass, field

from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ModbusException
from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from protocols.wire import registers
from protocols.wire.node_kinds import NODE_KINDS
from protocols.wire.registers import Register
from tools.errors import DONE, NO
from tools.field.board import listen
from tools.serial_port import PARITIES, open_port
from tools.texts import say

logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # a page stands on the screen

LISTEN_S = 0.25
READ_EACH_S = 2.0
LINES = 16
MOST_REGISTERS = 100
MODBUS_TIMEOUT_S = 0.5
STATED = (
    (re.compile(r"node (?P<node>[0-9a-f]{16}) (?P<kind>\w+) boot (?P<boot>\d+)"), ("node", "kind", "boot")),
    (re.compile(r"journal: last (?P<last>\d+) waiting (?P<waiting>\d+)"), ("last", "waiting")),
    (
        re.compile(r"status: waiting (?P<waiting>\d+) last (?P<last>\d+) heap (?P<heap>\d+)"),
        ("waiting", "last", "heap"),
    ),
)


@dataclass
class Seen:
    """What is known of the node by now."""

    state: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))
    _rest: str = ""

    def hear(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).replace("\r", "").split("\n")
        for line in lines:
            self.lines.append(line)
            for pattern, names in STATED:
                if found := pattern.search(line):
                    self.state |= {name: found[name] for name in names}


@dataclass(frozen=True, slots=True)
class Bus:
    """An RS-485 adapter on the node's bus, "" for none, and how the node is called there."""

    line: str
    unit: int
    baud: int
    parity: str


def run(port: str, bus: Bus, seconds: float | None, *, as_json: bool, language: str) -> int:
    """Until Ctrl-C, or for so long; status 1 when the node has said nothing. Raises UsageError."""
    seen = Seen()
    deadline_s = math.inf if seconds is None else time.monotonic() + seconds
    read_s = 0.0
    page = Live(console=Console(stderr=as_json), screen=seconds is None, transient=as_json)
    with listen(port) as board, page as live:
        try:
            while time.monotonic() < deadline_s:
                seen.hear(board.console(LISTEN_S))
                if bus.line and time.monotonic() - read_s > READ_EACH_S:
                    seen.values = read_registers(bus)
                    read_s = time.monotonic()
                if not as_json:
                    live.update(_page(seen, port, language))
        except KeyboardInterrupt:
            pass
    if as_json:
        print(json.dumps({"state": seen.state, "values": seen.values, "console": list(seen.lines)}, ensure_ascii=False))
    return DONE if seen.lines or seen.values else NO


def read_registers(bus: Bus) -> dict[str, str]:
    """The live registers of a node, read over an adapter on its bus; empty when nobody answers. Raises UsageError."""
    open_port(bus.line, bus.baud, MODBUS_TIMEOUT_S).close()  # it says why when it cannot be had
    parity = PARITIES[bus.parity]
    client = ModbusSerialClient(bus.line, baudrate=bus.baud, parity=parity, timeout=MODBUS_TIMEOUT_S, retries=1)
    try:
        common = registers.registers(registers.COMMON, 0)
        told = _read(client, bus.unit, common)
        kinds = {str(number): kind for number, kind, _, _ in NODE_KINDS}
        if kind := kinds.get(told.get("node_kind", "")):
            told |= _read(client, bus.unit, registers.registers(registers.rows_of(kind), registers.KIND_ADDRESS))
        return told
    except ModbusException:
        return {}
    finally:
        client.close()  # type: ignore[no-untyped-call]


def _read(client: ModbusSerialClient, unit: int, rows: list[Register]) -> dict[str, str]:
    last = rows[-1]
    end = last.address + registers.TYPES[last.type][1]
    words: list[int] = []
    for start in range(rows[0].address, end, MOST_REGISTERS):
        words += client.read_input_registers(start, count=min(MOST_REGISTERS, end - start), device_id=unit).registers
    data = struct.pack(f">{len(words)}H", *words)
    return {row.name: _value(row, data[2 * (row.address - rows[0].address) :]) for row in rows} if words else {}


def _value(row: Register, data: bytes) -> str:
    code, _, _, _, unknown = registers.TYPES[row.type]
    (raw,) = struct.unpack_from(">" + code, data)
    if raw == unknown or raw != raw:  # a NaN is not itself
        return "–"
    return f"{raw * row.scale:g} {row.unit}".strip() if row.scale != 1 else f"{raw} {row.unit}".strip()


def _page(seen: Seen, port: str, language: str) -> Group:
    tables = []
    state = {say(language, f"monitor_state_{name}"): value for name, value in seen.state.items()}
    for title, rows in (("state", state), ("values", seen.values)):
        table = Table(title=say(language, f"monitor_{title}"), show_header=False)
        for name, value in rows.items():
            table.add_row(name, value)
        tables.append(table)
    lines = "\n".join(seen.lines) or say(language, "monitor_silent")
    return Group(Columns(tables), Panel(lines, title=f"{say(language, 'monitor_console')} {port}"))

"""The technician's wiring table of a board and a kind of node, from the table that the device itself runs on.
It must never hold a pin number of its own.
Specification: boards/README.md (roles); boards/<board>/pins.py and board.toml, [header].

    python -m tools.wiring rpi_pico fare_validator
"""

import argparse
import importlib
import sys
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from tools.errors import DONE, WRONG_USE, UsageError
from tools.image_plan import BOARDS

# role -> (the part on the other end, signal -> its terminal there)
PARTS: dict[str, tuple[str, dict[str, str]]] = {
    "reader_bus": ("PN532 card reader, I2C", {"sda": "SDA", "scl": "SCL"}),
    "gnss_uart": ("GNSS receiver", {"tx": "RX", "rx": "TX"}),
    "light": ("RGB light, through a driver", {"red": "R", "green": "G", "blue": "B"}),
    "beeper": ("passive beeper, through a transistor", {"pin": "signal"}),
    "cash_button": ("button to ground", {"pin": "contact"}),
    "panel_bus": ("first MAX7219 of the chain", {"sck": "CLK", "mosi": "DIN", "cs": "LOAD (CS)"}),
    "sensor_bus": ("ADS1115, BME280 and SPS30, I2C", {"sda": "SDA", "scl": "SCL"}),
    "particles_uart": ("PMS5003, or SPS30's serial side", {"tx": "RX", "rx": "TX"}),
    "wind_pulses": ("anemometer contact to ground", {"pin": "contact"}),
    "door": ("door contact to ground, closed while the door is", {"pin": "contact"}),
    "maintenance_switch": ("switch to ground inside the door", {"pin": "contact"}),
    "meter_bus": ("level converter of the meter bus", {"tx": "RX", "rx": "TX"}),
    "pulse_inputs": ("pulse contacts of meters to ground", {"first": "meter 1", "second": "meter 2"}),
    "cover": ("cover contact to ground, closed while the cover is", {"pin": "contact"}),
    "uplink": ("RS-485 transceiver", {"tx": "DI", "rx": "RO", "direction": "DE and /RE"}),
}


def wiring_table(board: str, kind: str) -> str:
    """Markdown: a line a wire. Raises UsageError: no such board, or no such kind on it."""
    facts_path = BOARDS / board / "board.toml"
    if not facts_path.is_file():
        there = sorted(path.parent.name for path in BOARDS.glob("*/board.toml"))
        raise UsageError(f"there is no board {board!r}; there are: {', '.join(there)}")
    facts: dict[str, Any] = tomllib.loads(facts_path.read_text(encoding="utf-8"))
    pins = importlib.import_module(f"boards.{board}.pins")
    if kind not in pins.KINDS:
        raise UsageError(f"the board {board!r} has no kind {kind!r}; it has: {', '.join(sorted(pins.KINDS))}")
    roles: dict[str, Mapping[str, int]] = dict(pins.KINDS[kind])
    if hasattr(pins, "UPLINK"):
        roles["uplink"] = pins.UPLINK
    header: Mapping[str, int] = facts.get("header", {})
    rows = [("role", "GPIO", "header pin", "part", "its terminal")]
    for role, signals in roles.items():
        part, terminals = PARTS[role]
        for signal, terminal in terminals.items():
            gpio = _gpio(signals[signal], getattr(pins, "PORT_PINS", 0))
            rows.append((role, gpio, str(header.get(gpio, "-")), part, terminal))
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join([f"# {kind} on {facts['mcu']}", "", *lines])


def _gpio(number: int, port_pins: int) -> str:
    """As it is called on the board: GP16, or PB0 where pins stand in ports."""
    return f"P{chr(ord('A') + number // port_pins)}{number % port_pins}" if port_pins else f"GP{number}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.wiring", description="Print a wiring table in Markdown.")
    parser.add_argument("board", help="a folder of boards/, for example rpi_pico")
    parser.add_argument("kind", help="a kind of node, for example fare_validator")
    chosen = parser.parse_args(arguments)
    try:
        print(wiring_table(chosen.board, chosen.kind))
    except UsageError as fault:
        print(f"wiring: {fault}", file=sys.stderr)
        return WRONG_USE
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())

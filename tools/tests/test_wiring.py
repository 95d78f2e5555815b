"""The wiring table: every wire of every kind on every board, and nothing else.

It must never hold a pin number of its own.
Specification: boards/README.md (roles).
"""

import importlib

import pytest

from tools import wiring
from tools.errors import WRONG_USE
from tools.image_plan import BOARDS

NAMES = sorted(path.parent.name for path in BOARDS.glob("*/board.toml"))
NO_WIRES = {"uart", "i2c", "spi", "baud", "address", "timer", "channel"}


def number_of(name: str) -> int:
    """GP16 is 16, and so is PB0, where a port has 16 pins."""
    return int(name[2:]) if name.startswith("GP") else (ord(name[1]) - ord("A")) * 16 + int(name[2:])


@pytest.mark.parametrize("board", NAMES)
@pytest.mark.parametrize("kind", ["fare_validator", "stop_display", "air_sensor", "utility_meter"])
def test_every_pin_of_a_kind_stands_in_its_table_with_the_part_it_goes_to(board: str, kind: str) -> None:
    pins = importlib.import_module(f"boards.{board}.pins")
    rows = [line.strip("| ").split(" | ") for line in wiring.wiring_table(board, kind).splitlines()[4:]]
    roles = {**pins.KINDS[kind], **({"uplink": pins.UPLINK} if hasattr(pins, "UPLINK") else {})}
    wires = {(role, pin) for role, own in roles.items() for name, pin in own.items() if name not in NO_WIRES}
    assert {(row[0], number_of(row[1])) for row in rows} == wires
    assert all(len(row) == 5 and row[3] and row[4] for row in rows)


def test_a_technician_counts_the_pins_of_the_header() -> None:
    table = wiring.wiring_table("rpi_pico", "fare_validator")
    assert "| reader_bus | GP4 | 6 | PN532 card reader, I2C | SDA |" in table
    assert "| uplink | GP2 | 4 | RS-485 transceiver | DE and /RE |" in table
    table = wiring.wiring_table("nucleo_f429zi", "air_sensor")
    assert "| light | PB7 | LD2 | RGB light, through a driver | B |" in table


def test_a_board_or_kind_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert wiring.main(["toaster", "fare_validator"]) == WRONG_USE
    assert wiring.main(["rpi_pico", "toaster"]) == WRONG_USE
    assert capsys.readouterr().err.splitlines() == [
        "wiring: there is no board 'toaster'; there are: nucleo_f429zi, rpi_pico, unix",
        "wiring: the board 'rpi_pico' has no kind 'toaster'; it has: "
        "air_sensor, fare_validator, stop_display, utility_meter",
    ]

"""The Raspberry Pi Pico's tables against the chip: what each pin can carry, and what every kind is promised.

It must never know what a role is for.
Specification: RP2040 datasheet, sections 1.4.3 (functions of the pins) and 4.5.2 (PWM); Pico datasheet, section 2.1.
"""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from boards.rpi_pico import pins
from boards.unix import pins as unix_pins

BOARDS = Path(__file__).resolve().parents[1]
FACTS: dict[str, Any] = tomllib.loads((BOARDS / "rpi_pico" / "board.toml").read_text(encoding="utf-8"))
KINDS = sorted(pins.KINDS)

HEADER_PINS = {*range(23), 26, 27, 28}  # 23, 24, 25 and 29 serve the board itself
UART_PINS = {
    ("tx", 0): {0, 12, 16, 28},
    ("rx", 0): {1, 13, 17, 29},
    ("tx", 1): {4, 8, 20, 24},
    ("rx", 1): {5, 9, 21, 25},
}
I2C_PINS = {
    (name, bus): {pin for pin in range(30) if pin % 4 == 2 * bus + place}
    for place, name in enumerate(("sda", "scl"))
    for bus in (0, 1)
}
SPI_PINS = {
    ("miso", 0): {0, 4, 16, 20}, ("sck", 0): {2, 6, 18, 22}, ("mosi", 0): {3, 7, 19, 23},
    ("miso", 1): {8, 12, 24, 28}, ("sck", 1): {10, 14, 26}, ("mosi", 1): {11, 15, 27},
}  # fmt: skip
BUSES = {"uart": UART_PINS, "i2c": I2C_PINS, "spi": SPI_PINS}
NO_PINS = {"uart", "i2c", "spi", "baud", "address"}


def roles(kind: str) -> dict[str, dict[str, int]]:
    """With the uplink, which every kind has."""
    return {**pins.KINDS[kind], "uplink": pins.UPLINK}


def pwm_slice(pin: int) -> int:
    return pin >> 1 & 7


def test_both_boards_have_the_same_roles_for_every_kind() -> None:
    assert {kind: set(own) for kind, own in pins.KINDS.items()} == {
        kind: set(own) for kind, own in unix_pins.KINDS.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_pin_of_a_kind_is_on_the_header_and_has_one_role(kind: str) -> None:
    used = [pin for role in roles(kind).values() for name, pin in role.items() if name not in NO_PINS]
    assert set(used) <= HEADER_PINS
    assert len(used) == len(set(used))


@pytest.mark.parametrize("kind", KINDS)
def test_every_bus_signal_stands_on_a_pin_that_can_carry_it(kind: str) -> None:
    for role_name, role in roles(kind).items():
        for bus, table in BUSES.items():
            if bus in role:
                carried = [name for name in role if (name, role[bus]) in table]
                assert carried, role_name
                assert [name for name in carried if role[name] not in table[name, role[bus]]] == [], role_name


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_needs_no_bus_twice_and_no_third_uart(kind: str) -> None:
    taken = [(bus, role[bus]) for role in roles(kind).values() for bus in BUSES if bus in role]
    assert len(taken) == len(set(taken))
    assert {number for bus, number in taken if bus == "uart"} <= {0, 1}
    assert ("uart", pins.UPLINK["uart"]) in taken


def test_the_beeper_shares_its_frequency_with_no_colour_of_the_light() -> None:
    colours = {pwm_slice(pin) for pin in pins.LIGHT.values()}
    assert pwm_slice(pins.FARE_VALIDATOR["beeper"]["pin"]) not in colours
    channels = [(pwm_slice(pin), pin & 1) for pin in [*pins.LIGHT.values(), pins.FARE_VALIDATOR["beeper"]["pin"]]]
    assert len(channels) == len(set(channels))


def test_a_validator_keeps_a_week_of_taps() -> None:
    assert FACTS["flash"]["fare_validator"]["journal_bytes"] >= 600 * 7 * 96 >= 400_000


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_heap_budget(kind: str) -> None:
    assert FACTS["memory"][kind]["free_in_service_bytes"] >= 48 * 1024

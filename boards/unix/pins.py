"""Role -> pins of the simulated board, a table for each kind of node; numbers follow an RPI_PICO so that lanes compare.
It imports nothing: the device, the emulator and the wiring table read it. It must never know what a role is used for.
Specification: RP2040 datasheet, section 1.4.3 (which pin can carry which bus).
"""

# Roles that every kind has stand on the same pins in each, so that hal.py need not know the kind.
LIGHT = {"red": 10, "green": 11, "blue": 12}

FARE_VALIDATOR = {
    "reader_bus": {"i2c": 0, "sda": 4, "scl": 5, "address": 0x24},
    "gnss_uart": {"uart": 1, "tx": 8, "rx": 9, "baud": 9600},
    "light": LIGHT,
    "beeper": {"pin": 15},
    "cash_button": {"pin": 14},
}

STOP_DISPLAY = {
    "panel_bus": {"spi": 0, "sck": 18, "mosi": 19, "cs": 17, "baud": 10_000_000},
    "light": LIGHT,
}

KINDS = {"fare_validator": FARE_VALIDATOR, "stop_display": STOP_DISPLAY}

"""Role -> pins of the Raspberry Pi Pico, a table for each kind of node.
It imports nothing: the device, the emulator and the wiring table read it. It must never know what a role is used for.
Specification: RP2040 datasheet, section 1.4.3 (which pin can carry which bus) and 4.5.2 (PWM slices).
"""

# Roles that every kind has stand on the same pins in each, so that hal.py need not know the kind.
# GPIO 10 and 11 are both channels of PWM slice 5, 12 is slice 6: three duties, one frequency.
LIGHT = {"red": 10, "green": 11, "blue": 12}

# The beeper changes its frequency, so it has a slice of its own (7); GPIO 13 would change blue's frequency with it.
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

# The bus of the meters is whichever the settings say: M-Bus or RS-485 or an optical head behind the same two pins.
UTILITY_METER = {
    "meter_bus": {"uart": 1, "tx": 8, "rx": 9},
    "pulse_inputs": {"first": 13, "second": 14},
    "cover": {"pin": 15},
    "light": LIGHT,
}

# Converters, thermometer and perhaps the particle sensor share the bus, each at its own address.
AIR_SENSOR = {
    "sensor_bus": {"i2c": 0, "sda": 4, "scl": 5},
    "particles_uart": {"uart": 1, "tx": 8, "rx": 9, "baud": 9600},
    "wind_pulses": {"pin": 13},
    "door": {"pin": 14},
    "maintenance_switch": {"pin": 15},
    "light": LIGHT,
}

KINDS = {
    "fare_validator": FARE_VALIDATOR,
    "stop_display": STOP_DISPLAY,
    "air_sensor": AIR_SENSOR,
    "utility_meter": UTILITY_METER,
}

# The way out of a board without a network: RS-485, the same for every kind. Direction is 1 while the node speaks.
UPLINK = {"uart": 0, "tx": 0, "rx": 1, "direction": 2, "baud": 115_200}

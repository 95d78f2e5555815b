"""Role -> pins of the NUCLEO-F429ZI, a table for each kind of node; PA0 is 0, PB0 is 16, PC0 is 32 and so on.
It imports nothing: the device, the emulator and the wiring table read it. It must never know what a role is used for.
Specification: ST UM1974 (the board's connectors); MicroPython's boards/NUCLEO_F429ZI (the pins of each bus).
"""

PORT_PINS = 16

# Roles that every kind has stand on the same pins in each, so that hal.py need not know the kind.
# The board's own LEDs: LD3, LD1, LD2. They are on or off.
LIGHT = {"red": 30, "green": 16, "blue": 23}

FARE_VALIDATOR = {
    "reader_bus": {"i2c": 1, "sda": 25, "scl": 24, "address": 0x24},
    "gnss_uart": {"uart": 2, "tx": 53, "rx": 54, "baud": 9600},
    "light": LIGHT,
    "beeper": {"pin": 73, "timer": 1, "channel": 1},
    "cash_button": {"pin": 93},
}

STOP_DISPLAY = {
    "panel_bus": {"spi": 1, "sck": 19, "mosi": 21, "cs": 4, "baud": 10_000_000},
    "light": LIGHT,
}

# The bus of the meters is whichever the settings say: M-Bus or RS-485 or an optical head behind the same two pins.
# Each contact has an interrupt line of its own: the last digit of its pin on whatever port.
UTILITY_METER = {
    "meter_bus": {"uart": 2, "tx": 53, "rx": 54},
    "pulse_inputs": {"first": 94, "second": 75},
    "cover": {"pin": 77},
    "light": LIGHT,
}

# Converters, thermometer and perhaps the particle sensor share the bus, each at its own address.
AIR_SENSOR = {
    "sensor_bus": {"i2c": 1, "sda": 25, "scl": 24},
    "particles_uart": {"uart": 2, "tx": 53, "rx": 54, "baud": 9600},
    "wind_pulses": {"pin": 94},
    "door": {"pin": 75},
    "maintenance_switch": {"pin": 77},
    "light": LIGHT,
}

KINDS = {
    "fare_validator": FARE_VALIDATOR,
    "stop_display": STOP_DISPLAY,
    "air_sensor": AIR_SENSOR,
    "utility_meter": UTILITY_METER,
}

# Where there is no network to plug it into: RS-485, the same for every kind. Direction is 1 while the node speaks.
UPLINK = {"uart": 5, "tx": 44, "rx": 50, "direction": 42, "baud": 115_200}

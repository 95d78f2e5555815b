"""Role factories of the simulated board: each gives a `machine` object, ready to use, named by what it is for.
It must never know what a node does with a role, nor that the board is simulated: `machine` is all it sees.
Specification: boards/README.md (the roles); MicroPython's `machine` documentation (what they return).
"""

import board_flash
import machine

from boards.unix import pins
from boards.unix.pulse_counter import PulseCounter

LIGHT_PWM_HZ = 1000


def reader_bus():
    role = pins.FARE_VALIDATOR["reader_bus"]
    return machine.I2C(role["i2c"], scl=machine.Pin(role["scl"]), sda=machine.Pin(role["sda"]), freq=400_000)


def gnss_uart():
    role = pins.FARE_VALIDATOR["gnss_uart"]
    return machine.UART(role["uart"], role["baud"], tx=machine.Pin(role["tx"]), rx=machine.Pin(role["rx"]))


def uplink():
    """(UART, direction): RS-485, half duplex; direction is 1 while the node speaks."""
    role = pins.UPLINK
    direction = machine.Pin(role["direction"], machine.Pin.OUT, value=0)
    uart = machine.UART(role["uart"], role["baud"], tx=machine.Pin(role["tx"]), rx=machine.Pin(role["rx"]))
    return uart, direction


def light():
    """(red, green, blue), each a PWM: duty_u16 0 is dark, 65535 is full."""
    return tuple(
        machine.PWM(machine.Pin(pins.LIGHT[colour]), freq=LIGHT_PWM_HZ, duty_u16=0)
        for colour in ("red", "green", "blue")
    )


def beeper():
    """A PWM: it sounds at freq() while duty_u16 is not 0."""
    return machine.PWM(machine.Pin(pins.FARE_VALIDATOR["beeper"]["pin"]), freq=2000, duty_u16=0)


def cash_button():
    """An input that reads 0 while the button is held: the button closes to ground."""
    return machine.Pin(pins.FARE_VALIDATOR["cash_button"]["pin"], machine.Pin.IN, machine.Pin.PULL_UP)


def panel_bus():
    """(SPI, chip select): the panel takes over what was shifted in when chip select rises."""
    role = pins.STOP_DISPLAY["panel_bus"]
    chip_select = machine.Pin(role["cs"], machine.Pin.OUT, value=1)
    spi = machine.SPI(role["spi"], role["baud"], sck=machine.Pin(role["sck"]), mosi=machine.Pin(role["mosi"]))
    return spi, chip_select


def sensor_bus():
    """100 kHz: the slowest of the sensors takes no more."""
    role = pins.AIR_SENSOR["sensor_bus"]
    return machine.I2C(role["i2c"], scl=machine.Pin(role["scl"]), sda=machine.Pin(role["sda"]), freq=100_000)


def particles_uart():
    role = pins.AIR_SENSOR["particles_uart"]
    return machine.UART(
        role["uart"],
        role["baud"],
        tx=machine.Pin(role["tx"]),
        rx=machine.Pin(role["rx"]),
    )


def wind_pulses():
    """A counter: value() is how often the anemometer's contact has closed to ground since this call."""
    pin = machine.Pin(pins.AIR_SENSOR["wind_pulses"]["pin"], machine.Pin.IN, machine.Pin.PULL_UP)
    return machine.Counter(0, src=pin)  # pyright: ignore[reportAttributeAccessIssue] - our own, unknown to the stubs


def door():
    """An input that reads 0 while the door is shut: its contact closes to ground."""
    return machine.Pin(pins.AIR_SENSOR["door"]["pin"], machine.Pin.IN, machine.Pin.PULL_UP)


def maintenance_switch():
    """An input that reads 0 while the switch inside the door is on."""
    return machine.Pin(pins.AIR_SENSOR["maintenance_switch"]["pin"], machine.Pin.IN, machine.Pin.PULL_UP)


def meter_bus():
    """Its speed and framing are set by who speaks on it."""
    role = pins.UTILITY_METER["meter_bus"]
    return machine.UART(role["uart"], tx=machine.Pin(role["tx"]), rx=machine.Pin(role["rx"]))


def pulse_inputs():
    """(first, second): counters of how often a meter's pulse contact has closed to ground since this call."""
    role = pins.UTILITY_METER["pulse_inputs"]
    inputs = [machine.Pin(role[name], machine.Pin.IN, machine.Pin.PULL_UP) for name in ("first", "second")]
    return tuple(PulseCounter(number, src=pin) for number, pin in enumerate(inputs))


def cover():
    """An input that reads 0 while the cover is closed."""
    return machine.Pin(pins.UTILITY_METER["cover"]["pin"], machine.Pin.IN, machine.Pin.PULL_UP)


def journal_flash():
    """The journal's raw partition, with rp2.Flash's extended block protocol."""
    return board_flash.Flash()


def documents_flash():
    """The documents' raw partition, like the journal's."""
    return board_flash.Flash(1)


def settings_path():
    return "settings.json"


def watchdog(timeout_ms):
    return machine.WDT(timeout=timeout_ms)


def hold_watchdog():
    """For someone at the REPL: it bites no more until the application starts it anew."""
    machine.hold_watchdog()  # pyright: ignore[reportAttributeAccessIssue] - our own, unknown to the stubs


def reset():
    machine.reset()


def reset_cause():
    return machine.reset_cause()

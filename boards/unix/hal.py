"""Role factories of the simulated board: each gives a `machine` object, ready to use, named by what it is for.
It must never know what a node does with a role, nor that the board is simulated: `machine` is all it sees.
Specification: boards/README.md (the roles); MicroPython's `machine` documentation (what they return).
"""

import board_flash
import machine

from boards.unix import pins

LIGHT_PWM_HZ = 1000


def reader_bus():
    role = pins.FARE_VALIDATOR["reader_bus"]
    return machine.I2C(role["i2c"], scl=machine.Pin(role["scl"]), sda=machine.Pin(role["sda"]), freq=400_000)


def gnss_uart():
    role = pins.FARE_VALIDATOR["gnss_uart"]
    return machine.UART(role["uart"], role["baud"], tx=machine.Pin(role["tx"]), rx=machine.Pin(role["rx"]))


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


def journal_flash():
    """The journal's raw partition, with rp2.Flash's extended block protocol."""
    return board_flash.Flash()


def settings_path():
    return "settings.json"


def watchdog(timeout_ms):
    return machine.WDT(timeout=timeout_ms)


def reset():
    machine.reset()


def reset_cause():
    return machine.reset_cause()

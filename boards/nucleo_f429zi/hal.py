"""Role factories of the NUCLEO-F429ZI: each gives a `machine` object, ready to use, named by what it is for.
It must never know what a node does with a role, nor whether the silicon is emulated.
Specification: boards/README.md (the roles); MicroPython's `machine`, `network` and `pyb` documentation. A bus stands on
the pins that MicroPython's boards/NUCLEO_F429ZI gives it: this port takes no others.
"""

import machine
import network  # pyright: ignore[reportMissingImports]
import pyb  # pyright: ignore[reportMissingImports]

from boards.nucleo_f429zi import flash_map, pins
from boards.nucleo_f429zi.cached_flash import CachedFlash
from boards.nucleo_f429zi.timer_pwm import TimerPwm
from boards.rpi_pico.pulse_counter import PulseCounter

GNSS_BUFFER_BYTES = 1024
PARTICLES_BUFFER_BYTES = 256
METER_BUFFER_BYTES = 512  # more than a telegram: what decodes one may take its time
UPLINK_BUFFER_BYTES = 512
POWER_ON, ASKED_FOR, WATCHDOG = 1, 2, 3  # boards/README.md, reset_cause()
WATCHDOG_KEY = 0x4000_3000  # RM0090, section 21.4.1: what is written here feeds it
WATCHDOG_FEED = 0xAAAA
FEED_MS = 500


def network_port():
    """The Ethernet socket, up and asking for an address; None if no cable is in it, until the next start."""
    port = network.LAN()
    try:
        port.active(True)
    except OSError:
        return None
    return port


def reader_bus():
    return machine.I2C(pins.FARE_VALIDATOR["reader_bus"]["i2c"], freq=400_000)


def gnss_uart():
    role = pins.FARE_VALIDATOR["gnss_uart"]
    return machine.UART(role["uart"], role["baud"], rxbuf=GNSS_BUFFER_BYTES)


def uplink():
    """(UART, direction): RS-485, half duplex; direction is 1 while the node speaks."""
    role = pins.UPLINK
    direction = machine.Pin(_name(role["direction"]), machine.Pin.OUT, value=0)
    return machine.UART(role["uart"], role["baud"], rxbuf=UPLINK_BUFFER_BYTES), direction


def light():
    """(red, green, blue), each a Pin: a channel is on or off."""
    return tuple(
        machine.Pin(_name(pins.LIGHT[colour]), machine.Pin.OUT, value=0) for colour in ("red", "green", "blue")
    )


def beeper():
    """Like a PWM: it sounds at freq() while duty_u16 is not 0."""
    role = pins.FARE_VALIDATOR["beeper"]
    return TimerPwm(role["timer"], role["channel"], machine.Pin(_name(role["pin"])), 2000)


def cash_button():
    """An input that reads 0 while the button is held: the button closes to ground."""
    return _contact(pins.FARE_VALIDATOR["cash_button"]["pin"])


def panel_bus():
    """(SPI, chip select): the panel takes over what was shifted in when chip select rises."""
    role = pins.STOP_DISPLAY["panel_bus"]
    chip_select = machine.Pin(_name(role["cs"]), machine.Pin.OUT, value=1)
    return machine.SPI(role["spi"], role["baud"]), chip_select


def sensor_bus():
    """100 kHz: the slowest of the sensors takes no more."""
    return machine.I2C(pins.AIR_SENSOR["sensor_bus"]["i2c"], freq=100_000)


def particles_uart():
    role = pins.AIR_SENSOR["particles_uart"]
    return machine.UART(role["uart"], role["baud"], rxbuf=PARTICLES_BUFFER_BYTES)


def wind_pulses():
    """A counter: value() is how often the anemometer's contact has closed to ground since this call."""
    return PulseCounter(_contact(pins.AIR_SENSOR["wind_pulses"]["pin"]))


def door():
    """An input that reads 0 while the door is shut: its contact closes to ground."""
    return _contact(pins.AIR_SENSOR["door"]["pin"])


def maintenance_switch():
    """An input that reads 0 while the switch inside the door is on."""
    return _contact(pins.AIR_SENSOR["maintenance_switch"]["pin"])


def meter_bus():
    """Its speed and framing are set by who speaks on it."""
    return machine.UART(pins.UTILITY_METER["meter_bus"]["uart"], 2400, rxbuf=METER_BUFFER_BYTES)


def pulse_inputs():
    """(first, second): counters of how often a meter's pulse contact has closed to ground since this call."""
    role = pins.UTILITY_METER["pulse_inputs"]
    return tuple(PulseCounter(_contact(role[name])) for name in ("first", "second"))


def cover():
    """An input that reads 0 while the cover is closed."""
    return _contact(pins.UTILITY_METER["cover"]["pin"])


def journal_flash():
    """The journal's partition; see cached_flash.py for what a cut of the power costs."""
    storage = pyb.Flash(start=flash_map.JOURNAL_START, len=flash_map.JOURNAL_BYTES)
    return CachedFlash(storage, flash_map.JOURNAL_BYTES)


def documents_flash():
    """The documents' partition, like the journal's."""
    storage = pyb.Flash(start=flash_map.DOCUMENTS_START, len=flash_map.DOCUMENTS_BYTES)
    return CachedFlash(storage, flash_map.DOCUMENTS_BYTES)


def settings_path():
    return "/settings.json"


def watchdog(timeout_ms):
    return machine.WDT(timeout=timeout_ms)


def hold_watchdog():
    """For someone at the REPL: nothing stops this chip's watchdog, so a timer feeds it until the next reset."""
    machine.Timer(-1, period=FEED_MS, callback=_feed_watchdog)


def reset():
    machine.reset()


def reset_cause():
    if machine.reset_cause() == machine.WDT_RESET:
        return WATCHDOG
    return POWER_ON if machine.reset_cause() == machine.PWRON_RESET else ASKED_FOR


def _contact(number):
    return machine.Pin(_name(number), machine.Pin.IN, machine.Pin.PULL_UP)


def _name(number):
    """As this port calls a pin of pins.py: 16 is B0."""
    port, pin = divmod(number, pins.PORT_PINS)
    return "ABCDEFGHIJK"[port] + str(pin)


def _feed_watchdog(_timer):
    machine.mem32[WATCHDOG_KEY] = WATCHDOG_FEED

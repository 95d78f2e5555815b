"""Role factories of the Raspberry Pi Pico: each gives a `machine` object, ready to use, named by what it is for.
It must never know what a node does with a role, nor whether the silicon is emulated.
Specification: boards/README.md (the roles); MicroPython's `machine` and `rp2` documentation (what they return).
"""

import machine
import rp2

from boards.rpi_pico import flash_map, pins
from boards.rpi_pico.pulse_counter import PulseCounter

LIGHT_PWM_HZ = 1000

# While flash is erased interrupts are off and bytes wait in the chip's own 32-byte FIFO; between two erases the
# firmware may take its time, and these buffers hold what arrives meanwhile.
GNSS_BUFFER_BYTES = 1024
PARTICLES_BUFFER_BYTES = 256
METER_BUFFER_BYTES = 512  # more than a telegram: what decodes one may take its time
UPLINK_BUFFER_BYTES = 512

WATCHDOG_REASON = 0x40058008  # RP2040 datasheet, section 4.7.6: bit 0 the timer ran out, bit 1 a reset was forced
REASON_FORCED = 2
WATCHDOG_CTRL = 0x40058000
WATCHDOG_ENABLE = 1 << 30
ALIAS_CLEAR = 0x3000  # section 2.1.2: what is written here is cleared
POWER_ON, ASKED_FOR, WATCHDOG = 1, 2, 3  # boards/README.md, reset_cause()


def reader_bus():
    role = pins.FARE_VALIDATOR["reader_bus"]
    return machine.I2C(role["i2c"], scl=machine.Pin(role["scl"]), sda=machine.Pin(role["sda"]), freq=400_000)


def gnss_uart():
    role = pins.FARE_VALIDATOR["gnss_uart"]
    return machine.UART(
        role["uart"],
        role["baud"],
        tx=machine.Pin(role["tx"]),
        rx=machine.Pin(role["rx"]),
        rxbuf=GNSS_BUFFER_BYTES,
    )


def uplink():
    """(UART, direction): RS-485, half duplex; direction is 1 while the node speaks."""
    role = pins.UPLINK
    direction = machine.Pin(role["direction"], machine.Pin.OUT, value=0)
    uart = machine.UART(
        role["uart"],
        role["baud"],
        tx=machine.Pin(role["tx"]),
        rx=machine.Pin(role["rx"]),
        rxbuf=UPLINK_BUFFER_BYTES,
        txbuf=UPLINK_BUFFER_BYTES,
    )
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
    spi = machine.SPI(
        role["spi"],
        role["baud"],
        sck=machine.Pin(role["sck"]),
        mosi=machine.Pin(role["mosi"]),
        miso=None,  # nothing to hear; left out, MicroPython would take GPIO 16
    )
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
        rxbuf=PARTICLES_BUFFER_BYTES,
    )


def wind_pulses():
    """A counter: value() is how often the anemometer's contact has closed to ground since this call."""
    pin = machine.Pin(pins.AIR_SENSOR["wind_pulses"]["pin"], machine.Pin.IN, machine.Pin.PULL_UP)
    return PulseCounter(pin)


def door():
    """An input that reads 0 while the door is shut: its contact closes to ground."""
    return machine.Pin(pins.AIR_SENSOR["door"]["pin"], machine.Pin.IN, machine.Pin.PULL_UP)


def maintenance_switch():
    """An input that reads 0 while the switch inside the door is on."""
    return machine.Pin(pins.AIR_SENSOR["maintenance_switch"]["pin"], machine.Pin.IN, machine.Pin.PULL_UP)


def meter_bus():
    """Its speed and framing are set by who speaks on it."""
    role = pins.UTILITY_METER["meter_bus"]
    return machine.UART(
        role["uart"],
        tx=machine.Pin(role["tx"]),
        rx=machine.Pin(role["rx"]),
        rxbuf=METER_BUFFER_BYTES,
    )


def pulse_inputs():
    """(first, second): counters of how often a meter's pulse contact has closed to ground since this call."""
    role = pins.UTILITY_METER["pulse_inputs"]
    inputs = [machine.Pin(role[name], machine.Pin.IN, machine.Pin.PULL_UP) for name in ("first", "second")]
    return tuple(PulseCounter(pin) for pin in inputs)


def cover():
    """An input that reads 0 while the cover is closed."""
    return machine.Pin(pins.UTILITY_METER["cover"]["pin"], machine.Pin.IN, machine.Pin.PULL_UP)


def journal_flash():
    """The journal's raw partition; besides rp2.Flash's protocol it is a buffer: memoryview() reads without a copy."""
    return rp2.Flash(start=flash_map.JOURNAL_START, len=flash_map.JOURNAL_BYTES)


def documents_flash():
    """The documents' raw partition, like the journal's."""
    return rp2.Flash(start=flash_map.DOCUMENTS_START, len=flash_map.DOCUMENTS_BYTES)


def settings_path():
    return "/settings.json"


def watchdog(timeout_ms):
    return machine.WDT(timeout=timeout_ms)


def hold_watchdog():
    """For someone at the REPL: it bites no more until the application starts it anew."""
    machine.mem32[WATCHDOG_CTRL + ALIAS_CLEAR] = WATCHDOG_ENABLE


def reset():
    machine.reset()


def reset_cause():
    """The chip resets itself through its watchdog either way; `machine` does not tell the two apart."""
    if machine.reset_cause() != machine.WDT_RESET:
        return POWER_ON
    return ASKED_FOR if machine.mem32[WATCHDOG_REASON] & REASON_FORCED else WATCHDOG

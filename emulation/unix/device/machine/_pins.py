"""`machine.Pin`, `machine.PWM` and `machine.Counter` on the emulator's pins.
It must never know what hangs on a pin.
Specification: MicroPython's documentation of the three. Not here: interrupts (an input is read when asked for).
"""

import struct

import bus_frames
import bus_link

_level = bytearray(2)
_pulses = bytearray(5)


class Pin:
    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    PULL_UP = 1
    PULL_DOWN = 2

    def __init__(self, id, mode=-1, pull=-1, value=None):
        self.id = id
        self._out = None
        self.init(mode, pull, value)

    def init(self, mode=-1, pull=-1, value=None):
        self._mode = mode
        if mode == Pin.OUT:
            self._drive(1 if value else 0)

    def value(self, level=None):
        if level is not None:
            return self._drive(1 if level else 0)
        if self._mode == Pin.OUT:
            return self._out
        bus_link.ask(bus_frames.PIN_READ, self.id, b"", _level)
        return _level[1]

    __call__ = value

    def on(self):
        self._drive(1)

    def off(self):
        self._drive(0)

    high = on
    low = off

    def toggle(self):
        self._drive(0 if self._out else 1)

    def _drive(self, level):
        self._out = level
        bus_link.post(bus_frames.PIN_WRITE, self.id, b"\x01" if level else b"\x00")


class PWM:
    def __init__(self, pin, freq=None, duty_u16=None, duty_ns=None):
        self._pin = pin.id if isinstance(pin, Pin) else pin
        self._freq = 0
        self._duty = 0
        self.init(freq, duty_u16, duty_ns)

    def init(self, freq=None, duty_u16=None, duty_ns=None):
        if freq is not None:
            self._freq = freq
        if duty_ns is not None:
            duty_u16 = duty_ns * self._freq * 65535 // 1000000000
        if duty_u16 is not None:
            self._duty = min(max(duty_u16, 0), 65535)
        self._drive()

    def freq(self, value=None):
        if value is None:
            return self._freq
        self._freq = value
        return self._drive()

    def duty_u16(self, value=None):
        if value is None:
            return self._duty
        self._duty = min(max(value, 0), 65535)
        return self._drive()

    def deinit(self):
        self._duty = 0
        self._drive()

    def _drive(self):
        bus_link.post(bus_frames.PWM, self._pin, struct.pack("<IH", self._freq, self._duty))


class Counter:
    """Counts falling edges from where it was made on."""

    FALLING = 2

    def __init__(self, id, src=None, *, edge=FALLING):
        self._pin = src.id
        self._from = 0
        self._from = self.value()

    def value(self):
        bus_link.ask(bus_frames.PULSES, self._pin, b"", _pulses)
        return struct.unpack_from("<I", _pulses, 1)[0] - self._from

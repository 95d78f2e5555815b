"""A timer's channel as much of a machine.PWM as a beeper needs, which this port has not.
It must never know what sounds.
Specification: MicroPython's `machine.PWM`; its `pyb.Timer`, whose pulses are counted in its own ticks.
"""

import pyb  # pyright: ignore[reportMissingImports]

FULL_DUTY = 65_535


class TimerPwm:
    def __init__(self, timer, channel, pin, freq):
        self._timer = pyb.Timer(timer, freq=freq)
        self._channel = self._timer.channel(channel, pyb.Timer.PWM, pin=pin, pulse_width=0)

    def freq(self, hz):
        """Silent until the next duty_u16: the ticks of a pulse are others now."""
        self._channel.pulse_width(0)
        self._timer.freq(hz)

    def duty_u16(self, duty):
        self._channel.pulse_width((self._timer.period() + 1) * duty // FULL_DUTY)

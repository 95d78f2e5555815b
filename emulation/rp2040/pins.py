"""The chip's pins and what hangs on them: light and beeper on PWM, chip select as an output, buttons as inputs.
It must never know a colour or what a button is for. PWM is read from its registers, not from edges: a light at 1 kHz
would cost thousands of events a second that nobody sees.
Specification: RP2040 datasheet, sections 2.19 (GPIO) and 4.5 (PWM); emulation/peripherals/wiring.py.
"""

from collections.abc import Callable, Mapping

from rp2040py.gpio_pin import GPIOPinState
from rp2040py.peripherals.io import RPIO
from rp2040py.peripherals.pwm import CSR_EN, CSR_PH_CORRECT, RPPWM
from rp2040py.rp2040 import RP2040

FUNCTION_PWM = 4
FULL_DUTY = 65_535
SLICES = 8
# What a pin tells the chip on the other end; an input without pull drives nothing and keeps the level that was there.
LEVELS = {GPIOPinState.HIGH: 1, GPIOPinState.LOW: 0, GPIOPinState.INPUT_PULL_UP: 1}


class RegisterPwm(RPPWM):
    """PWM without counting: nobody reads the counter, and its edges are not made."""

    def __init__(self, rp2040: RP2040, name: str) -> None:
        super().__init__(rp2040, name)
        self.on_write: Callable[[], None] = lambda: None
        for channel in self.channels:
            for alarm in (channel.alarm_a, channel.alarm_b, channel.alarm_bottom):
                alarm.enable = False

    def write_uint32(self, offset: int, value: int) -> None:
        super().write_uint32(offset, value)
        self.on_write()

    def drive_of(self, pin: int) -> tuple[int, int]:
        """(frequency in Hz, duty of 65535) on that pin; (0, 0) while its slice is off."""
        channel = self.channels[pin // 2 % SLICES]
        divider = (channel.div or 1 << 4) / 16
        if not channel.csr & CSR_EN:
            return 0, 0
        period = (channel.top + 1) * (2 if channel.csr & CSR_PH_CORRECT else 1)
        compare = channel.cc >> 16 if pin % 2 else channel.cc & 0xFFFF
        frequency_hz = round(self.clock_freq / divider / period)
        return frequency_hz, min(FULL_DUTY, compare * FULL_DUTY // (channel.top + 1))


class WatchedPins(RPIO):
    """IO_BANK0 that tells when a pin was given another function."""

    on_write: Callable[[], None] | None = None

    def write_uint32(self, offset: int, value: int) -> None:
        super().write_uint32(offset, value)
        if self.on_write is not None:
            self.on_write()


class Pins:
    def __init__(
        self,
        rp2040: RP2040,
        bank: WatchedPins,
        pwm: RegisterPwm,
        outputs: Mapping[int, Callable[[int], None]],
        inputs: Mapping[int, Callable[[], int]],
        pwms: Mapping[int, Callable[[int, int], None]],
    ) -> None:
        self._rp2040 = rp2040
        self._pwm = pwm
        self._inputs = inputs
        self._pwms = pwms
        self._driven: dict[int, tuple[int, int]] = dict.fromkeys(pwms, (0, 0))
        self._levels: dict[int, int] = {}
        bank.on_write = self._pwm_changed
        pwm.on_write = self._pwm_changed
        for pin, output in outputs.items():
            rp2040.gpio[pin].add_listener(_listener(output))
        self.refresh_inputs()

    def refresh_inputs(self) -> None:
        """Someone may have pressed or let go: called after everything that a person or a peripheral did."""
        for pin, level_of in self._inputs.items():
            level = level_of()
            if self._levels.get(pin) != level:
                self._levels[pin] = level
                self._rp2040.gpio[pin].set_input_value(bool(level))

    def reset(self) -> None:
        """The chip let its pins go; who was driven hears of it from the wiring."""
        self._driven = dict.fromkeys(self._pwms, (0, 0))

    def _pwm_changed(self) -> None:
        for pin, drive in self._pwms.items():
            on_pwm = self._rp2040.gpio[pin].function_select == FUNCTION_PWM
            driven = self._pwm.drive_of(pin) if on_pwm else (0, 0)
            if driven != self._driven[pin]:
                self._driven[pin] = driven
                drive(*driven)


def _listener(output: Callable[[int], None]) -> Callable[[GPIOPinState, GPIOPinState], None]:
    def changed(now: GPIOPinState, _before: GPIOPinState) -> None:
        level = LEVELS.get(now)
        if level is not None:
            output(level)

    return changed

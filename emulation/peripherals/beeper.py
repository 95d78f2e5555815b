"""A passive beeper on one PWM channel: it keeps what was heard, how high and for how long.
It must never know which pin drives it nor what a beep means.
Specification: none beyond the PWM: it sounds at the channel's frequency while the duty is not 0.
"""

from collections import deque
from dataclasses import dataclass

from emulation.peripherals.ports import Clock

HISTORY = 1000


@dataclass(frozen=True)
class Beep:
    started_us: int
    frequency_hz: int
    duration_us: int


class Beeper:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._frequency_hz = 0
        self._started_us = 0
        self.beeps: deque[Beep] = deque(maxlen=HISTORY)

    @property
    def sounding(self) -> bool:
        return self._frequency_hz > 0

    def power(self, on: bool) -> None:
        if not on:
            self.release()

    def release(self) -> None:
        self.drive(0, 0)

    def drive(self, frequency_hz: int, duty: int) -> None:
        heard_hz = frequency_hz if duty else 0
        if heard_hz == self._frequency_hz:
            return
        now_us = self._clock.now_us()
        if self._frequency_hz:
            self.beeps.append(Beep(self._started_us, self._frequency_hz, now_us - self._started_us))
        self._frequency_hz = heard_hz
        self._started_us = now_us

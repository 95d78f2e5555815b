"""A light of three colours, driven by three PWM channels, told in the words a person would use for what it shows.
It must never know which pins drive it nor what a colour means.
Specification: none beyond the eye: what lasts less than SETTLE_US is not seen.
"""

from collections import deque
from collections.abc import Callable

from emulation.peripherals.ports import Alarm, Clock

FULL_DUTY = 65_535
VISIBLE_DUTY = FULL_DUTY // 50  # 2 %: a dimmed light is still a colour
SETTLE_US = 5_000  # three channels are set one after the other; the colours between are not seen
HISTORY = 1000

COLOURS = {
    (False, False, False): "off",
    (True, False, False): "red",
    (False, True, False): "green",
    (False, False, True): "blue",
    (True, True, False): "amber",
    (True, False, True): "magenta",
    (False, True, True): "cyan",
    (True, True, True): "white",
}
CHANNELS = ("red", "green", "blue")


class RgbLight:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lit = [False, False, False]
        self._changed_us = 0
        self._settling: Alarm | None = None
        self.colour = "off"
        self.history: deque[tuple[int, str]] = deque(maxlen=HISTORY)  # (clock us, colour)
        self.on_change: Callable[[int, str], None] = lambda _at_us, _colour: None

    def power(self, on: bool) -> None:
        if not on:
            self.release()

    def release(self) -> None:
        """The pins drive nothing any more: the light goes out at once."""
        self._lit = [False, False, False]
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        self._changed_us = self._clock.now_us()
        self._settle()

    def drive(self, channel: str, duty: int) -> None:
        index = CHANNELS.index(channel)
        lit = duty >= VISIBLE_DUTY
        if lit == self._lit[index]:
            return
        self._lit[index] = lit
        self._changed_us = self._clock.now_us()  # a colour stands from its last channel's change on
        if self._settling is None:
            self._settling = self._clock.call_at(self._changed_us + SETTLE_US, self._settle)

    def _settle(self) -> None:
        self._settling = None
        colour = COLOURS[self._lit[0], self._lit[1], self._lit[2]]
        if colour == self.colour:
            return
        self.colour = colour
        self.history.append((self._changed_us, colour))
        self.on_change(self._changed_us, colour)

"""A cup anemometer that closes a contact once a turn, and a vane whose potentiometer turns with it.
It must never know who counts the turns.
Specification: Davis 6410: V in miles an hour is P x 2.25 / T, so that a pulse is 1.00584 m of wind; the vane's
potentiometer gives its whole supply in one turn from north.
"""

from emulation.peripherals.ports import Clock
from emulation.peripherals.weather import Weather

METRES_A_PULSE = 1.00584
VANE_SUPPLY_UV = 3_300_000


CALM_LOOK_US = 1_000_000


class WindSensors:
    """The wind is asked for whenever the pulses are: between two questions it is taken as steady.

    A board that counts by itself asks for pulses(); one that watches the contact for level(), which then keeps an alarm
    running, so that the lane looks again at every change.
    """

    def __init__(self, clock: Clock, weather: Weather) -> None:
        self._clock = clock
        self._weather = weather
        self._asked_us = clock.now_us()
        self._way_m = 0.0
        self._next_look_us = 0

    def pulses(self) -> int:
        """Since the beginning."""
        return int(self._turns())

    def level(self) -> int:
        """Of the contact: 0 while it is closed, the first half of each turn."""
        halves = int(2 * self._turns())
        now_us = self._clock.now_us()
        if now_us >= self._next_look_us:
            wait_us = CALM_LOOK_US
            if self._weather.wind_mps > 0:
                left_m = (halves + 1) * METRES_A_PULSE / 2 - self._way_m
                wait_us = min(wait_us, int(left_m / self._weather.wind_mps * 1e6) + 1)
            self._next_look_us = now_us + wait_us
            self._clock.call_at(self._next_look_us, lambda: None)
        return halves % 2

    def _turns(self) -> float:
        now_us = self._clock.now_us()
        self._way_m += self._weather.wind_mps * (now_us - self._asked_us) / 1e6
        self._asked_us = now_us
        return self._way_m / METRES_A_PULSE

    def vane_uv(self) -> float:
        return self._weather.wind_from_deg % 360 / 360 * VANE_SUPPLY_UV

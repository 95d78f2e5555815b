"""A push button that closes its input to ground: the level is 1 at rest and 0 while it is held.
It must never know which input reads it nor what a press means.
Specification: none; its contacts do not bounce, a driver's debounce is tested with `hold` and `let_go` in quick turn.
"""

from emulation.peripherals.ports import Alarm, Clock

PRESS_US = 150_000  # a short press by a person


class Button:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held = False
        self._letting_go: Alarm | None = None

    def level(self) -> int:
        return 0 if self._held else 1

    def hold(self) -> None:
        self._held = True

    def let_go(self) -> None:
        self._held = False

    def press(self, held_us: int = PRESS_US) -> None:
        if self._letting_go is not None:
            self._letting_go.cancel()
        self.hold()
        self._letting_go = self._clock.call_at(self._clock.now_us() + held_us, self.let_go)

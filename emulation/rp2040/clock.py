"""The lane's clock: emulated microseconds since the node was launched, through every power cut, and its alarms.
It must never read the machine's clock: time moves when the chip executes or when someone lets it pass.
Specification: emulation/peripherals/ports.py (Clock).
"""

from collections.abc import Callable

from rp2040py.clock.clock import IAlarm, IClock

from emulation.peripherals.clock import AlarmQueue, PendingAlarm

NS_A_US = 1000
LAUNCH_UTC_US = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC: the same at every launch, so that runs repeat


class LaneClock:
    """While the chip has power its clock is the source; without power `advance` moves time."""

    def __init__(self, utc_us: int = LAUNCH_UTC_US) -> None:
        self._alarms = AlarmQueue()
        self._utc_at_launch_us = utc_us
        self._passed_us = 0  # up to the last power-on, or in all while there is no power
        self._chip: IClock | None = None
        self._next: IAlarm | None = None
        self.after_alarm: Callable[[], None] = lambda: None  # a peripheral may have changed a level

    def now_us(self) -> int:
        return self._passed_us + (0 if self._chip is None else int(self._chip.nanos) // NS_A_US)

    def utc_us(self) -> int:
        return self._utc_at_launch_us + self.now_us()

    def set_utc(self, utc_us: int) -> None:
        """What a satellite tells from now on; a lane paced by real time sets the real one."""
        self._utc_at_launch_us = utc_us - self.now_us()

    def call_at(self, at_us: int, action: Callable[[], None]) -> PendingAlarm:
        alarm = self._alarms.add(max(at_us, self.now_us()), action)
        self._arm()
        return alarm

    def attach(self, chip: IClock) -> None:
        """A chip was switched on: its clock begins at zero."""
        self._passed_us = self.now_us()
        self._chip = chip
        self._next = chip.create_alarm(self._due)
        self._arm()

    def detach(self) -> None:
        if self._next is not None:
            self._next.cancel()
        self._passed_us, self._chip, self._next = self.now_us(), None, None

    def advance(self, us: int) -> None:
        """Time without a chip."""
        end_us = self._passed_us + us
        while self._chip is None and (due_us := self._alarms.next_us()) is not None and due_us <= end_us:
            self._passed_us = max(self._passed_us, due_us)
            self._alarms.run_due(due_us)
        self._passed_us = max(self._passed_us, end_us)

    def _due(self) -> None:
        self._alarms.run_due(self.now_us())
        self._arm()
        self.after_alarm()

    def _arm(self) -> None:
        due_us = self._alarms.next_us()
        if self._chip is None or self._next is None:
            return
        if due_us is None:
            self._next.cancel()
        else:
            due_ns = (due_us - self._passed_us) * NS_A_US
            self._next.schedule(max(0.0, due_ns - self._chip.nanos))

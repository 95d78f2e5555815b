"""One device of somebody else's: a conversation of the bus that reads its points and hands on samples.

Never keeps more than the last sample of each point; the store has the rest.
Specification: README.md beside this file.
"""

from collections.abc import Callable
from dataclasses import dataclass

from controller.config import DeviceConfig
from controller.devices.plan import reads
from controller.devices.template import GOOD, REFUSED, SILENT, Point, Template
from controller.transports.modbus_unit import Talk
from protocols.wire.modbus_pdu import EXCEPTION


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one point of one device at one moment; the value is None unless its quality is good."""

    device: str
    point: str
    time_ms: int
    value: float | None
    quality: int


class Device:
    """A conversation of modbus_unit.py. Groups are asked every so many periods of the quickest one."""

    def __init__(
        self, config: DeviceConfig, template: Template, now_ms: Callable[[], int], take: Callable[[list[Sample]], None]
    ) -> None:
        self.name = config.name
        self.template = template
        self.period_s = min(template.groups.values())
        self.again_s = 0.0
        self.wake: Callable[[], None] = lambda: None
        self.last: dict[str, Sample] = {}
        self._plan = [
            (max(1, round(interval_s / self.period_s)), reads(template, group))
            for group, interval_s in template.groups.items()
        ]
        self._now_ms = now_ms
        self._take = take

    @property
    def alarms(self) -> tuple[str, ...]:
        """The alarm inputs that are on."""
        return tuple(p.name for p in self.template.points if p.role == "alarm" and self._is_on(p))

    def _is_on(self, point: Point) -> bool:
        sample = self.last.get(point.name)
        return sample is not None and sample.quality == GOOD and sample.value == point.alarm

    def talk(self) -> Talk:
        """Read what is due, for ever."""
        turn = 0
        while True:
            for every, planned in self._plan:
                if turn % every:
                    continue
                for read in planned:
                    answer = yield read.pdu
                    if answer[0] & EXCEPTION:
                        self._tell([(point, None, REFUSED) for point in read.points])
                    else:
                        self._tell(read.values(answer))
            turn += 1
            yield None

    def silent(self) -> None:
        """The gap is recorded, so that a chart draws no line over it."""
        self._tell([(point, None, SILENT) for point in self.template.points])

    def _tell(self, found: list[tuple[Point, float | None, int]]) -> None:
        now_ms = self._now_ms()
        samples = [Sample(self.name, point.name, now_ms, value, quality) for point, value, quality in found]
        self.last.update((sample.point, sample) for sample in samples)
        self._take(samples)

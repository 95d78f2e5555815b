"""Stored values of one channel of a post, register of a meter, point of a device: with their marks, nothing in between.

Never averages or fills; read from the database when somebody asks, and kept nowhere.
Specification: datasets.py for the values; controller/web/README.md, "Charts and buildings"; buildings.py for sources.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple
from zoneinfo import ZoneInfo

from controller.devices.template import GOOD
from controller.services.air import Air
from controller.services.datasets import DATASETS
from controller.services.export import rows
from controller.services.live import DeviceView
from controller.services.meters import Meters, MeterSample, register_name
from controller.services.period import Period
from controller.store import Store, node_number
from protocols.wire import topics
from protocols.wire.errors import MalformedFrame

DAY_S = 86_400
UTC = ZoneInfo("UTC")
DEVICE = "device:"  # before the name of a device that is no node of ours


class Choice(NamedTuple):
    """Something to choose: `id` for us, `name` for people; `register`: which of several of that name."""

    id: str
    name: str
    unit: str = ""
    register: str = ""


class Point(NamedTuple):
    """A stored value; `flags` are the marks on its quality, `identity` is what a meter calls itself."""

    at_s: float
    value: float
    flags: tuple[str, ...]
    unit: str = ""
    identity: str = ""


class History:
    """Reads what posts, meters and devices told; `devices` are those that are no nodes of ours."""

    def __init__(
        self,
        air: Air,
        meters: Meters,
        store: Store,
        now_s: Callable[[], float],
        devices: Callable[[], tuple[DeviceView, ...]] = tuple,
    ) -> None:
        self._air = air
        self._meters = meters
        self._store = store
        self._now_s = now_s
        self.devices = devices

    def places(self) -> tuple[Choice, ...]:
        """Posts, meters and devices that were heard: a node, a node and the number of a meter, a device's name."""
        posts = [Choice(view.node, view.name) for view in self._air.views() if view.samples]
        meters = [
            Choice(f"{view.node} {view.meter}", f"{view.house} · {view.samples[0].identity or view.meter}")
            for view in self._meters.views()
        ]
        devices = [Choice(DEVICE + view.name, view.name) for view in self.devices() if view.points]
        return *posts, *meters, *devices

    def values(self, place: str) -> tuple[Choice, ...]:
        """What one of them tells: channels, registers, points."""
        if place.startswith(DEVICE):
            devices = [view for view in self.devices() if DEVICE + view.name == place]
            return tuple(Choice(one.name, one.name, one.unit) for view in devices for one in view.points)
        node, _, meter = place.partition(" ")
        if not meter:
            posts = [view for view in self._air.views() if view.node == node]
            return tuple(Choice(one.channel, one.channel, one.unit) for view in posts for one in view.samples)
        meters = [view for view in self._meters.views() if (view.node, str(view.meter)) == (node, meter)]
        return tuple(
            Choice(_register(one), register_name(one), one.unit, _place(one))
            for view in meters
            for one in view.samples
            if one.value is not None
        )

    def last_day(self, place: str, value: str) -> tuple[Point, ...]:
        """The stored points of a value, oldest first."""
        now_s = int(self._now_s()) + 1
        return tuple(self.points(place, value, now_s - DAY_S, now_s))

    def points(self, place: str, value: str, from_s: int, to_s: int) -> Iterator[Point]:
        """Those of a period, a node's in the order of recording, a device's in order of time."""
        if place.startswith(DEVICE):
            yield from self._of_device(place.removeprefix(DEVICE), value, from_s, to_s)
            return
        node, _, meter = place.partition(" ")
        try:
            number = node_number(topics.node_id(node))
        except MalformedFrame:
            return
        lines = rows(
            self._store,
            self._store.sessions([number]),
            {},
            DATASETS["readings" if meter else "air"],
            Period(from_s, to_s, UTC),
        )
        for line in lines:
            one = line.sample
            if not meter and one.channel == value:
                yield Point(line.at_ms / 1000, one.mean, one.flags, one.unit)
            elif meter and str(one.meter) == meter and one.value is not None and _register(one) == value:
                yield Point(line.at_ms / 1000, one.value, one.flags, one.unit, one.identity)

    def _of_device(self, name: str, value: str, from_s: int, to_s: int) -> Iterator[Point]:
        place = DEVICE + name
        unit = next((one.unit for one in self.values(place) if one.id == value), "")
        for sample in self._store.samples.span(name, value, from_s * 1000, to_s * 1000):
            if sample.value is not None and sample.quality == GOOD:
                yield Point(sample.time_ms / 1000, sample.value, (), unit)


def _register(sample: MeterSample) -> str:
    return f"{sample.register} {sample.function} {_place(sample)} {sample.unit}"  # a pulse input tells two units


def _place(sample: MeterSample) -> str:
    """Storage, tariff and subunit, where it is not the present sum of the whole."""
    numbers = sample.storage, sample.tariff, sample.device
    return "/".join(map(str, numbers)) if any(numbers) else ""

"""The last day of one value of a meter or a post, for a chart: what was stored, with its marks, nothing in between.

Never averages or fills; read from the database when somebody asks, and kept nowhere.
Specification: datasets.py for the values; controller/web/README.md, "Charts".
"""

from collections.abc import Callable
from typing import NamedTuple
from zoneinfo import ZoneInfo

from controller.services.air import Air
from controller.services.datasets import DATASETS
from controller.services.export import rows
from controller.services.meters import Meters, MeterSample, register_name
from controller.services.period import Period
from controller.store import Store, node_number
from protocols.wire import topics

DAY_S = 86_400
UTC = ZoneInfo("UTC")


class Choice(NamedTuple):
    """Something to choose: `id` for us, `name` for people."""

    id: str
    name: str
    unit: str = ""


class Point(NamedTuple):
    """A stored value; `flags` are the marks on its quality."""

    at_s: float
    value: float
    flags: tuple[str, ...]


class History:
    """Reads what `air` and `meters` know of."""

    def __init__(self, air: Air, meters: Meters, store: Store, now_s: Callable[[], float]) -> None:
        self._air = air
        self._meters = meters
        self._store = store
        self._now_s = now_s

    def places(self) -> tuple[Choice, ...]:
        """Posts and meters that were heard: a node, or a node and the number of a meter."""
        posts = [Choice(view.node, view.name) for view in self._air.views() if view.samples]
        meters = [
            Choice(f"{view.node} {view.meter}", f"{view.house} · {view.samples[0].identity or view.meter}")
            for view in self._meters.views()
        ]
        return *posts, *meters

    def values(self, place: str) -> tuple[Choice, ...]:
        """What one of them tells: channels, registers."""
        node, _, meter = place.partition(" ")
        if not meter:
            posts = [view for view in self._air.views() if view.node == node]
            return tuple(Choice(one.channel, one.channel, one.unit) for view in posts for one in view.samples)
        meters = [view for view in self._meters.views() if (view.node, str(view.meter)) == (node, meter)]
        return tuple(
            Choice(_register(one), " ".join(filter(None, (register_name(one), _place(one)))), one.unit)
            for view in meters
            for one in view.samples
            if one.value is not None
        )

    def last_day(self, place: str, value: str) -> tuple[Point, ...]:
        """The stored points of a value, oldest first."""
        node, _, meter = place.partition(" ")
        now_s = int(self._now_s()) + 1
        lines = rows(
            self._store,
            self._store.sessions([node_number(topics.node_id(node))]),
            {},
            DATASETS["readings" if meter else "air"],
            Period(now_s - DAY_S, now_s, UTC),
        )
        if not meter:
            return tuple(
                Point(line.at_ms / 1000, line.sample.mean, line.sample.flags)
                for line in lines
                if line.sample.channel == value
            )
        return tuple(
            Point(line.at_ms / 1000, line.sample.value, line.sample.flags)
            for line in lines
            if str(line.sample.meter) == meter and line.sample.value is not None and _register(line.sample) == value
        )


def _register(sample: MeterSample) -> str:
    return f"{sample.register} {sample.function} {_place(sample)} {sample.unit}"  # a pulse input tells two units


def _place(sample: MeterSample) -> str:
    """Storage, tariff and subunit, where it is not the present sum of the whole."""
    numbers = sample.storage, sample.tariff, sample.device
    return "/".join(map(str, numbers)) if any(numbers) else ""

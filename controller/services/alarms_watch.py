"""What the controller sees for itself that is wrong: silent nodes, its ledger, its buses, its broker, database, disk.

Never changes anything; one pass a look. Times are Unix seconds.
Specification: README.md here, "Alarms"; controller/web/README.md says what each one means for people.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from controller.services.alarms_life import Fact, Key
from controller.services.alarms_rules import Rules
from controller.services.fleet import Fleet
from controller.services.ledger import Ledger
from controller.services.live import DeviceView

DAY_S = 86_400
FILES_EVERY_S = 30.0
MEGABYTE = 1 << 20
# A node that was not heard since the controller's start is believed to be there for so long; and its causes with it.
START_S = 60.0


class BusState(NamedTuple):
    """One of the controller's own buses: whether any of its units can be heard; the nodes and devices on it."""

    name: str
    is_heard: bool
    members: frozenset[str]


@dataclass(slots=True)
class Sources:
    """Who is asked. The last four only the process knows: app.py fills them in.

    `counted` are counters that only grow, by alarm kind and subject; `folder` is the database's; `certificates` are
    (name, when it expires).
    """

    is_failing: Callable[[], bool]
    counted: Callable[[], Mapping[Key, int]]
    folder: Path
    is_linked: Callable[[], bool] = lambda: True
    buses: Callable[[], Iterable[BusState]] = tuple
    devices: Callable[[], Iterable[DeviceView]] = tuple
    certificates: Callable[[], Iterable[tuple[str, float]]] = tuple


class Watch:
    """`fact(kind, node, since_s=…)` makes a node's fact, with its name and place."""

    def __init__(
        self,
        rules: Rules,
        fleet: Fleet,
        ledger: Ledger,
        sources: Sources,
        fact: Callable[..., Fact],
        started_s: float,
    ) -> None:
        self.sources = sources
        self._rules = rules
        self._fleet = fleet
        self._ledger = ledger
        self._fact = fact
        self._started_s = started_s
        self._counts: dict[Key, tuple[int, float]] = {}
        self._files_looked_s = 0.0
        self._certificates: tuple[tuple[str, float], ...] = ()
        self._disk_free_mb = 1 << 40
        self._disk_is_short = False

    def facts(self, now_s: float) -> Iterator[Fact]:
        """What is wrong now."""
        yield from self._process(now_s)
        yield from self._growing(now_s)
        yield from self._buses()
        starting = now_s < self._started_s + START_S
        for entry, last_seen_s, was_heard in self._fleet.silent(now_s):
            if was_heard or not starting:
                detail = "" if last_seen_s else "never"
                yield self._fact("offline", entry.node, since_s=last_seen_s, detail=detail)
        yield from self._books()

    def _process(self, now_s: float) -> Iterator[Fact]:
        if self.sources.is_failing():
            yield Fact("storing", "")
        if not self.sources.is_linked():
            yield Fact("broker", "")
        if now_s - self._files_looked_s >= FILES_EVERY_S:
            self._files_looked_s = now_s
            self._disk_free_mb = shutil.disk_usage(self.sources.folder).free // MEGABYTE
            self._certificates = tuple(self.sources.certificates())
        rule = self._rules["disk"]
        self._disk_is_short = self._disk_free_mb < (rule.clear_limit if self._disk_is_short else rule.limit)
        if self._disk_is_short:
            yield Fact("disk", "", amount=self._disk_free_mb)
        for name, expires_s in self._certificates:
            days = int((expires_s - now_s) // DAY_S)
            if days < self._rules["certificate"].limit:
                yield Fact("certificate", name, name=Path(name).name, amount=max(0, days))

    def _growing(self, now_s: float) -> Iterator[Fact]:
        """A counter that has grown is news for a while."""
        for key, count in self.sources.counted().items():
            known, last_s = self._counts.get(key, (0, now_s))
            if count != known:
                last_s = now_s
            self._counts[key] = count, last_s
            if count and now_s - last_s <= self._rules[key[0]].news_s:
                yield Fact(*key, name=key[1], amount=count)

    def _buses(self) -> Iterator[Fact]:
        for bus in self.sources.buses():
            if not bus.is_heard:
                yield Fact("bus", bus.name, name=bus.name)
        for device in self.sources.devices():
            name = device.name
            if not device.online:
                yield Fact("device_silent", name, name, name, device.template)
            for point in device.alarms:
                yield Fact("device_alarm", f"{name}/{point}", name, name, device.template, detail=point)

    def _books(self) -> Iterator[Fact]:
        for row in self._ledger.unsound():
            for kind, amount in (
                ("unbalanced", abs(row.difference)),
                ("missing", row.missing),
                ("conflicting", row.conflicting),
            ):
                if amount:
                    yield Fact(kind, row.node, row.node, row.name, node_kind=row.kind, amount=amount)

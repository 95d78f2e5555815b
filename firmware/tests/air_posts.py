"""An air post in virtual time and the minutes on its flash, for the tests of the post and of its archive.

It must never look inside the firmware: what is seen are light, console and the records on flash.
Spec: protocols/schema/air_sensor.py.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emulation.launch import NodeHandle, start
from emulation.virtual.lane import VirtualNode
from firmware.tests.conftest import journalled, settings_of
from protocols.wire import air_rows
from protocols.wire.air_rows import Row
from protocols.wire.messages import air_means, event

Launch = Callable[..., NodeHandle]
MINUTE_S = 60
START_S = 1  # after the power: the first seconds of the first minute are missed


@contextmanager
def launching(tmp_path: Path) -> Iterator[Launch]:
    """launch(**config) starts a post of its own in virtual time; it ends with the test."""
    nodes = []

    def launched(folder: str = "post", **config: Any) -> NodeHandle:
        settings = settings_of("air_sensor", **config)
        nodes.append(start("unix", "air_sensor", settings, tmp_path / folder, lane=VirtualNode))
        return nodes[-1]

    yield launched
    for node in nodes:
        node.close()


class Minutes:
    """The periods on a node's flash: (start in seconds, minutes, rows by channel)."""

    def __init__(self, node: NodeHandle) -> None:
        self.periods = [
            (means.start_s, means.minutes, {air_rows.CHANNELS[row.channel][0]: row for row in rows_of(means)})
            for means in (air_means.parse(one.body) for one in journalled(node, air_means.KIND))
        ]

    def __getitem__(self, number: int) -> dict[str, Row]:
        return self.periods[number][2]

    def __len__(self) -> int:
        return len(self.periods)

    @property
    def starts(self) -> list[int]:
        return [start_s for start_s, _, _ in self.periods]


def rows_of(means: air_means.AirMeans) -> list[Row]:
    return air_rows.parse(means.rows, means.minutes * MINUTE_S)


def pass_minutes(node: NodeHandle, count: int) -> Minutes:
    """So many full minutes of the node's clock later, and a second more."""
    node.pass_time(count * MINUTE_S + START_S)
    return Minutes(node)


def events(node: NodeHandle) -> list[tuple[int, str]]:
    found = [event.parse(one.body) for one in journalled(node, event.KIND)]
    return [(one.code, one.text.decode()) for one in found]

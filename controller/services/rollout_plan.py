"""How a release goes out: to which nodes, in which order and waves, when, how fast, and what makes it stop.

Never sends anything and reads no clock: nodes, states and local times come in, decisions go out.
Specification: README.md here, "Updates".
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.provisioning import NodeEntry


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window in the town's local time, [begins, ends); it may pass midnight."""

    begins: time
    ends: time

    @classmethod
    def parse(cls, text: str) -> "Window":
        """Of "01:00-04:30". Raises ValueError."""
        begins, _, ends = text.partition("-")
        try:
            return cls(time.fromisoformat(begins), time.fromisoformat(ends))
        except ValueError:
            raise ValueError(f"a maintenance window is written as 01:00-04:30, not {text!r}") from None

    def holds(self, now: time) -> bool:
        """Is `now` in it?"""
        if self.begins <= self.ends:
            return self.begins <= now < self.ends
        return now >= self.begins or now < self.ends


Share = Annotated[float, Field(ge=0, le=1)]
Names = tuple[Annotated[str, Field(max_length=64)], ...]


class Plan(BaseModel):
    """What a person asks for. Empty selections select all; `waves` are growing shares of the selected nodes.

    `at_once` nodes pull at a time, and two on a line that several share; a line carries `bytes_per_s`; a wave that has
    passed is looked at for `soak_s` before the next one begins.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: Names = ()
    sites: Names = ()
    nodes: Names = ()
    waves: Annotated[tuple[Share, ...], Field(min_length=1, max_length=10)] = (0.02, 0.2, 1.0)
    windows: Annotated[Names, Field(description="in the town's time, as 01:00-04:30; none: always")] = ()
    success_share: Share = 0.95
    failed_share: Share = 0.05
    soak_s: Annotated[int, Field(ge=0, le=604_800)] = 600
    at_once: Annotated[int, Field(ge=1, le=1000)] = 32
    bytes_per_s: Annotated[int, Field(ge=100, le=10_000_000)] = 32_768

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if list(self.waves) != sorted(set(self.waves)) or self.waves[0] <= 0 or self.waves[-1] != 1:
            raise ValueError("waves are growing shares that end with 1, as 0.02, 0.2, 1")
        for text in self.windows:
            Window.parse(text)
        return self

    def selects(self, entry: NodeEntry) -> bool:
        """Is this node meant? A node that is registered later may be."""
        return (
            (not self.kinds or entry.kind in self.kinds)
            and (not self.sites or entry.site in self.sites)
            and (not self.nodes or entry.node.hex() in self.nodes)
        )

    def open_at(self, now: time) -> bool:
        """May anything go out at this local time?"""
        return not self.windows or any(Window.parse(text).holds(now) for text in self.windows)


def spread(entries: Iterable[NodeEntry], link_of: Callable[[bytes], str], seed: int) -> list[NodeEntry]:
    """The order of a rollout: every site and link in proportion from the first node on, by chance within each.

    The same `seed` gives the same order, another one begins with other nodes: nobody is always the first.
    """
    by_link: dict[tuple[str, str], list[NodeEntry]] = defaultdict(list)
    for entry in entries:
        by_link[entry.site, link_of(entry.node)].append(entry)

    def lot(entry: NodeEntry) -> bytes:
        return hashlib.sha256(seed.to_bytes(8, "big") + entry.node).digest()

    places = [
        ((index + 0.5) / len(standing), lot(entry), entry)
        for standing in by_link.values()
        for index, entry in enumerate(sorted(standing, key=lot))
    ]
    return [entry for _, _, entry in sorted(places, key=lambda place: place[:2])]


def wave_of(index: int, total: int, waves: Sequence[float]) -> int:
    """The wave, from 0 on, of the node at `index` of the order; every wave before the last has at least one node."""
    for number, share in enumerate(waves):
        if index < max(number + 1, round(share * total)):
            return number
    return len(waves) - 1


@dataclass(frozen=True, slots=True)
class Progress:
    """Nodes counted. `reachable` are those that are online, under way or have ended."""

    reachable: int
    confirmed: int
    failed: int

    def has_passed(self, plan: Plan) -> bool:
        """May the next wave begin? Who is away does not hold the others up; nobody at all proves nothing."""
        return self.confirmed > 0 and self.confirmed >= plan.success_share * self.reachable

    def is_alarming(self, plan: Plan) -> bool:
        """Have more failed than the plan suffers? One failure of a very small wave is enough."""
        return self.failed > plan.failed_share * max(self.reachable, 1)

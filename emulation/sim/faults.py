"""Faults as they are drawn: what happens to a link, a message, a chunk, and when somebody is to be hit.
It must never hit anybody itself: simulation.py does. Everything comes from the seed, whatever the order of asking.
Specification: fault_plan.py.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator

from emulation.sim.fault_plan import FaultPlan, Span
from emulation.sim.mqtt_packets import Message

LATENCY_US = 40_000  # of a mobile network, one way; the least that anything takes
JITTER_US = 60_000
HOUR_US = 3_600_000_000
OUTAGE_SPREAD_S = 300.0


class FaultyLink:
    """One client's way to the broker, with the times at which it carries nothing."""

    def __init__(
        self, chance: random.Random, downs: Iterable[tuple[int, int]], flips: float, counts: Counter[str]
    ) -> None:
        self._chance = chance
        self._downs = sorted(downs)
        self._flips = flips
        self._counts = counts

    def heal(self, now_us: int) -> None:
        """From now on it is up for good."""
        self._downs = [(start, min(end, now_us)) for start, end in self._downs if start < now_us]
        self._flips = 0.0

    def is_up(self, now_us: int) -> bool:
        return not any(start <= now_us < end for start, end in self._downs)

    def arrives_us(self, sent_us: int) -> int:
        took_us = LATENCY_US + int(JITTER_US * self._chance.random())
        up_us = sent_us
        for start, end in self._downs:
            if start <= up_us < end:
                up_us = end
        return up_us + took_us

    def spoil(self, data: bytes) -> bytes:
        if not data or self._chance.random() >= self._flips:
            return data
        self._counts["stream_bit_flips"] += 1
        return flip(data, self._chance)


class Faults:
    """`counts` is how often each has happened."""

    def __init__(self, plan: FaultPlan, seed: int, hours: float) -> None:
        self._plan = plan
        self._seed = seed
        self._end_us = int(hours * HOUR_US)
        self._messages = self.chance("messages")
        self._healed = False
        self._links: dict[str, FaultyLink] = {}
        self.counts: Counter[str] = Counter(
            dict.fromkeys(
                (
                    "power_cuts", "power_cuts_in_flash", "power_cuts_in_documents", "link_downs", "outages",
                    "messages_lost", "messages_doubled", "messages_delayed", "messages_spoilt", "stream_bit_flips",
                    "controller_restarts", "controller_restarts_in_commit", "broker_restarts", "clock_jumps",
                ),
                0,
            )
        )  # fmt: skip

    def chance(self, name: str) -> random.Random:
        return random.Random(f"{self._seed} {name}")

    def moments_s(self, name: str, per_hour: float) -> Iterator[float]:
        """Pauses between what happens so often."""
        chance = self.chance(f"moments {name}")
        while per_hour:
            yield chance.expovariate(per_hour / 3600)

    def heal(self, now_us: int) -> None:
        """Nothing goes wrong any more."""
        self._healed = True
        for link in self._links.values():
            link.heal(now_us)

    def link(self, name: str) -> FaultyLink:
        """The same for every connection of a client."""
        if name not in self._links:
            chance = self.chance(f"link {name}")
            is_node = name != "controller" and not name.startswith("line")
            downs = list(self._downs(name, chance)) if is_node else []
            self._links[name] = FaultyLink(chance, downs, self._plan.stream.bit_flip, self.counts)
        return self._links[name]

    def _downs(self, name: str, chance: random.Random) -> Iterator[tuple[int, int]]:
        at_us = 0
        for pause_s in self.moments_s(f"link {name}", self._plan.link_down.per_node_hour):
            at_us += int(pause_s * 1e6)
            if at_us >= self._end_us:
                break
            self.counts["link_downs"] += 1
            lasts_us = int(draw(chance, self._plan.link_down.lasts_s) * 1e6)
            yield at_us, at_us + lasts_us
        outage = self._plan.outage
        if outage.lasts_h:
            self.counts["outages"] += 1
            start_us = int(outage.from_h * HOUR_US + chance.uniform(0, OUTAGE_SPREAD_S) * 1e6)
            yield start_us, start_us + int(outage.lasts_h * HOUR_US)

    def forward(self, _client: str, message: Message) -> list[tuple[int, Message]]:
        """BrokerModel.forward."""
        plan, chance = self._plan.message, self._messages
        if self._healed:
            return [(0, message)]
        if chance.random() < plan.loss:
            self.counts["messages_lost"] += 1
            return []
        if message.payload and chance.random() < plan.bit_flip:
            self.counts["messages_spoilt"] += 1
            message = Message(message.topic, flip(message.payload, chance), message.qos, message.retain)
        delay_us = 0
        if chance.random() < plan.delay:
            self.counts["messages_delayed"] += 1
            delay_us = int(draw(chance, plan.delay_s) * 1e6)
        copies = [(delay_us, message)]
        if chance.random() < plan.duplicate:
            self.counts["messages_doubled"] += 1
            copies.append((delay_us + int(draw(chance, plan.delay_s) * 1e6), message))
        return copies


def draw(chance: random.Random, span: Span) -> float:
    return chance.uniform(*span)


def flip(data: bytes, chance: random.Random) -> bytes:
    """One bit is another."""
    at = chance.randrange(len(data))
    return data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]

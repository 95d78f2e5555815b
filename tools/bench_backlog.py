"""A city comes back after an outage: how fast 100 000 records are taken, and how long fresh ones wait meanwhile.

Never imitates a node's side: every node here is protocols.wire.session.Session over a journal in memory.
Specification: protocol.md, guarantee G7; protocols/README.md, "Receipt".
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import aiomqtt

from protocols.provisioning import NodeEntry
from protocols.wire import session as device
from protocols.wire import topics
from tools.bench_controller import SITE, make_client, make_nodes, position_record, running_controller

BACKLOG_NODES = 100
BACKLOG_RECORDS = 1000  # of each: 100 000 together
LIVE_NODES = 20
LIVE_EVERY_S = 0.5
CONNECTIONS = 4
IN_FLIGHT = 256
STEP_S = 0.01
RUN_TIMEOUT_S = 300.0
PERCENT = 99


@dataclass(frozen=True, slots=True)
class Result:
    """Free of the nodes' rate limit, and with it."""

    drain_s: float
    live_receipt_p99_ms: float
    paced_drain_s: float
    paced_live_receipt_p99_ms: float
    load: str


class Journal:
    """What a session needs of a journal, in memory; remembers when each record was written."""

    boot_id = 1

    def __init__(self, records: int) -> None:
        self.receipted = 0
        self.last_seq = records
        self.drained = asyncio.Event()
        self.written_s: dict[int, float] = {}
        self.waited_ms: list[float] = []

    def append(self) -> None:
        """A fresh record."""
        self.last_seq += 1
        self.written_s[self.last_seq] = time.perf_counter()

    def read(self, first: int, last: int, count: int, _size: int) -> tuple[list[tuple[int, bytes]], int]:
        """The records are all alike, but for their number and time."""
        last = min(last, first + count - 1)
        return [(seq, position_record(seq)) for seq in range(first, last + 1)], last

    def trim(self, up_to: int) -> None:
        """A receipt came."""
        now_s = time.perf_counter()
        for seq in range(self.receipted + 1, up_to + 1):
            if seq in self.written_s:
                self.waited_ms.append((now_s - self.written_s.pop(seq)) * 1000)
        self.receipted = max(self.receipted, up_to)
        if self.receipted >= BACKLOG_RECORDS:
            self.drained.set()


@dataclass(slots=True)
class Node:
    """One node: its session and its journal."""

    entry: NodeEntry
    journal: Journal
    session: device.Session = field(init=False)
    up: str = field(init=False)

    def __post_init__(self) -> None:
        dice = random.Random(self.entry.node)
        self.session = device.Session(self.entry.key, self.entry.node, self.journal, (), lambda: dice.randrange(256))
        self.up = topics.topic(SITE, self.entry.node, "up")


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


async def _speak(client: aiomqtt.Client, nodes: list[Node]) -> None:
    """Send whatever the sessions have to send, for as long as the run lasts."""
    async with asyncio.TaskGroup() as sending:
        while True:
            now_ms = _now_ms()
            for node in nodes:
                while (envelope := node.session.next_batch(now_ms)) is not None:
                    sending.create_task(client.publish(node.up, envelope, qos=1))
            await asyncio.sleep(STEP_S)


async def _hear(client: aiomqtt.Client, nodes: list[Node]) -> None:
    by_topic = {topics.topic(SITE, node.entry.node, "down"): node for node in nodes}
    async for message in client.messages:
        assert isinstance(message.payload, bytes)
        by_topic[message.topic.value].session.received(message.payload, _now_ms(), None)


async def _record(nodes: list[Node]) -> None:
    """The live ones go on recording, each in its own beat."""
    while True:
        for node in nodes:
            node.journal.append()
            await asyncio.sleep(LIVE_EVERY_S / len(nodes))


async def _be(port: int, name: str, nodes: list[Node]) -> None:
    """One connection that stands for several nodes."""
    async with make_client(port, name, IN_FLIGHT) as client:
        for node in nodes:
            await client.subscribe(topics.topic(SITE, node.entry.node, "down"), qos=1)
            node.session.link_up(_now_ms())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_speak(client, nodes))
            tasks.create_task(_hear(client, nodes))


@asynccontextmanager
async def in_service(port: int, name: str, nodes: list[Node]) -> AsyncIterator[asyncio.Task[None]]:
    """Nodes in service; the task that lets them record may be ended before."""
    recording = asyncio.create_task(_record(nodes))
    running = [asyncio.create_task(_be(port, name, nodes)), recording]
    try:
        yield recording
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _run(port: int, late: list[Node], live: list[Node]) -> float:
    """Seconds until the last backlog has its receipts."""
    async with asyncio.timeout(RUN_TIMEOUT_S), in_service(port, "live", live):
        await asyncio.sleep(2 * LIVE_EVERY_S)
        began_s = time.perf_counter()
        share = len(late) // CONNECTIONS
        parts = [late[start : start + share] for start in range(0, len(late), share)]
        running = [asyncio.create_task(_be(port, f"late-{number}", part)) for number, part in enumerate(parts)]
        for node in late:
            await node.journal.drained.wait()
        took_s = time.perf_counter() - began_s
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return took_s


@contextmanager
def _paced(spacing_ms: int, start_ms: int) -> Iterator[None]:
    """The device side with other limits than a real node's."""
    kept = device.BACKLOG_SPACING_MS, device.BACKLOG_START_MS
    device.BACKLOG_SPACING_MS, device.BACKLOG_START_MS = spacing_ms, start_ms
    try:
        yield
    finally:
        device.BACKLOG_SPACING_MS, device.BACKLOG_START_MS = kept


def _drain() -> tuple[float, float]:
    """Seconds of the drain, and the 99th percentile of what fresh records waited, in ms."""
    entries = make_nodes(BACKLOG_NODES + LIVE_NODES)
    late = [Node(entry, Journal(BACKLOG_RECORDS)) for entry in entries[:BACKLOG_NODES]]
    live = [Node(entry, Journal(0)) for entry in entries[BACKLOG_NODES:]]
    with running_controller(entries) as controller:
        took_s = asyncio.run(_run(controller.port, late, live))
    waited_ms = sorted(ms for node in live for ms in node.journal.waited_ms)
    return took_s, waited_ms[len(waited_ms) * PERCENT // 100]


def measure() -> Result:
    """Two runs: the controller's pace, and that of real nodes."""
    with _paced(0, 0):
        drain_s, p99_ms = _drain()
    paced_s, paced_p99_ms = _drain()
    alone_s = 100_000 / device.MAX_RECORDS * device.BACKLOG_SPACING_MS / 1000
    load = (
        f"{BACKLOG_NODES} nodes with {BACKLOG_RECORDS} records each and {LIVE_NODES} that record every "
        f"{LIVE_EVERY_S} s, all of them the device's own session; broker, controller and generator share this machine. "
        f"Real nodes are limited to {device.MAX_RECORDS} records in {device.BACKLOG_SPACING_MS} ms and begin within "
        f"{device.BACKLOG_START_MS} ms (the lines 'paced'): one node alone with 100 000 records takes {alone_s:.0f} s"
    )
    return Result(drain_s, p99_ms, paced_s, paced_p99_ms, load)

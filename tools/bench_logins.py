"""What logins cost the ride: the wait for the receipt of a live record, while passwords are hashed and while none are.

Never reaches into the controller: nodes speak MQTT, people HTTP, each login from an address of its own.
Specification: README.md, "Benchmarks"; the bound on logins from one address is controller/access's.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

import aiomqtt
import httpx

from protocols.provisioning import NodeEntry
from protocols.wire import batch, envelope, receipt, topics
from tools.bench_controller import SITE, make_client, make_nodes, position_record, running_controller

NODES = 100  # a record a second each
SECONDS = 20
WARM_UP = 2  # seconds
LOGINS_PER_S = 8
IN_FLIGHT = 64
HASHED = 401  # nobody is called so: it takes as long as a right password, and says no


@dataclass(frozen=True, slots=True)
class Result:
    """The 99th percentile of publish to receipt with logins and without, and what was asked."""

    with_ms: float
    without_ms: float
    load: str


class _Ride:
    """All nodes on one connection; `waits_ms` from each record's publishing to its receipt."""

    def __init__(self, client: aiomqtt.Client, entries: list[NodeEntry]) -> None:
        self._client = client
        self._entries = {entry.node: entry for entry in entries}
        self._sent: dict[tuple[bytes, int], float] = {}
        self.waits_ms: list[float] = []
        self._seq = 0

    async def hear(self) -> None:
        """Receipts, for ever."""
        async for message in self._client.messages:
            assert isinstance(message.payload, bytes)
            _, node, _ = envelope.peek(message.payload)
            kind, _, _, payload = envelope.unseal(self._entries[node].key, message.payload)
            if kind == envelope.RECEIPT:
                sent = self._sent.pop((node, receipt.parse(payload).up_to), None)
                if sent is not None:
                    self.waits_ms.append((time.perf_counter() - sent) * 1000)

    async def go(self, seconds: int) -> None:
        """Spread over each second, as a city's nodes are."""
        due = time.perf_counter()
        for _ in range(seconds):
            self._seq += 1
            for entry in self._entries.values():
                due += 1 / NODES
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                sealed = batch.build(entry.key, entry.node, 1, [position_record(self._seq)])
                self._sent[entry.node, self._seq] = time.perf_counter()
                await self._client.publish(topics.topic(SITE, entry.node, "up"), sealed, qos=1)


async def _log_in(url: str, hashed: list[int]) -> None:
    """Each try with a name and from an address of its own."""
    async with asyncio.TaskGroup() as tasks:
        for number in range(LOGINS_PER_S * SECONDS):
            tasks.create_task(_try(url, f"127.0.{1 + number // 250}.{1 + number % 250}", hashed))
            await asyncio.sleep(1 / LOGINS_PER_S)


async def _try(url: str, address: str, hashed: list[int]) -> None:
    name = f"bench-{address.replace('.', '-')}"
    transport = httpx.AsyncHTTPTransport(local_address=address)
    with suppress(httpx.HTTPError):
        async with httpx.AsyncClient(base_url=url, transport=transport, timeout=30) as client:
            answer = await client.post("/api/v1/login", json={"name": name, "password": "not the password", "code": ""})
            hashed.append(answer.status_code)


async def _measure(port: int, url: str, entries: list[NodeEntry]) -> Result:
    waits: list[list[float]] = []
    hashed: list[int] = []
    async with make_client(port, "bench-logins", IN_FLIGHT) as client:
        for entry in entries:
            await client.subscribe(topics.topic(SITE, entry.node, "down"), qos=1)
        ride = _Ride(client, entries)
        hearing = asyncio.create_task(ride.hear())
        await ride.go(WARM_UP)
        for logins in (False, True):
            ride.waits_ms = []
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(ride.go(SECONDS))
                if logins:
                    tasks.create_task(_log_in(url, hashed))
            waits.append(ride.waits_ms)
        hearing.cancel()
    load = (
        f"{NODES} nodes, a record a second each for {SECONDS} s, publish to receipt, 99th percentile; "
        f"{hashed.count(HASHED) / SECONDS:.1f} passwords a second were hashed meanwhile; the rival is the same without"
    )
    without, among = (sorted(part)[len(part) * 99 // 100] for part in waits)
    return Result(among, without, load)


def measure() -> Result:
    """Without logins, then among them, in one run of one controller."""
    entries = make_nodes(NODES)
    with running_controller(entries) as controller:
        return asyncio.run(_measure(controller.port, controller.url, entries))

"""A day of every kind of node in the memory of a microcontroller: 32-bit objects, 192 KiB, our modules not among them.

It must never be short of what a day brings: riders, vehicles that move, commands, receipts, a broker that goes away.
Spec: board.toml, [memory]; tools/unix_vm.py builds the VM, emulation/virtual lets its time pass.
"""

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from boards.unix.pins import KINDS
from emulation.lanes import NodeOrder
from emulation.launch import NodeHandle, start
from emulation.sim.broker_model import BrokerModel
from emulation.sim.mqtt_client import SimLink
from emulation.sim.network import Network
from emulation.sim.trace import Trace
from emulation.sim.virtual_loop import VirtualLoop
from emulation.town import riders
from emulation.virtual import VirtualNode
from emulation.virtual.world import World
from firmware.tests.conftest import KEY, NODE, SITE, settings_of
from protocols.wire import batch, command, envelope, receipt, topics
from protocols.wire.messages import arrival_row, assign_trip, show_arrivals, status
from protocols.wire.ranges import RangeSet
from protocols.wire.text import pad
from tools import unix_vm
from tools.errors import UsageError

HOURS = float(os.environ.get("VUZOL_DAY_HOURS", "2"))  # 24: the whole day, five minutes a kind
WARM_UP_S = 1800
ROOM_BYTES = 2048  # what a collection finds differs by what was on its way at that moment
FREE_BYTES = 49_152  # board.toml, free_in_service_bytes
START_S = 1_792_310_400
LATENCY_US = 40_000
GNSS_PERIOD_S = 4


@pytest.fixture(scope="module")
def small_vm() -> Iterator[None]:
    """Nodes run on the 32-bit VM that has our modules outside its heap."""
    with pytest.MonkeyPatch.context() as patch:
        try:
            patch.setenv("VUZOL_MICROPYTHON", str(unix_vm.build(32, frozen=True)))
        except UsageError as missing:
            pytest.skip(str(missing))
        yield


class Wire:
    """A link without faults."""

    def arrives_us(self, sent_us: int) -> int:
        return sent_us + LATENCY_US

    def spoil(self, data: bytes) -> bytes:
        return data


class Day:
    """One node, its broker, and a controller that answers every batch and sends the kind's commands."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._kind = kind
        self._world = World(utc_us=START_S * 1_000_000)
        self._broker = BrokerModel(self._world)
        network = Network(self._world, self._broker, lambda _name: Wire(), Trace())
        self._loop = VirtualLoop(self._world)
        self._down = topics.topic(SITE, NODE, "down")
        self._link = SimLink("desk", network.dial, self._world.now_us, (topics.ALL_UP,), self._take)
        self._stored = RangeSet()
        self._orders = 0
        self.told: dict[int, status.Status] = {}  # by uptime: a day is more than a journal holds

        def lane(order: NodeOrder) -> VirtualNode:
            made = VirtualNode(order, self._world, network.dial, firmware=Path(".frozen"))
            if made.wiring.gnss is not None:
                made.wiring.gnss.period_s = GNSS_PERIOD_S
            return made

        self.node: NodeHandle = start("unix", kind, settings_of(kind, status_s=60), folder, heap="192k", lane=lane)

    def live(self, hours: float) -> None:
        """Let the time pass. Raises what a job of the day raised."""
        jobs = [self._link.run(), self._lose_the_broker()]
        if self._kind == "fare_validator":
            jobs += [self._ride(), self._drive()]
        if self._kind in ("fare_validator", "stop_display"):
            jobs.append(self._order())
        try:
            tasks = [self._loop.create_task(job) for job in jobs]
            self._world.run_until(self._world.now_us() + int(hours * 3_600_000_000))
            assert not any(task.done() for task in tasks), tasks
        finally:
            self._loop.drop()

    def _take(self, topic: str, data: bytes) -> None:
        kind, _, boot_id, payload = envelope.unseal(KEY, data)
        if not topic.endswith("/up") or kind != envelope.BATCH:
            return
        for one in batch.parse(payload):
            self._stored.add(one.seq, one.seq)
            if one.kind == status.KIND:
                told = status.parse(one.body)
                self.told[told.uptime_s] = told
        up_to = self._stored.highest()
        missing = self._stored.missing(up_to)[: receipt.MAX_RANGES]
        now_ms = self._world.utc_us() // 1000
        self._link.publish(self._down, receipt.build(KEY, NODE, boot_id, up_to, now_ms, missing))

    async def _order(self) -> None:
        while True:
            await asyncio.sleep(20)
            self._orders += 1
            now_s = self._world.utc_us() // 1_000_000
            kind, body = self._command(now_s)
            self._link.publish(
                self._down, command.build(KEY, NODE, command.Command(self._orders, now_s, 60, kind, 1, body))
            )

    def _command(self, now_s: int) -> tuple[int, bytes]:
        if self._kind == "fare_validator":
            return assign_trip.KIND, assign_trip.build(assign_trip.AssignTrip(self._orders, pad("38А", 8)))
        rows = b"".join(
            arrival_row.build(arrival_row.ArrivalRow(now_s + 97 * n, 1, pad(f"{n}", 8), pad(f"Площа {n}", 48)))
            for n in range(1, 5)
        )
        return show_arrivals.KIND, show_arrivals.build(show_arrivals.ShowArrivals(now_s, rows))

    async def _ride(self) -> None:
        chance = random.Random(1)
        media = riders.pocket(chance)
        while True:
            await asyncio.sleep(chance.expovariate(1 / 120))
            await riders.board(self.node, next(media))

    async def _drive(self) -> None:
        metres = 0
        while True:
            metres += 30
            self.node.gnss.move(49.99 + metres % 20_000 / 111_000, 36.23, speed_mps=7.5, course_deg=0)
            await asyncio.sleep(GNSS_PERIOD_S)

    async def _lose_the_broker(self) -> None:
        while True:
            await asyncio.sleep(2400)
            self._broker.stop(forget=True)
            await asyncio.sleep(600)
            self._broker.start()


@pytest.mark.timeout(300 + 300 * HOURS)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_heap_does_not_grow_and_leaves_what_the_board_promises(kind: str, tmp_path: Path, small_vm: None) -> None:
    day = Day(kind, tmp_path)
    with day.node:
        day.live(HOURS)
        assert day.node.restarts == 0, day.node.console[-2000:]
        told = list(day.told.values())
        assert max(one.task_restarts for one in told) == 0, day.node.console[-2000:]
    early = [one.heap_used for one in told if WARM_UP_S <= one.uptime_s < 2 * WARM_UP_S]
    late = [one.heap_used for one in told if one.uptime_s >= HOURS * 3600 - WARM_UP_S]
    free = min(one.heap_free for one in told)
    print(f"{kind}: {HOURS} h, used {max(early)} and at the end {max(late)} bytes, free at least {free}")
    assert max(late) <= max(early) + ROOM_BYTES, (early, late)
    assert free >= FREE_BYTES

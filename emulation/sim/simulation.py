"""A town of real nodes and the real controller in virtual time, faults from a plan, and the ledger at its end.
It must never look at the wall clock for anything but how long it took; everything else comes from the seed.
Specification: README.md beside this file; tools/README.md for the keys of the result.
"""

import asyncio
import contextlib
import logging
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from emulation.feed_window import AROUND_S
from emulation.lanes import NodeOrder
from emulation.launch import start
from emulation.node_handle import NodeHandle
from emulation.peripherals.flash import Flash
from emulation.sim.broker_model import BrokerModel
from emulation.sim.controller_in_time import NAME as CONTROLLER
from emulation.sim.controller_in_time import ControllerInTime
from emulation.sim.fault_plan import CannotSimulate, FaultPlan
from emulation.sim.faults import Faults, draw
from emulation.sim.modbus_line import ModbusLine
from emulation.sim.network import Network
from emulation.sim.trace import Trace
from emulation.sim.virtual_loop import VirtualLoop
from emulation.town import riders
from emulation.town.nodes import BOARD, TownNode
from emulation.town.plan import TownError, TownPlan
from emulation.town.reconcile import Ledger, NodeJournal, read_journal
from emulation.town.setting import Setting, prepare
from emulation.unix.lane import REPOSITORY
from emulation.unix.micropython import MicroPythonMissing
from emulation.vehicle_motion import VehicleMotion
from emulation.virtual.lane import VirtualNode
from emulation.virtual.world import World

# One node in so many is a house with meters, one in so many an air post, which costs as much as eight others.
METERS, POSTS = 6, 40
VALIDATORS = 0.6  # of what is left, the share that rides; the others show arrivals
BEGIN_UTC_US = 1_767_254_400_000_000  # 2026-01-01 08:00 UTC
# As a fleet that pays for its traffic would have it.
SETTINGS = {"position_s": 120, "status_s": 300, "picture_s": 300}
READING_MIN = 15
ONE_ON_BUS = 3  # of so many nodes one stands on a Modbus line, the others have a network
ON_A_LINE = 4  # each frame wakes them all
CONFIG = """[displays]
refresh_s = 60
check_s = 10
"""
LINE = """[[bus]]
name = "{name}"
transport = "rtu"
address = "in this process, {name}"
baud = 115200
poll_s = 10
nodes = {units}
"""
GNSS_PERIOD_S = 4
MEAN_RIDE_S = 180.0
CASH_SHARE = 0.1
PUBLISH_S = 3600.0  # a document for everybody
DOCUMENT_BYTES = (4_000, 16_000)
LONGEST_ARMED_S = 1200.0  # a node that does nothing to its flash for so long loses its supply anyway
AHEAD_US = 1_000_000  # a node that runs alone for so long costs half as much; its network is that much slower at times
CHECK_S = 60.0
READ_S = 4 * 3600.0  # a display's journal comes round in most of a day, with all that is kept of it
SETTLE_S = 3600.0
SETTLE_CHECK_S = 5.0
MEMORY = Path("/dev/shm")
NODE_BYTES = 8 << 20  # its journal, and what the database holds of it after some days


@dataclass(frozen=True, slots=True)
class SimPlan:
    """What is to be simulated. `firmware` is a folder that stands before the repository on the nodes' path."""

    nodes: int = 6
    hours: float = 6.0
    seed: int = 1
    faults: FaultPlan = field(default_factory=FaultPlan)
    firmware: Path = REPOSITORY


Step = Callable[[str, int, int], None]


def run(plan: SimPlan, step: Step = lambda _name, _done, _total: None) -> dict[str, Any]:
    """Simulate it; the result that --json writes. Raises CannotSimulate, and what a defect raises."""
    try:
        return _run(plan, step)
    except (MicroPythonMissing, TownError) as missing:
        raise CannotSimulate(str(missing)) from None


def _run(plan: SimPlan, step: Step) -> dict[str, Any]:
    began_s = time.monotonic()
    folder = tempfile.TemporaryDirectory(prefix="vuzol-sim-", dir=_fast_folder(plan.nodes))
    with folder as name, _one_core(), _quiet(), contextlib.ExitStack() as closing:
        simulation = _Simulation(plan, Path(name), step, closing)
        ledger = simulation.live()
        return {
            "seed": plan.seed,
            "trace_hash": simulation.trace.hash,
            "virtual_hours": round(simulation.hours, 3),
            "wall_s": round(time.monotonic() - began_s, 1),
            "faults": dict(simulation.faults.counts),
            "records": ledger.records(),
            "documents": simulation.documents(),
            "ledger": {"reconciles": ledger.reconciles, "differences": ledger.differences},
        }


def _fast_folder(nodes: int) -> Path | None:
    """In memory, where there is room: commits are durable there against all that dies in here."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > nodes * NODE_BYTES else None


@contextlib.contextmanager
def _one_core() -> Iterator[None]:
    """Nodes and scheduler take turns: on one core a turn costs half as much."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(cores)[os.getpid() % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What the controller has to say of faults is no news here; what is a defect raises."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


class _Simulation:
    def __init__(self, plan: SimPlan, folder: Path, step: Step, closing: contextlib.ExitStack) -> None:
        self._step = step
        self.hours = max(plan.hours, plan.faults.needs_h)
        self._plan = plan.faults
        self._firmware = plan.firmware
        self.trace = Trace()
        self.faults = Faults(plan.faults, plan.seed, self.hours)
        self._world = World(seed=plan.seed, utc_us=BEGIN_UTC_US)
        self._broker = BrokerModel(self._world)
        self._broker.forward = self.faults.forward
        self._network = Network(self._world, self._broker, self.faults.link, self.trace)
        self._lines: dict[str, ModbusLine] = {}
        self._line_of: dict[str, ModbusLine] = {}  # by the node
        self._setting = self._prepare(plan, folder)
        self._controller = ControllerInTime(
            self._world, self._setting.config, self._network.dial, self._lines.__getitem__, self.trace
        )
        closing.callback(self._controller.kill)
        self._loop = VirtualLoop(self._world)
        closing.callback(self._loop.drop)
        self._jobs: list[asyncio.Task[None]] = []
        self._off: set[str] = set()  # nodes whose supply will come back by a fault's own hand
        self._nodes: dict[str, NodeHandle] = {}
        self._documents: list[Flash] = []  # of all nodes
        self._journals: dict[str, NodeJournal] = {}  # as they were read last
        for node in self._setting.nodes:
            self._nodes[node.name] = closing.enter_context(self._power_on(node))

    def _prepare(self, plan: SimPlan, folder: Path) -> Setting:
        keys = random.Random(f"{plan.seed} keys")
        meters, posts = plan.nodes // METERS, plan.nodes // POSTS
        validators = max(1, round((plan.nodes - meters - posts) * VALIDATORS))
        displays = plan.nodes - meters - posts - validators
        setting = prepare(
            TownPlan(validators=validators, displays=displays, meters=meters, posts=posts, seed=plan.seed),
            folder,
            (0, 1883),
            lambda _name, _done, _total: None,
            now_s=BEGIN_UTC_US / 1e6,
            around_s=max(AROUND_S, int(self.hours * 3600)),
            new_key=lambda: keys.randbytes(32),
        )
        on_bus = setting.nodes[ONE_ON_BUS - 1 :: ONE_ON_BUS]
        lines = [
            self._lay_line(number, on_bus[first : first + ON_A_LINE])
            for number, first in enumerate(range(0, len(on_bus), ON_A_LINE), 1)
        ]
        with setting.config.open("a", encoding="utf-8") as file:
            file.write(CONFIG + "".join(lines))
        for node in setting.nodes:
            config = node.settings["config"]
            config.update({key: SETTINGS[key] for key in SETTINGS if key in config})
            for meter in config.get("meters", []) + config.get("pulses", []):
                meter["every_min"] = READING_MIN
        return setting

    def _lay_line(self, number: int, nodes: Sequence[TownNode]) -> str:
        """Its section of the controller's configuration."""
        name = f"line {number}"
        self._lines[name] = ModbusLine(self._world, self.trace, self.faults.link(name))
        for unit, node in enumerate(nodes, 1):
            node.settings["uplink"] = {"transport": "modbus_rtu", "unit": unit}
            self._line_of[node.name] = self._lines[name]
        return LINE.format(name=name, units=list(range(1, len(nodes) + 1)))

    def _power_on(self, node: TownNode) -> NodeHandle:
        def lane(order: NodeOrder) -> VirtualNode:
            made = VirtualNode(order, self._world, self._network.dial, self._firmware)
            self._documents.append(made.documents)
            if made.wiring.gnss is not None:
                made.wiring.gnss.period_s = GNSS_PERIOD_S
                made.wiring.gnss.is_gathered = True
            if node.settings["uplink"]["transport"] == "mqtt":
                made.ahead_us = AHEAD_US
            else:
                self._line_of[node.name].join(made, node.name, self.faults.link(node.name))
            return made

        return start(BOARD, node.kind, node.settings, node.folder, lane=lane)

    def live(self) -> Ledger:
        """From the first power-on to the ledger."""
        self._controller.start()
        for node in self._setting.nodes:
            handle = self._nodes[node.name]
            self._do(self._cut_power(node.name, handle))
            if node.kind == "fare_validator":
                self._do(self._ride(node.name, handle))
                self._do(self._drive(handle, self._setting.motions[node.vehicle_id]))
        jobs = (
            self._publish(),
            self._restart_controller(),
            self._restart_broker(),
            self._set_clock(),
            self._read_journals(),
        )
        for job in jobs:
            self._do(job)
        self._let_pass(self.hours * 3600)
        self._end_faults()
        self._settle()
        return self._reconcile()

    def documents(self) -> dict[str, int]:
        """What came of the documents."""
        return self._controller.documents()

    def _do(self, job: Coroutine[Any, Any, None]) -> None:
        self._jobs.append(self._loop.create_task(job))

    def _let_pass(self, seconds: float) -> None:
        end_us = self._world.now_us() + int(seconds * 1e6)
        total = int(seconds // 60)
        while (left_us := end_us - self._world.now_us()) > 0:
            self._step("virtual", total - int(left_us // 60e6), total)
            self._world.run_until(min(end_us, self._world.now_us() + int(CHECK_S * 1e6)))
            self._controller.check()
            if self._loop.failures:
                raise RuntimeError("a job of the simulation failed") from self._loop.failures[0]  # type: ignore[misc]
        self._step("virtual", total, total)

    # What people and vehicles do

    async def _ride(self, name: str, validator: NodeHandle) -> None:
        chance = self.faults.chance(f"riders {name}")
        media = riders.pocket(chance)
        while True:
            await asyncio.sleep(chance.expovariate(1 / MEAN_RIDE_S))
            if chance.random() < CASH_SHARE:
                validator.press()
            else:
                await riders.board(validator, next(media))

    async def _drive(self, validator: NodeHandle, motion: VehicleMotion) -> None:
        while True:
            validator.gnss.move(*motion.position_at(self._world.utc_us() / 1e6))
            await asyncio.sleep(GNSS_PERIOD_S)

    async def _publish(self) -> None:
        chance = self.faults.chance("documents")
        while True:
            await asyncio.sleep(PUBLISH_S / 2)
            self._controller.publish(chance.randbytes(chance.randint(*DOCUMENT_BYTES)))
            await asyncio.sleep(PUBLISH_S / 2)

    async def _read_journals(self) -> None:
        while True:
            await asyncio.sleep(READ_S)
            for name, node in self._nodes.items():
                self._journals[name] = read_journal(node.flash_image(), self._journals.get(name))

    # What goes wrong

    async def _cut_power(self, name: str, node: NodeHandle) -> None:
        plan, chance = self._plan.power_cut, self.faults.chance(f"power {name}")
        for pause_s in self.faults.moments_s(f"power {name}", plan.per_node_hour):
            await asyncio.sleep(pause_s)
            if chance.random() < plan.in_flash_share:
                node.cut_power_at(node.flash.operations + chance.randint(1, 40))
                armed_s = 0.0
                while node.alive and armed_s < LONGEST_ARMED_S:
                    await asyncio.sleep(1)
                    armed_s += 1
                self.faults.counts["power_cuts_in_flash"] += not node.alive
            node.cut_power()
            self.faults.counts["power_cuts"] += 1
            await asyncio.sleep(draw(chance, plan.off_s))
            node.flash.cut_at(None)
            node.start()

    async def _restart_controller(self) -> None:
        plan, chance = self._plan.controller_restart, self.faults.chance(CONTROLLER)
        for pause_s in self.faults.moments_s(CONTROLLER, plan.per_hour):
            await asyncio.sleep(pause_s)
            if chance.random() < plan.in_commit_share:
                dead = asyncio.Event()
                self._controller.kill_at_commit(done=chance.random() < 0.5, told=dead.set)
                await dead.wait()
                self.faults.counts["controller_restarts_in_commit"] += 1
            self._controller.kill()
            self.faults.counts["controller_restarts"] += 1
            await asyncio.sleep(draw(chance, plan.down_s))
            self._controller.start()

    async def _restart_broker(self) -> None:
        plan, chance = self._plan.broker_restart, self.faults.chance("broker")
        for pause_s in self.faults.moments_s("broker", plan.per_hour):
            await asyncio.sleep(pause_s)
            self._broker.stop(forget=chance.random() < 0.5)
            self.faults.counts["broker_restarts"] += 1
            await asyncio.sleep(draw(chance, plan.down_s))
            self._broker.start()

    async def _set_clock(self) -> None:
        plan, chance = self._plan.clock_jump, self.faults.chance("clock")
        for pause_s in self.faults.moments_s("clock", plan.per_hour):
            await asyncio.sleep(pause_s)
            right = self._controller.clock_is_off_s
            self._controller.clock_is_off_s = 0.0 if right else draw(chance, plan.by_s)
            self.faults.counts["clock_jumps"] += 1

    # The end

    def _end_faults(self) -> None:
        """Nothing goes wrong any more, nobody rides; what is down comes up."""
        for job in self._jobs:
            job.cancel()
        self.faults.heal(self._world.now_us())
        self._broker.start()
        self._controller.clock_is_off_s = 0.0
        if not self._controller.running:
            self._controller.start()
        for node in self._setting.nodes:
            handle = self._nodes[node.name]
            handle.flash.cut_at(None)
            handle.start()
            if node.kind == "fare_validator":
                handle.remove_card()
                handle.gnss.lose_fix()

    def _settle(self) -> None:
        """Each node's supply is cut once nothing waits in its journal."""
        waiting = dict(self._nodes)
        total = len(waiting)
        for _ in range(int(SETTLE_S / SETTLE_CHECK_S)):
            if not waiting:
                break
            self._world.run_until(self._world.now_us() + int(SETTLE_CHECK_S * 1e6))
            self._controller.check()
            for name, node in list(waiting.items()):
                if read_journal(node.flash_image()).settled:
                    node.cut_power()
                    del waiting[name]
            self._step("settling", total - len(waiting), total)
        for node in waiting.values():
            node.cut_power()
        self.faults.counts["power_cuts_in_documents"] = sum(one.cuts for one in self._documents)

    def _reconcile(self) -> Ledger:
        self._controller.kill()
        ledger = Ledger()
        stored = self._controller.stored()
        for name, node in self._nodes.items():
            rows, refused = stored[name]
            journal = read_journal(node.flash_image(), self._journals.get(name))
            ledger.add(name, journal, rows, {"refused_duplicates": refused})
        return ledger

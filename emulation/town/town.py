"""The town: a controller, a broker, and nodes of every kind on a feed that is moved in time to now.

Never imports the controller, and never tells it anything that a real town would not.
Specification: README.md, "The demo"; tools/README.md for the keys of the result.
"""

import asyncio
import random
import secrets
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from emulation.launch import NodeHandle
from emulation.town import city_air, houses, riders, silicon
from emulation.town.controller_child import ControllerChild, ControllerFailed
from emulation.town.load import LoadMeter
from emulation.town.nodes import TownNode, start_node, validator_settings
from emulation.town.plan import Reporter, TownError, TownPlan
from emulation.town.predictions import PredictionWatch
from emulation.town.reconcile import Ledger, read_journal
from emulation.town.setting import Setting, prepare
from protocols.provisioning import NodeEntry
from protocols.wire import topics

ONLINE_TIMEOUT_S = 60.0
DRAIN_TIMEOUT_S = 45.0
ASK_AGAIN_S = 0.2
PULSE_S = 1.0
MOTION_S = 0.5
WATER_S = 7.0
COUNTED = ("taps", "positions", "arrivals_shown", "readings", "air_samples")
PREDICTIONS_S = 5.0
RECORDS_A_PAGE = 1000


@contextmanager
def _folder_of(plan: TownPlan) -> Iterator[Path]:
    if plan.folder is None:
        with tempfile.TemporaryDirectory(prefix="vuzol-town-") as name:
            yield Path(name)
        return
    if plan.folder.exists() and any(plan.folder.iterdir()):
        raise TownError(f"{plan.folder} is not empty: name a new folder with --folder")
    plan.folder.mkdir(parents=True, exist_ok=True)
    yield plan.folder


def _free_port(wanted: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            raise TownError(
                f"port {wanted} is taken: choose another with --port, or --port 0 for any free one"
            ) from None
        return int(probe.getsockname()[1])


async def run(plan: TownPlan, stop: asyncio.Event, reporter: Reporter) -> dict[str, Any]:
    """Build the town, let it live, drain it, reconcile it; the result that --json writes. Raises TownError."""
    began_s = time.monotonic()
    if plan.silicon:
        silicon.check_possible()
    with _folder_of(plan) as folder:
        ports = _free_port(plan.port), _free_port(0)
        setting = await asyncio.to_thread(prepare, plan, folder, ports, reporter.step)
        controller = ControllerChild(setting.config, ports[0], folder / "controller.log")
        try:
            return await _Life(plan, setting, controller, reporter).live(stop, setup_s=time.monotonic() - began_s)
        except ControllerFailed as error:
            raise TownError(f"the controller did not start: {error}") from None
        except ExceptionGroup as group:  # the task group's wrapping is no concern of the person who reads the sentence
            told = group.subgroup(TownError)
            if told is None:
                raise
            raise TownError(str(told.exceptions[0])) from None
        finally:
            await controller.stop()


class _Life:
    """One life of one town, from the first power-on to the ledger."""

    def __init__(self, plan: TownPlan, setting: Setting, controller: ControllerChild, reporter: Reporter) -> None:
        self._plan = plan
        self._setting = setting
        self._controller = controller
        self._reporter = reporter
        self._nodes: dict[str, NodeHandle] = {}
        self._load = LoadMeter()
        self._predictions = PredictionWatch(setting.true_visits())
        self._online: dict[str, int] = {}

    async def live(self, stop: asyncio.Event, *, setup_s: float) -> dict[str, Any]:
        """Everything after the set-up."""
        up_began_s = time.monotonic()
        self._reporter.step("controller", 0, 1)
        await self._controller.start()
        self._reporter.step("controller", 1, 1)
        with ExitStack() as powered:
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(self._controller.keep_running())]
                self._power_on(powered)
                background += [tasks.create_task(job) for job in (self._move(), self._blow(), self._sample_load())]
                await self._wait_online(stop)
                up_s = time.monotonic() - up_began_s
                self._reporter.ready(self._controller.url)
                boarding = [tasks.create_task(riders.ride(h, c)) for h, c in self._validators()]
                boarding += [tasks.create_task(self._use_water(house)) for house in self._of_kind("utility_meter")]
                watching = [tasks.create_task(job) for job in (self._pulse(), self._watch_predictions())]
                watching.append(tasks.create_task(self._enter_houses()))
                await self._wait_end(stop)
                for task in (*boarding, *watching):
                    task.cancel()
                alarms = (await self._ask("/api/v1/alarms"))["alarms"]
                ledger = await self._settle_and_reconcile()
                counters = (await self._ask("/api/v1/town", shapes="false"))["counters"]
                for task in background:
                    task.cancel()
        return self._result(ledger, counters, alarms, setup_s=setup_s, up_s=up_s)

    def _power_on(self, powered: ExitStack) -> None:
        total = len(self._setting.nodes)
        start_of_unit = start_node
        if self._plan.silicon:
            start_of_unit = powered.enter_context(silicon.SiliconBus(self._setting.config.parent)).start
        for number, node in enumerate(self._setting.nodes):
            self._reporter.step("nodes", number, total)
            self._nodes[node.name] = powered.enter_context((start_of_unit if node.unit else start_node)(node))
        self._reporter.step("nodes", total, total)

    def _of_kind(self, kind: str) -> list[TownNode]:
        return [node for node in self._setting.nodes if node.kind == kind]

    def _validators(self) -> Iterator[tuple[NodeHandle, random.Random]]:
        for node in self._of_kind("fare_validator"):
            yield self._nodes[node.name], random.Random(f"{self._plan.seed} {node.vehicle_id}")

    async def _ask(self, path: str, **parameters: str | int) -> Any:
        """The controller's answer; it may be on its way back from a death. Raises TownError."""
        patience_s = ONLINE_TIMEOUT_S
        while patience_s > 0:
            answer = await self._controller.get(path, **parameters)
            if answer is not None:
                return answer
            await asyncio.sleep(ASK_AGAIN_S)
            patience_s -= ASK_AGAIN_S
        raise TownError(f"the controller does not answer {path}; its log is controller.log, kept with --folder")

    async def _tell(self, path: str, entries: list[dict[str, Any]]) -> None:
        """Until the controller has taken it: it may be on its way back from a death."""
        taken = not entries
        while not taken:
            taken = await self._controller.post(path, entries)
            await asyncio.sleep(ASK_AGAIN_S)

    async def _count_online(self) -> int:
        nodes = await self._controller.get("/api/v1/nodes")
        if nodes is not None:
            kinds = {node.kind for node in self._setting.nodes}
            self._online = {kind: sum(1 for n in nodes if n["kind"] == kind and n["online"]) for kind in kinds}
        return sum(self._online.values())

    async def _wait_online(self, stop: asyncio.Event) -> None:
        total = len(self._setting.nodes)
        with suppress(TimeoutError):
            async with asyncio.timeout(ONLINE_TIMEOUT_S):
                while not stop.is_set():
                    online = await self._count_online()
                    self._reporter.step("online", online, total)
                    if online == total:
                        return
                    await asyncio.sleep(0.1)

    async def _wait_end(self, stop: asyncio.Event) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._plan.seconds):
                await stop.wait()

    async def _move(self) -> None:
        """Every vehicle at its true place, for its GNSS receiver to find."""
        while True:
            now_s = time.time()
            for node in self._of_kind("fare_validator"):
                self._nodes[node.name].gnss.move(*self._setting.motions[node.vehicle_id].position_at(now_s))
            await asyncio.sleep(MOTION_S)

    async def _use_water(self, house: TownNode) -> None:
        """Somebody opens a tap: the water meter's contact closes each ten litres."""
        while True:
            self._nodes[house.name].meters.pulse(1, per_second=2, bounce_us=2_000)
            await asyncio.sleep(WATER_S)

    async def _enter_houses(self) -> None:
        """What people of the town know of its meters: told once each of them has been heard."""
        nodes = [node.name for node in self._of_kind("utility_meter")]
        found: list[dict[str, Any]] = []
        while len(found) < len(nodes) * len(houses.MEASURED):
            await asyncio.sleep(PULSE_S)
            found = list(houses.meters(nodes, await self._ask("/api/v1/series"), self._plan.language))
        await self._tell("/api/v1/points/meters", found)
        yesterday = datetime.now(UTC).date() - timedelta(days=1)  # which is past in every zone
        await self._tell("/api/v1/points/readings", list(houses.readings(nodes, yesterday, self._plan.language)))

    async def _blow(self) -> None:
        """The air at every post, for its sensors to find."""
        posts = [self._nodes[node.name].air.weather for node in self._of_kind("air_sensor")]
        while posts:
            for number, weather in enumerate(posts):
                city_air.blow(weather, time.time(), number)
            await asyncio.sleep(MOTION_S)

    async def _sample_load(self) -> None:
        while True:
            await asyncio.to_thread(self._load.sample)
            await asyncio.sleep(PULSE_S)

    async def _pulse(self) -> None:
        while True:
            town = await self._controller.get("/api/v1/town", shapes="false")
            if town is not None:
                counters = town["counters"]
                online = sum(1 for node in town["nodes"] if node["online"])
                self._reporter.pulse({**counters, "online": online, "nodes": len(town["nodes"])})
            await asyncio.sleep(PULSE_S)

    async def _watch_predictions(self) -> None:
        stops = sorted({node.stop_id for node in self._of_kind("stop_display")})
        while True:
            for stop_id in stops:
                answer = await self._controller.get(f"/api/v1/stops/{stop_id}/arrivals")
                self._predictions.sample(stop_id, answer["arrivals"] if answer else (), time.time())
            await asyncio.sleep(PREDICTIONS_S)

    async def _settle_and_reconcile(self) -> Ledger:
        """Riders are gone and satellites are lost; each node's supply is cut once nothing waits in its journal."""
        await self._count_online()
        for node in self._of_kind("fare_validator"):
            self._nodes[node.name].gnss.lose_fix()
        waiting = set(self._nodes)
        total = len(waiting)
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                while waiting:
                    for name in sorted(waiting):
                        if self._ends_settled(self._nodes[name]):
                            waiting.discard(name)
                    self._reporter.step("draining", total - len(waiting), total)
                    await asyncio.sleep(0.2)
        for name in waiting:
            self._nodes[name].cut_power()
        return await self._reconcile()

    def _ends_settled(self, node: NodeHandle) -> bool:
        """Cut the supply of a node whose journal waits for nothing."""
        if not read_journal(node.flash_image()).settled:
            return False
        node.cut_power()
        if read_journal(node.flash_image()).settled:
            return True
        node.start()  # it journalled one more between our look and the cut
        return False

    async def _reconcile(self) -> Ledger:
        ledger = Ledger()
        rows = {row["node"]: row for row in (await self._ask("/api/v1/ledger", verify="true"))["rows"]}
        for node in self._setting.nodes:
            journal = read_journal(self._nodes[node.name].flash_image())
            ledger.add(node.name, journal, await self._stored(node.name), rows[node.name])
        return ledger

    async def _stored(self, node: str) -> list[tuple[int, int]]:
        """(seq, CRC-32) of every record that the controller holds of a node."""
        rows: list[tuple[int, int]] = []
        next_seq: int | None = 0
        while next_seq is not None:
            page = await self._ask(f"/api/v1/nodes/{node}/records", from_seq=next_seq, limit=RECORDS_A_PAGE)
            rows += [(one["seq"], one["crc32"]) for one in page["records"]]
            next_seq = page["next_seq"]
        return rows

    def _result(
        self, ledger: Ledger, counters: dict[str, Any], alarms: list[dict[str, Any]], *, setup_s: float, up_s: float
    ) -> dict[str, Any]:
        kinds = sorted({node.kind for node in self._setting.nodes})
        decisions = sorted(ms for handle, _ in self._validators() for ms in handle.tap_to_green_ms)
        return {
            "nodes": {
                kind: {"started": len(self._of_kind(kind)), "online": self._online.get(kind, 0)} for kind in kinds
            },
            "records": ledger.records(),
            "ledger": {"reconciles": ledger.reconciles, "differences": ledger.differences},
            "counts": {name: counters[name] for name in COUNTED},
            "alarms": [f"{alarm['kind']} {alarm['name']}" for alarm in alarms],
            "tap_decision_ms": {"p50": _percentile(decisions, 50), "p95": _percentile(decisions, 95)},
            "eta_error_s": self._predictions.mean_error_s(),
            "rss_mb": round(self._load.rss_mb, 1),
            "cpu_cores": round(self._load.cpu_cores(), 2),
            "setup_s": round(setup_s, 2),
            "up_s": round(up_s, 2),
        }


def _percentile(values: list[float], percent: int) -> float | None:
    return round(values[min(len(values) - 1, len(values) * percent // 100)], 1) if values else None


def measure_starts(count: int) -> list[float]:
    """Milliseconds from power to the light that says: in service; without a broker."""
    times_ms = []
    for number in range(count):
        with tempfile.TemporaryDirectory(prefix="vuzol-start-") as name:
            entry = NodeEntry(
                number.to_bytes(8, "big"), secrets.token_bytes(32), "bench", "fare_validator", "bench", "1", 1
            )
            settings = validator_settings(entry, city_key=secrets.token_bytes(32), mqtt_port=9, language="en")
            node = TownNode(topics.node_name(entry.node), entry.kind, settings, Path(name))
            began_s = time.perf_counter()
            with start_node(node) as handle:
                handle.wait_light("blue", 10)
                times_ms.append((time.perf_counter() - began_s) * 1000)
    return times_ms

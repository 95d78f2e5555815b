"""How the controller keeps its Modbus schedule, and what that costs: beside a plain pymodbus loop and another gateway.

Never reaches into the controller: it is started by its command; what counts is what the emulated devices were asked.
Specification: README.md, "Benchmarks"; modbus_line.py beside this file has the devices, modbus_rivals.py the rivals.
"""

import asyncio
import contextlib
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from tools.bench_controller import make_nodes, running_controller
from tools.modbus_line import CHARACTER_BITS, Node, SerialLine, TcpDevices, registers
from tools.modbus_rivals import REGISTERS, Work, install_thingsboard, plain_loop, thingsboard

DEVICES = 1000
THINGSBOARD_DEVICES = 200  # more than a thousand are beyond it on two cores; its figure is scaled
SEPARATE, DEAD_SHARE = 200, 10
GATEWAY_UNITS, GATEWAY_DEAD, GATEWAY_PATIENCE_S = 20, (5, 14), 0.3
RTU_UNITS, RTU_DEAD, RTU_BAUD = 30, (4, 13, 22), 115_200
SETTLE_S = 12.0
WATCH_S = 20.0
DRAIN_RECORDS = 20_000
DRAIN_SETTLE_S = 8.0
DRAIN_S = 20.0
TEMPLATE = """
name = "A device of the benchmark"
source = "tools/bench_modbus.py"
[group.all]
interval_s = 1
""" + "".join(
    f'[[point]]\nname = "p{n}"\naddress = {2 * n}\ntype = "f32"\ngroup = "all"\n' for n in range(REGISTERS // 2)
)

OURS, THINGSBOARD = "vuzol", "thingsboard-gateway"

Counts = Counter[int | str]
Program = Callable[[], contextlib.AbstractContextManager[psutil.Process]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure and the load it was taken under."""

    name: str
    value: float
    unit: str
    better: Literal["higher", "lower"]
    load: str
    rival: tuple[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Devices of which some are dead, and what the healthy ones answered so far."""

    name: str
    load: str
    work: Work
    answers: Counts
    healthy: tuple[int | str, ...]


def measure(say: Callable[[str], None]) -> list[Measured]:
    """All figures; `say` hears what could not be measured, and why."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))  # a thousand connections at both ends
    missing = install_thingsboard()
    if missing:
        say(missing)
    with tempfile.TemporaryDirectory(prefix="vuzol-bench-") as name:
        folder = Path(name)
        (folder / "device.toml").write_text(TEMPLATE, encoding="utf-8")
        return asyncio.run(_measure(folder, with_thingsboard=not missing))


async def _measure(folder: Path, *, with_thingsboard: bool) -> list[Measured]:
    found = await _cost(folder, with_thingsboard=with_thingsboard)
    found += await _schedules(folder, with_thingsboard=with_thingsboard)
    for baud in (9600, 115_200):
        found.append(await _drain(baud))
    return found


def _hosts(count: int) -> tuple[str, ...]:
    return tuple(f"127.1.{number // 250}.{number % 250 + 1}" for number in range(count))


def _bus(name: str, transport: str, address: str, units: Iterable[int], folder: Path) -> str:
    devices = ", ".join(
        f'{{ unit = {unit}, name = "{name} {unit}", template = "{folder}/device.toml" }}' for unit in units
    )
    baud = f"baud = {RTU_BAUD}\n" if transport == "rtu" else ""
    return f'[[bus]]\nname = "{name}"\ntransport = "{transport}"\naddress = "{address}"\n{baud}device = [{devices}]\n'


def _buses(work: Work, folder: Path) -> str:
    """The same work for the controller."""
    text = "".join(_bus(host, "tcp", f"{host}:{work.port}", (1,), folder) for host in work.hosts)
    if work.gateway_port:
        text += _bus("gateway", "tcp", f"127.0.0.1:{work.gateway_port}", range(1, work.gateway_units + 1), folder)
    if work.serial:
        text += _bus("line", "rtu", work.serial, range(1, work.serial_units + 1), folder)
    return text


@contextlib.contextmanager
def _vuzol(work: Work, folder: Path) -> Iterator[psutil.Process]:
    with running_controller(make_nodes(1), _buses(work, folder)) as controller:
        yield controller.process


@contextlib.contextmanager
def _thingsboard(work: Work, folder: Path) -> Iterator[psutil.Process]:
    """With the broker of a controller that has nothing to do."""
    scratch = Path(tempfile.mkdtemp(dir=folder))
    with (
        running_controller(make_nodes(1), open_to_all=True) as controller,
        thingsboard(work, controller.port, scratch) as process,
    ):
        yield process


async def _watch(start: Program, counts: Counts) -> tuple[float, Counts]:
    """(cores, what each device answered) of a program that runs as long as everybody does."""
    with contextlib.ExitStack() as running:
        process = await asyncio.to_thread(running.enter_context, start())
        await asyncio.sleep(SETTLE_S)
        before = counts.copy()
        times = process.cpu_times()
        began_s = time.perf_counter()
        await asyncio.sleep(WATCH_S)
        took_s = time.perf_counter() - began_s
        now = process.cpu_times()
        return (now.user + now.system - times.user - times.system) / took_s, counts - before


def _programs(folder: Path, *, with_thingsboard: bool) -> dict[str, Callable[[Work], Program]]:
    """Ours first, then its rivals, for any work."""
    programs: dict[str, Callable[[Work], Program]] = {
        OURS: lambda work: lambda: _vuzol(work, folder),
        "plain pymodbus loop": lambda work: lambda: plain_loop(work),
    }
    if with_thingsboard:
        programs[THINGSBOARD] = lambda work: lambda: _thingsboard(work, folder)
    return programs


def _kept_pct(answers: Counts, healthy: Iterable[int | str]) -> float:
    """Of one poll a second of each healthy device: how many were answered."""
    kept = [min(1.0, answers[one] / WATCH_S) for one in healthy]
    return 100 * sum(kept) / len(kept)


async def _cost(folder: Path, *, with_thingsboard: bool) -> list[Measured]:
    """Processor time of a thousand polls a second."""
    cores, rates = {}, {}
    async with TcpDevices().serving() as devices:
        for name, program in _programs(folder, with_thingsboard=with_thingsboard).items():
            hosts = _hosts(THINGSBOARD_DEVICES if name == THINGSBOARD else DEVICES)
            took, answers = await _watch(program(Work(hosts=hosts, port=devices.port)), devices.answers)
            rates[name] = answers.total() / WATCH_S
            cores[name] = took * 1000 / max(1.0, rates[name])
    load = (
        f"{DEVICES} devices on connections of their own, {REGISTERS} registers of each once a second, "
        f"scaled from {rates[OURS]:.0f} answers/s to 1000; ours decodes and stores {REGISTERS // 2} samples of each, "
        f"the loop throws its answers away; {THINGSBOARD} has {THINGSBOARD_DEVICES} devices, one value each"
    )
    ours = cores.pop(OURS)
    return [
        Measured("modbus_tcp.cpu_core_per_1000_devices", ours, "cores", "lower", load, rival) for rival in cores.items()
    ]


async def _schedules(folder: Path, *, with_thingsboard: bool) -> list[Measured]:
    """What dead devices cost the healthy ones: apart, behind one connection, on one line."""
    hosts = _hosts(SEPARATE)
    dead_hosts = hosts[::DEAD_SHARE]
    rtu = {unit: registers for unit in range(1, RTU_UNITS + 1) if unit not in RTU_DEAD}
    async with (
        TcpDevices(dead=dead_hosts).serving() as separate,
        TcpDevices(is_gateway=True, dead=GATEWAY_DEAD, patience_s=GATEWAY_PATIENCE_S).serving() as gateway,
        SerialLine(RTU_BAUD, rtu).serving() as line,
    ):
        scenes = (
            Scene(
                "modbus_tcp.healthy_schedule_pct",
                f"{SEPARATE} devices on connections of their own, every {DEAD_SHARE}th dead",
                Work(hosts=hosts, port=separate.port),
                separate.answers,
                tuple(host for host in hosts if host not in dead_hosts),
            ),
            Scene(
                "modbus_tcp.healthy_schedule_pct",
                f"{GATEWAY_UNITS} units behind one connection, {len(GATEWAY_DEAD)} dead, for each of which the gateway "
                f"holds its line {GATEWAY_PATIENCE_S} s",
                Work(gateway_port=gateway.port, gateway_units=GATEWAY_UNITS),
                gateway.answers,
                tuple(unit for unit in range(1, GATEWAY_UNITS + 1) if unit not in GATEWAY_DEAD),
            ),
            Scene(
                "modbus_rtu.healthy_schedule_pct",
                f"{RTU_UNITS} units on one emulated line of {RTU_BAUD} Bd, {len(RTU_DEAD)} dead",
                Work(serial=line.path, baud=RTU_BAUD, serial_units=RTU_UNITS),
                line.answers,
                tuple(rtu),
            ),
        )
        kept: dict[str, list[float]] = {}
        for name, program in _programs(folder, with_thingsboard=with_thingsboard).items():
            watched = await asyncio.gather(*(_watch(program(scene.work), scene.answers) for scene in scenes))
            kept[name] = [_kept_pct(one, scene.healthy) for (_, one), scene in zip(watched, scenes, strict=True)]
    ours = kept.pop(OURS)
    asked = f"{REGISTERS} registers of each once a second, {WATCH_S:.0f} s after {SETTLE_S:.0f} s"
    return [
        Measured(scene.name, ours[number], "%", "higher", f"{scene.load}; {asked}", (rival, theirs[number]))
        for number, scene in enumerate(scenes)
        for rival, theirs in kept.items()
    ]


async def _drain(baud: int) -> Measured:
    """How much of a line's time is bytes of records while a node's backlog comes up."""
    (entry,) = make_nodes(1)
    node = Node(entry, DRAIN_RECORDS, lambda: time.monotonic_ns() // 1_000_000)
    async with SerialLine(baud, {1: node.answer}).serving() as line:
        bus = f'[[bus]]\nname = "line"\ntransport = "rtu"\naddress = "{line.path}"\nbaud = {baud}\nnodes = [1]\n'
        with running_controller([entry], bus):
            await asyncio.sleep(DRAIN_SETTLE_S)
            node.receipts.clear()
            await asyncio.sleep(DRAIN_S)
    (began_s, first), (ended_s, last) = node.receipts[0], node.receipts[-1]
    size, took_s = (last - first) * node.record_size, ended_s - began_s
    load = (
        f"one node's backlog, {node.record_size} bytes a record, receipts included; emulated line of {baud} Bd, "
        f"{CHARACTER_BITS} bits a character; {size / took_s:.0f} bytes/s"
    )
    return Measured(
        f"modbus_rtu.drain_payload_pct_{baud}", 100 * size * CHARACTER_BITS / baud / took_s, "%", "higher", load
    )

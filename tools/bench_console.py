"""What an open page of the console costs the server, and how soon it shows a change, in a city that never stands still.

Never reaches into the controller: nodes speak over MQTT, a real browser looks, the operating system counts.
Specification: README.md, "Benchmarks"; Chromium is Debian's.
"""

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from statistics import quantiles

import aiomqtt
from playwright.async_api import Page, async_playwright

from protocols.provisioning import NodeEntry
from protocols.wire import batch, record, state, topics
from protocols.wire.messages import position, status
from protocols.wire.node_kinds import NODE_KINDS
from tools.bench_controller import SITE, Measured, make_client, make_nodes, running_controller

VEHICLES = 500
MOVE_S = 2  # each vehicle tells its position so often
NODES = 2_000  # the others tell their status every STATUS_S
STATUS_S = 30
FLIPS_PER_S = 20  # nodes that go offline or come back
SLICES = 20  # a second's work is spread over so many moments
SETTLE_S = 8.0
WINDOW_S = 30.0
PROBE_S = 1.3  # not a multiple of the console's beat
IN_FLIGHT = 256
KINDS = {name: number for number, name, _, _ in NODE_KINDS}
LOAD = (
    f"{VEHICLES} vehicles move every {MOVE_S} s, {NODES - VEHICLES} other nodes tell their status every {STATUS_S} s, "
    f"{FLIPS_PER_S} nodes a second go offline or come back; one Chromium on the page; the dearer of map and fleet"
)

# Notes when the watched attribute or text changes, by the browser's clock, which is this machine's.
WATCH = """([selector, attribute]) => {
  const node = document.querySelector(selector);
  window.seenAt = [];
  new MutationObserver(() => window.seenAt.push(Date.now())).observe(node, attribute
    ? { attributes: true, attributeFilter: [attribute] } : { childList: true, characterData: true, subtree: true });
}"""


class NoBrowser(Exception):
    """Chromium is missing."""


@dataclass(frozen=True, slots=True)
class Result:
    """Processor time of the controller, in cores: what the page adds, and all of it; the delay that a reader sees."""

    cpu_core: float
    whole_core: float
    update_p95_ms: float


class _Node:
    """One node of the city, without its firmware."""

    def __init__(self, entry: NodeEntry) -> None:
        self.entry = entry
        self._seq = 0
        self._online = True

    def told(self, kind: int, version: int, body: bytes) -> tuple[str, bytes]:
        """Topic and envelope of its next record."""
        self._seq += 1
        made = record.build(kind, version, record.CLOCK_GNSS, self._seq, time.time_ns() // 1_000_000, body)
        return self._topic("up"), batch.build(self.entry.key, self.entry.node, 1, [made])

    def moved(self, lat: float, lon: float) -> tuple[str, bytes]:
        """It stands somewhere else."""
        at = int(lat * 1e7), int(lon * 1e7)
        body = position.build(position.Position(self.entry.vehicle, 0, *at, 830, 9000, 90, 11))
        return self.told(position.KIND, position.VERSION, body)

    def well(self) -> tuple[str, bytes]:
        """It tells its status."""
        body = status.build(status.Status(self._seq * STATUS_S, 80_000, 110_000, self._seq % 7, 0, 12, 1, 0, 0, 0))
        return self.told(status.KIND, status.VERSION, body)

    def flipped(self) -> tuple[str, bytes]:
        """It goes offline, or comes back."""
        self._online = not self._online
        word = state.ONLINE if self._online else state.OFFLINE
        told = state.State(word, KINDS[self.entry.kind], (0, 1, 0))
        return self._topic("state"), state.build(self.entry.key, self.entry.node, 1, told)

    def _topic(self, which: str) -> str:
        return topics.topic(SITE, self.entry.node, which)


def _city() -> list[_Node]:
    entries = make_nodes(NODES)
    vehicles = [replace(entry, vehicle=n, vehicle_id=str(n)) for n, entry in enumerate(entries[:VEHICLES], 1)]
    others = [replace(entry, kind=("utility_meter", "air_sensor")[n % 2]) for n, entry in enumerate(entries[VEHICLES:])]
    return [_Node(entry) for entry in (*vehicles, *others)]


def _place(number: int, second: float) -> tuple[float, float]:
    """Somewhere in the city, a few metres on each second."""
    return 47.85 + (number % 25) * 0.004 + second * 5e-5 % 0.003, 33.30 + (number // 25) * 0.008


async def _live(client: aiomqtt.Client, city: list[_Node]) -> None:
    """The city's life until cancelled; the first vehicle and the first other node are the probes, and wait."""
    vehicles, others = city[1:VEHICLES], city[VEHICLES + 1 :]
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    at_once = len(others) // (STATUS_S * SLICES) + 1
    for step in range(1_000_000):
        second = step / SLICES
        messages = [
            node.moved(*_place(node.entry.vehicle, second))
            for node in vehicles[step % (SLICES * MOVE_S) :: SLICES * MOVE_S]
        ]
        messages += [others[(step * at_once + n) % len(others)].well() for n in range(at_once)]
        if step % SLICES < FLIPS_PER_S:
            messages.append(others[secrets.randbelow(len(others))].flipped())
        await asyncio.gather(*(client.publish(topic, sealed, qos=1) for topic, sealed in messages))
        await asyncio.sleep(max(0.0, started_s + (step + 1) / SLICES - loop.time()))


async def _probe(page: Page, client: aiomqtt.Client, change: Callable[[], tuple[str, bytes]]) -> list[float]:
    """Change something again and again for the window; after how many milliseconds the browser showed each."""
    asked_ms = []
    ends_s = time.monotonic() + WINDOW_S
    while time.monotonic() < ends_s:
        topic, sealed = change()
        asked_ms.append(time.time() * 1000)
        await client.publish(topic, sealed, qos=1)
        await asyncio.sleep(PROBE_S)
    seen_ms = await page.evaluate("window.seenAt")
    found = [min((seen - asked for seen in seen_ms if seen >= asked), default=PROBE_S * 1000) for asked in asked_ms]
    return found[1:]


@asynccontextmanager
async def _browser() -> AsyncIterator[Page]:
    path = shutil.which("chromium")
    if path is None:
        raise NoBrowser("chromium is missing; type: sudo apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield await browser.new_page(viewport={"width": 1440, "height": 900})
        await browser.close()


async def _cores(controller: Measured) -> float:
    before_s, started_s = controller.cpu_s(), time.monotonic()
    await asyncio.sleep(WINDOW_S)
    return (controller.cpu_s() - before_s) / (time.monotonic() - started_s)


async def _measure(controller: Measured, city: list[_Node]) -> Result:
    vehicle, other = city[0], city[VEHICLES]
    turns = iter(range(1_000_000))
    pages = (
        ("/map", '.leaflet-marker-icon[aria-label^="Vehicle 1."]', "style", lambda: vehicle.moved(*_spot(next(turns)))),
        (f"/fleet?q={topics.node_name(other.entry.node)}", ".nodes tbody .cell-state", "", other.flipped),
    )
    async with (
        make_client(controller.port, "bench-city", IN_FLIGHT) as client,
        make_client(controller.port, "bench-probe", IN_FLIGHT) as probe,
        asyncio.TaskGroup() as tasks,
    ):
        await asyncio.gather(*(client.publish(*node.well(), qos=1) for node in city))
        await client.publish(*vehicle.moved(*_spot(next(turns))), qos=1)
        living = tasks.create_task(_live(client, city))
        await asyncio.sleep(SETTLE_S)
        alone = await _cores(controller)
        worst = Result(0.0, alone, 0.0)
        async with _browser() as page:
            for address, selector, attribute, change in pages:
                await page.goto(controller.url + address + ("&" if "?" in address else "?") + "lang=en")
                await page.wait_for_selector(selector, state="attached")
                await asyncio.sleep(SETTLE_S)
                await page.evaluate(WATCH, [selector, attribute])
                watching = asyncio.create_task(_cores(controller))
                delays_ms = await _probe(page, probe, change)
                whole = await watching
                p95_ms = quantiles(delays_ms, n=20)[-1]
                worst = Result(
                    max(worst.cpu_core, whole - alone), max(worst.whole_core, whole), max(worst.update_p95_ms, p95_ms)
                )
        living.cancel()
    return worst


def _spot(turn: int) -> tuple[float, float]:
    """Two places, one after the other, far enough from each other to be seen."""
    return 47.86 + turn % 2 * 0.01, 33.31


def measure() -> Result:
    """Run it; raises NoBrowser."""
    city = _city()
    with running_controller([node.entry for node in city], '[access]\nopen_as = "bench"\n') as controller:
        return asyncio.run(_measure(controller, city))

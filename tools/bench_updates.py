"""A change of a release on its way to 105 displays, while vehicles go on telling where they are.

Never imitates a display: each is the firmware in a MicroPython of its own; its link, flash and trial are the real ones.
Specification: controller/README.md, "Updates"; tools/README.md, "Benchmarks".
"""

import asyncio
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from protocols.provisioning import KEY_SIZE, NodeEntry
from tools.bench_backlog import LIVE_EVERY_S, Journal, Node, in_service
from tools.bench_controller import RELAY, SITE, running_controller
from tools.bench_release import CHANGE_BYTES, OPEN, Releases, roll_out, until

DISPLAYS = 105
VEHICLES = 20
STARTED_TOGETHER = 10
BEFORE_S = 15.0
RECEIPTS_S = 10.0  # so long the last of the vehicles' records may wait for theirs
KIND = "stop_display"


@dataclass(frozen=True, slots=True)
class Result:
    """From the second person's word to the last confirmation; what vehicles met meanwhile, and before."""

    displays_s: float
    live_receipt_p99_ms: float
    load: str


def measure(displays: int = DISPLAYS) -> Result:
    """Time the change; every display runs the set before it from its first start on."""
    from emulation.town.nodes import TownNode, display_settings, start_node

    releases = Releases(KIND)
    signs = [
        NodeEntry(
            number.to_bytes(8, "big"), secrets.token_bytes(KEY_SIZE), SITE, KIND, f"sign {number}", width=128, height=64
        )
        for number in range(1, displays + 1)
    ]
    vehicles = [
        Node(
            NodeEntry(
                (1000 + number).to_bytes(8, "big"), secrets.token_bytes(KEY_SIZE), SITE, "fare_validator", f"v {number}"
            ),
            Journal(0),
        )
        for number in range(1, VEHICLES + 1)
    ]
    names = ", ".join(f'"{one.entry.node.hex()}"' for one in vehicles)
    relay = f'[[relay]]\nname = "{RELAY}"\npassword_file = "relay.password"\nnodes = [{names}]\n'
    with (
        running_controller([*signs, *(one.entry for one in vehicles)], OPEN + relay, relayed=False) as controller,
        tempfile.TemporaryDirectory(prefix="vuzol-bench-") as folder,
        ExitStack() as powered,
        httpx.Client(base_url=controller.url, timeout=60, trust_env=False) as desk,
    ):

        def are_online(count: int) -> bool:
            return bool(desk.get("/healthz").json()["nodes_online"] >= count)

        for number, entry in enumerate(signs, 1):
            settings = display_settings(entry, utc_offset_min=120, mqtt_port=controller.port, language="uk")
            node = TownNode(entry.node.hex(), KIND, settings | releases.trust, Path(folder) / entry.node.hex())
            releases.burn(node.folder)
            powered.enter_context(start_node(node))
            if number % STARTED_TOGETHER == 0:
                until(lambda count=number: are_online(count), "displays online")  # type: ignore[misc]
        with _driving(controller.port, vehicles):
            until(lambda: are_online(displays + VEHICLES), "nodes online")
            time.sleep(BEFORE_S)
            before_ms = _waited_ms(vehicles)
            spent_s = controller.cpu_s()
            displays_s = roll_out(
                desk, controller, releases.change, lambda states: states.get("confirmed", 0) == displays
            )
            cores = (controller.cpu_s() - spent_s) / displays_s
            during_ms = _waited_ms(vehicles)
        lost = sum(row["missing"] for row in desk.get("/api/v1/ledger").json()["rows"])
        if lost or any(one.journal.receipted < one.journal.last_seq for one in vehicles):
            raise RuntimeError(f"live traffic was harmed: {lost} records are missing, or a vehicle's has no receipt")
    load = (
        f"{displays} displays in service, each a MicroPython process on this machine beside broker and controller "
        f"({cores:.2f} cores); {CHANGE_BYTES} bytes of the set are other modules, {releases.pulled_bytes} bytes travel "
        f"to each; one wave, 32 pull at a time; each verifies the signature, starts anew, confirms after 10 s and a "
        f"receipt. {VEHICLES} vehicles (the device's session) record every {LIVE_EVERY_S} s: receipts after "
        f"{_percentile(before_ms, 95):.0f} ms (p95), {_percentile(before_ms, 99):.0f} ms (p99) before, "
        f"{_percentile(during_ms, 95):.0f} ms, {_percentile(during_ms, 99):.0f} ms meanwhile; none is owed at the end"
    )
    return Result(displays_s, _percentile(during_ms, 99), load)


@contextmanager
def _driving(port: int, vehicles: list[Node]) -> Iterator[None]:
    """Vehicles in service, in a thread of their own; at the end their last records have their receipts."""
    parked = threading.Event()

    async def drive() -> None:
        async with in_service(port, "vehicles", vehicles) as recording:
            await asyncio.to_thread(parked.wait)
            recording.cancel()
            await asyncio.sleep(RECEIPTS_S)

    thread = threading.Thread(target=asyncio.run, args=(drive(),))
    thread.start()
    try:
        yield
    finally:
        parked.set()
        thread.join()


def _waited_ms(vehicles: list[Node]) -> list[float]:
    """What their records waited for receipts since the last look."""
    waited_ms = sorted(ms for one in vehicles for ms in one.journal.waited_ms)
    for one in vehicles:
        one.journal.waited_ms = []
    return waited_ms


def _percentile(waited_ms: list[float], percent: int) -> float:
    return waited_ms[len(waited_ms) * percent // 100]

"""A change of a release on its way to several displays on one RS-485 line: how much of the line's time is its bytes.

Never imitates either end: displays are the firmware in MicroPython, the master is the controller; the wires are ours.
Specification: protocols/MODBUS.md; controller/README.md, "Buses"; tools/README.md, "Benchmarks".
"""

import secrets
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from protocols.provisioning import KEY_SIZE, NodeEntry, settings_dict
from tools.bench_controller import SITE, running_controller
from tools.bench_release import CHANGE_BYTES, OPEN, Releases, roll_out, until

NODES = 2
BAUD = 19_200
CHARACTER_BITS = 10  # 8N1
KIND = "stop_display"
WHOLE = ("installing", "trial", "confirmed")


@dataclass(frozen=True, slots=True)
class Result:
    """Of the time from the second person's word until every node has the whole set."""

    payload_pct: float
    load: str


def measure(nodes: int = NODES) -> Result:
    """Nodes are polled once a second, as always."""
    from emulation.launch import start
    from emulation.rs485 import LiveBus

    releases = Releases(KIND)
    entries = [
        NodeEntry(
            unit.to_bytes(8, "big"), secrets.token_bytes(KEY_SIZE), SITE, KIND, f"sign {unit}", width=128, height=64
        )
        for unit in range(1, nodes + 1)
    ]
    with tempfile.TemporaryDirectory(prefix="vuzol-bench-") as name, ExitStack() as powered:
        line = powered.enter_context(LiveBus(BAUD, CHARACTER_BITS))
        bus = (
            f'[[bus]]\nname = "line"\ntransport = "rtu"\naddress = "{line.terminal("master")}"\nbaud = {BAUD}\n'
            f"nodes = {[*range(1, nodes + 1)]}\n"
        )
        for unit, entry in enumerate(entries, 1):
            uplink = {"transport": "modbus_rtu", "unit": unit, "baud": BAUD}
            config = {"width": 128, "height": 64, "stop_name": entry.name}
            settings = settings_dict(entry, language="uk", uplink=uplink, config=config) | releases.trust
            folder = Path(name) / str(unit)
            releases.burn(folder)
            node = powered.enter_context(start("unix", KIND, settings, folder))
            node.connect_uplink(line.line(str(unit)))
            node.keep_pace()
        controller = powered.enter_context(running_controller(entries, OPEN + bus, relayed=False))
        desk = powered.enter_context(httpx.Client(base_url=controller.url, timeout=60, trust_env=False))
        until(lambda: desk.get("/healthz").json()["nodes_online"] == nodes, "nodes online")
        took_s = roll_out(
            desk, controller, releases.change, lambda states: sum(states.get(one, 0) for one in WHOLE) == nodes
        )
        (told,) = desk.get("/api/v1/buses").json()
    size = nodes * releases.pulled_bytes
    kept_pct = ", ".join(f"{unit['schedule_kept_pct']:.0f} %" for unit in told["units"])
    unanswered = sum(unit["timeouts"] for unit in told["units"]) / sum(unit["requests"] for unit in told["units"])
    load = (
        f"{nodes} displays on one emulated line of {BAUD} Bd, 8N1, each polled once a second (kept: {kept_pct}); "
        f"{CHANGE_BYTES} bytes of the set are other modules; counted are the document's own bytes, the manifest and "
        f"deflated pieces, {size} together, at {CHARACTER_BITS} bits, of the {took_s:.0f} s from the order until the "
        "last node has verified the whole; wall clock, so that a busy machine counts as silence: "
        f"{100 * unanswered:.1f} % of the requests found no answer in time and went again"
    )
    return Result(100 * size * CHARACTER_BITS / BAUD / took_s, load)

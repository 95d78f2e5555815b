"""A change of a release on its way to 105 displays, while vehicles go on telling where they are.

Never imitates a node: each is the firmware in a MicroPython of its own; its link, flash and trial are the real ones.
Specification: controller/README.md, "Updates"; README.md, "Benchmarks".
"""

import secrets
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols import release
from protocols.provisioning import KEY_SIZE, NodeEntry
from protocols.release import Release
from tools import release_contents
from tools.bench_controller import SITE, Measured, running_controller
from tools.image_plan import ROOT

DISPLAYS = 105
VEHICLES = 8
CHANGE_BYTES = 60_000  # so much of the set is other modules
KIND = "stop_display"
PATIENCE_S = 1200.0
LOOK_S = 1.0
OPEN = '[access]\nopen_as = "bench"\nrequests_per_s = 1000\n'
SECOND = {"name": "second", "roles": ["administrator"], "password": secrets.token_urlsafe(16)}


@dataclass(frozen=True, slots=True)
class Result:
    """From the second person's word to the last confirmation; what vehicles met meanwhile."""

    displays_s: float
    change_bytes: int
    live_owed: int
    load: str


def measure(displays: int = DISPLAYS) -> Result:
    """Bring a whole set to every display, then a change of it, and time the change."""
    from emulation.town.nodes import TownNode, display_settings, start_node, validator_settings

    signs = [
        NodeEntry(
            number.to_bytes(8, "big"), secrets.token_bytes(KEY_SIZE), SITE, KIND, f"sign {number}", width=128, height=64
        )
        for number in range(1, displays + 1)
    ]
    vehicles = [
        NodeEntry(
            (1000 + number).to_bytes(8, "big"),
            secrets.token_bytes(KEY_SIZE),
            SITE,
            "fare_validator",
            f"vehicle {number}",
            vehicle_id=str(number),
            vehicle=number,
        )
        for number in range(1, VEHICLES + 1)
    ]
    publisher = Ed25519PrivateKey.generate()
    trust = {"publishers": [publisher.public_key().public_bytes_raw().hex()]}
    with (
        running_controller([*signs, *vehicles], OPEN, relayed=False) as controller,
        tempfile.TemporaryDirectory(prefix="vuzol-bench-") as name,
        ExitStack() as powered,
        httpx.Client(base_url=controller.url, timeout=60, trust_env=False) as desk,
    ):
        for number, entry in enumerate([*signs, *vehicles]):
            told = (
                display_settings(entry, utc_offset_min=120, mqtt_port=controller.port, language="uk")
                if entry.kind == KIND
                else validator_settings(entry, city_key=bytes(KEY_SIZE), mqtt_port=controller.port, language="uk")
            )
            node = TownNode(entry.node.hex(), entry.kind, told | trust, Path(name) / str(number))
            powered.enter_context(start_node(node))
        _until(lambda: desk.get("/healthz").json()["nodes_online"] == displays + VEHICLES, "nodes online")
        desk.post("/api/v1/users", json=SECOND).raise_for_status()
        files = release_contents.compiled("unix", [KIND], (0, 2, 0))
        _roll_out(desk, controller, _release(files, 1, publisher), displays)
        displays_s = _roll_out(desk, controller, _release(_changed(files), 2, publisher), displays)
        time.sleep(2 * LOOK_S)
        owed = sum(row["missing"] for row in desk.get("/api/v1/ledger").json()["rows"])
    load = (
        f"{displays} displays and {VEHICLES} vehicles in service, each a MicroPython process on this machine beside "
        f"broker and controller; {CHANGE_BYTES} bytes of the set are other modules, the rest is there; one wave, "
        "32 nodes at a time; each verifies the signature, restarts, and confirms after its first receipt"
    )
    return Result(displays_s, CHANGE_BYTES, owed, load)


def _changed(files: dict[str, bytes]) -> dict[str, bytes]:
    """The set with another constant in as many of its modules as make up the change."""
    changed, size = dict(files), 0
    with tempfile.TemporaryDirectory(prefix="vuzol-bench-") as name:
        source, compiled = Path(name) / "module.py", Path(name) / "module.mpy"
        for path in files:
            if size < CHANGE_BYTES and path.endswith(".mpy"):
                module = path.removesuffix(".mpy") + ".py"
                source.write_text(
                    (ROOT / module).read_text(encoding="utf-8") + "\n_OF_THE_CHANGE = 2\n", encoding="utf-8"
                )
                changed[path] = release_contents.compile_module(module, source, compiled)
                size += len(changed[path])
    return changed


def _release(files: dict[str, bytes], counter: int, publisher: Ed25519PrivateKey) -> Release:
    built = release.build(files, board="unix", kinds=[KIND], counter=counter, image=1, firmware=(0, 2, counter))
    return release.sign(built, publisher)


def _roll_out(desk: httpx.Client, controller: Measured, one: Release, displays: int) -> float:
    plan = {"waves": "1", "soak_s": "0"}
    proposed = desk.put("/api/v1/updates", params=plan, content=one.pack())
    proposed.raise_for_status()
    with httpx.Client(base_url=controller.url, timeout=60, trust_env=False) as second:
        login = {"name": SECOND["name"], "password": SECOND["password"]}
        second.post("/api/v1/login", json=login).raise_for_status()
        begun_s = time.monotonic()
        second.post(f"/api/v1/proposals/{proposed.json()['proposal']}/confirm").raise_for_status()

    def confirmed() -> bool:
        whole = desk.get(f"/api/v1/updates/{one.manifest.counter}").json()
        told: dict[str, Any] = whole["rollout"]
        if told["state"] != "running":
            raise RuntimeError(
                f"the rollout is {told['state']}: {told['states']}, {[way['reason'] for way in whole['nodes']]}"
            )
        return bool(told["states"].get("confirmed", 0) == displays)

    _until(confirmed, f"release {one.manifest.counter} on every display")
    return time.monotonic() - begun_s


def _until(look: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not look():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"never seen: {what}")
        time.sleep(LOOK_S)

"""A release goes out to a display in service, as an office sends it: proposed by one person, confirmed by another."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emulation.launch import NodeHandle
from emulation.town.nodes import start_node
from emulation.town.plan import TownPlan
from emulation.town.reconcile import read_journal
from emulation.town.setting import prepare
from hil_tests.conftest import Controller, eventually, free_port
from protocols import release
from tools import release_contents

KIND = "stop_display"
UPDATE_S = 240.0  # the whole set comes, a step at a time beside everything else
PUBLISHER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SECOND = {"name": "taras", "roles": ["administrator"], "password": "сім разів відмір"}


class Office:
    """Two people before one controller, and the display that they mean."""

    def __init__(self, controller: Controller, display: NodeHandle, name: str, first: httpx.Client) -> None:
        self.controller = controller
        self.display = display
        self.name = name
        self._first = first
        self._first.post("/api/v1/users", json=SECOND).raise_for_status()

    def sends_out(self, files: dict[str, bytes], counter: int) -> None:
        built = release.build(files, board="unix", kinds=[KIND], counter=counter, image=1, firmware=(0, 2, counter))
        packed = release.sign(built, PUBLISHER).pack()
        proposed = self._first.put("/api/v1/updates", params={"waves": "1", "soak_s": "0"}, content=packed)
        assert proposed.status_code == 202, proposed.text
        assert self.controller.get(f"/api/v1/updates/{counter}") is None, "nothing begins before the second word"
        with httpx.Client(base_url=self.controller.url, timeout=30, trust_env=False) as second:
            login = {"name": SECOND["name"], "password": SECOND["password"]}
            second.post("/api/v1/login", json=login).raise_for_status()
            second.post(f"/api/v1/proposals/{proposed.json()['proposal']}/confirm").raise_for_status()

    def way(self, counter: int) -> tuple[str, str]:
        """The display's state and cause in a rollout."""
        told = self.controller.get(f"/api/v1/updates/{counter}")
        return next((one["state"], one["reason"]) for one in told["nodes"] if one["node"] == self.name)

    def ends(self, counter: int, state: str) -> str:
        eventually(f"release {counter} {state}", lambda: self.way(counter)[0] == state, UPDATE_S)
        return self.way(counter)[1]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    ports = free_port(), free_port()
    setting = prepare(TownPlan(validators=1, displays=1), tmp_path, ports, lambda *_: None)
    (told,) = [node for node in setting.nodes if node.kind == KIND]
    trust = {"publishers": [PUBLISHER.public_key().public_bytes_raw().hex()]}
    controller = Controller(setting.config, ports[0])
    try:
        controller.start()
        with (
            start_node(replace(told, settings=told.settings | trust)) as display,
            httpx.Client(base_url=controller.url, timeout=30, trust_env=False) as first,
        ):
            eventually("the display is online", lambda: controller.is_online(told.name))
            yield Office(controller, display, told.name, first)
    finally:
        controller.stop()


@pytest.mark.timeout(600)
@pytest.mark.needs("city")
def test_a_release_reaches_a_display_a_bad_one_rolls_back_and_no_record_is_lost(office: Office) -> None:
    files = release_contents.compiled("unix", [KIND], (0, 2, 0))
    office.sends_out(files, 1)
    office.ends(1, "confirmed")
    view = office.controller.get(f"/api/v1/nodes/{office.name}")
    assert view["firmware"] == "0.2.0"

    office.sends_out(files | {"firmware/nodes/stop_display.mpy": b"no module"}, 2)
    assert office.ends(2, "rolled_back") in ("crashed", "hung")
    (paused,) = [one for one in office.controller.get("/api/v1/updates") if one["version"] == 2]
    eventually("the rollout is paused", lambda: office.controller.get("/api/v1/updates")[0]["state"] == "paused")
    assert paused["started_by"] == "demo"
    eventually("the display is in service again", lambda: office.controller.is_online(office.name))

    def settled() -> bool:
        journal = read_journal(office.display.flash_image())
        return bool(journal.settled and office.controller.records(office.name) == journal.crc_by_seq)

    eventually("every record has its receipt and is stored once", settled)

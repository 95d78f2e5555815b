"""The technician: a blank board becomes a tested node in service, however often stopped; another takes its place."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from emulation.plugged import Plugged, plugged
from emulation.rs485 import LiveBus
from hil_tests.conftest import Controller, eventually, free_port

ROOT = Path(__file__).parents[1]
PATIENCE_S = 250
KILLS = 4
VALIDATOR = ("--kind", "fare_validator", "--vehicle", "v17", "--number", "17")


class Office:
    """A folder with everything that an office and its technician have, and the commands that they type."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registry, self.key = folder / "nodes.json", folder / "office.key"
        self.config = folder / "vuzol.toml"  # of the controller that has the registry
        self.environment = {**os.environ, "XDG_CONFIG_HOME": str(folder / "config"), "LANG": "C"}
        config = folder / "config" / "vuzol"
        config.mkdir(parents=True)
        (config / "offices").write_text(self.vuzol("job", "keygen", self.key)[1]["public"])
        self.technician = self.vuzol("job", "keygen", config / "technician.key")[1]["public"]

    def command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "tools.cli", *map(str, arguments), "--json"]

    def typed(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def vuzol(self, *arguments: str | Path) -> tuple[int, Any]:
        """Status and JSON answer."""
        done = self.typed(*arguments)
        assert done.stdout, done.stderr
        assert self.secrets().isdisjoint(done.stdout.split('"')), "no key is ever shown"
        return done.returncode, json.loads(done.stdout)

    def secrets(self) -> set[str]:
        jobs = [json.loads(path.read_text()) for path in self.folder.glob("*.job")]
        return {secret for job in jobs for secret in job["secrets"].values()}

    def make(self, *more: str | Path) -> Path:
        job = self.folder / "tram.job"
        places = "--registry", self.registry, "--key", self.key, "--out", job, "--site", "demo", "--name", "Трамвай 17"
        status, _ = self.vuzol("job", "make", *places, *VALIDATOR, "--city-key", self.folder / "city.key", *more)
        assert status == 0
        return job

    def install(self, job: Path, board: Plugged, *more: str | Path) -> tuple[int, dict[str, Any]]:
        status, told = self.vuzol("install", job, "--port", board.port, "--unattended", *more)
        return status, told["boards"][0]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture
def town(office: Office) -> Iterator[tuple[Controller, int]]:
    """A controller that has the office's registry and believes its technician; not started yet."""
    http, mqtt = free_port(), free_port()
    (office.folder / "rules.toml").write_text("[offline]\nclose_s = 600\n")  # no alarm ends by itself meanwhile
    office.config.write_text(
        f'[http]\nport = {http}\n[mqtt]\nport = {mqtt}\n[access]\nopen_as = "tester"\n'
        '[alarms]\nrules = "rules.toml"\n'
        f'[commissioning]\ntechnicians = ["{office.technician}"]\n'
    )
    controller = Controller(office.config, http)
    yield controller, mqtt
    controller.stop()


def states(told: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["state"] for check in told["checks"]}


@pytest.mark.needs("city", "network", "port")
@pytest.mark.timeout(300)
def test_a_blank_board_is_installed_its_alarm_is_closed_by_the_next_visit_and_another_takes_its_place(
    office: Office, town: tuple[Controller, int]
) -> None:
    controller, mqtt = town
    job = office.make("--board", "unix", "--mqtt", f"127.0.0.1:{mqtt}")
    secrets = office.secrets()
    controller.start()

    def is_online(node: str) -> bool:
        return any(one["node"] == node and one["online"] for one in controller.get("/api/v1/nodes") or ())

    with plugged("unix", "fare_validator", office.folder / "first") as board:
        board.handle.unplug_reader()
        status, told = office.install(job, board, "--url", controller.url)
        assert (status, told["red"]) == (1, "selftest")
        assert "no answer on I2C 0x24: SDA and SCL swapped or no power (SDA GP4, SCL GP5)" in told["advice"]
        board.handle.plug_reader()
        board.handle.gnss.move(49.99, 36.23)
        status, told = office.install(job, board, "--url", controller.url)
        assert (status, told["red"], told["sent"]) == (0, "", True), told
        assert states(told) == {
            "flash": "green", "uplink": "green", "reader": "green", "gnss": "green",
            "light": "unseen", "beeper": "unseen", "cash_button": "unseen",
        }  # fmt: skip
        node = told["node"]
        eventually("the node is online", lambda: is_online(node))
        (record,) = controller.get(f"/api/v1/commissioning?node={node}")["records"]
        assert (record["record"]["green"], record["technician"]) == (True, office.technician)
        assert json.loads(job.read_text())["secrets"] == {}
        assert (office.folder / "first" / "settings.json").stat().st_mode & 0o077 == 0
        left = b"".join(path.read_bytes() for path in Path(f"{job}.work").iterdir())
        assert not [secret for secret in secrets if secret.encode() in left]
        assert {path.suffix for path in Path(f"{job}.work").iterdir()} >= {".png", ".pdf"}

    def alarm_of(node: str, path: str = "") -> dict[str, Any] | None:
        found = controller.get(f"/api/v1/alarms{path}") or {"alarms": []}
        return next((one for one in found["alarms"] if (one["node"], one["kind"]) == (node, "offline")), None)

    alarm = eventually("the dead node is an alarm", lambda: alarm_of(node))
    with plugged("unix", "fare_validator", office.folder / "first", blank=False) as board:
        board.handle.gnss.move(49.99, 36.23)
        status, told = office.install(job, board, "--url", controller.url)
        assert (status, told["node"], told["sent"]) == (0, node, True), told
        ended = eventually("the technician's record has closed it", lambda: alarm_of(node, "/history"))
        assert (ended["id"], ended["end"]) == (alarm["id"], "closed")
        assert (ended["proof"]["what"], ended["proof"]["text"]) == ("commissioning", office.technician[:16])

        new = office.folder / "new.job"
        places = "--registry", office.registry, "--key", office.key, "--was", job, "--out", new, "--board", "unix"
        status, made = office.vuzol("replace", node, *places, "--city-key", office.folder / "city.key")
        assert status == 0
        with plugged("unix", "fare_validator", office.folder / "second") as second:
            second.handle.gnss.move(49.99, 36.23)
            status, told = office.install(new, second, "--url", controller.url)
            assert (status, told["node"], told["name"]) == (0, made["node"], "Трамвай 17"), told
            eventually("the new node is online", lambda: is_online(made["node"]))
        assert not is_online(node), "the old key is worth nothing any more"
        rows = {row["node"]: row for row in controller.get("/api/v1/ledger")["rows"]}
        assert rows[node]["stored"] >= 1
        assert rows[made["node"]]["stored"] >= 1


@pytest.mark.needs("network", "port")
@pytest.mark.timeout(300)
def test_an_installation_that_is_killed_at_any_moment_goes_on_with_the_same_command(office: Office) -> None:
    job = office.make("--board", "unix", "--modbus", "tcp:17")
    draw = random.Random(7)
    with plugged("unix", "fare_validator", office.folder / "board") as board:
        board.handle.gnss.move(49.99, 36.23)
        for _ in range(KILLS):
            command = office.command("install", job, "--port", board.port, "--unattended")
            running = subprocess.Popen(command, cwd=ROOT, env=office.environment, stdout=subprocess.DEVNULL)
            time.sleep(0.6 + draw.random() * 3)
            running.kill()
            running.wait()
        status, told = office.install(job, board)
        assert (status, told["red"]) == (0, ""), told
        before = (office.folder / "board" / "settings.json").read_bytes()
        again_status, again = office.install(job, board)
        assert (again_status, again["node"]) == (0, told["node"])
        assert (office.folder / "board" / "settings.json").read_bytes() == before
    assert json.loads(job.read_text())["secrets"] == {}


@pytest.mark.needs("network", "port")
@pytest.mark.timeout(300)
def test_several_boards_are_installed_at_the_same_time_and_one_red_one_stops_no_other(office: Office) -> None:
    for unit in (17, 18, 19):
        job = office.make("--board", "unix", "--modbus", f"tcp:{unit}")
    with ExitStack() as powered:
        boards = [powered.enter_context(plugged("unix", "fare_validator", office.folder / name)) for name in "abc"]
        boards[1].handle.unplug_reader()
        ports = [word for board in boards for word in ("--port", board.port)]
        status, told = office.vuzol("install", job, *ports)
        assert (status, told["green"]) == (1, False)
        assert [one["red"] for one in told["boards"]] == ["", "selftest", ""]
        assert len({one["node"] for one in told["boards"]}) == 3
    assert json.loads(job.read_text())["secrets"] == {}


@pytest.mark.needs("silicon")
@pytest.mark.timeout(300)
def test_a_blank_chip_gets_its_image_its_identity_a_green_line_and_is_in_the_list(
    office: Office, town: tuple[Controller, int]
) -> None:
    from emulation.rp2040.image import find_image

    job = office.make("--board", "rpi_pico", "--modbus", "rtu:17")
    with ExitStack() as powered:
        bus = powered.enter_context(LiveBus())
        board = powered.enter_context(
            plugged("rpi_pico", "fare_validator", office.folder / "board", uplink=bus.line("node"))
        )
        board.handle.gnss.move(49.99, 36.23)
        drive = "--drive", board.folder / "RPI-RP2", "--image", find_image()
        status, told = office.install(job, board, *drive, "--line", bus.terminal("adapter"))
        assert (status, told["red"], states(told)["uplink"]) == (0, "", "green"), told
        assert f"node {told['node']} fare_validator boot 1" in board.handle.console
        status, seen = office.vuzol("devices", board.port)
        assert (seen[0]["identity"]["board"], seen[0]["identity"]["node"]) == ("rpi_pico", told["node"])
        board.handle.wait_console(f"node {told['node']} fare_validator boot 2", PATIENCE_S)
        places = "--line", bus.terminal("monitor"), "--unit", "17", "--for", "6"
        status, watched = office.vuzol("monitor", board.port, *places)
        assert (status, watched["values"]["vehicle"]) == (0, "17"), watched
        controller, _ = town
        with office.config.open("a") as config:
            config.write(
                f'[[bus]]\nname = "tram"\ntransport = "rtu"\naddress = "{bus.terminal("controller")}"\n'
                "baud = 115200\ntimeout_s = 2.0\nnodes = [17]\n"
            )
        controller.start()
        eventually("the controller lists it as online", lambda: controller.is_online(told["node"]), PATIENCE_S)
        record = Path(f"{job}.work") / f"{told['node']}.commissioning.json"
        status, sent = office.vuzol("report", record, "--url", controller.url)
        assert (status, sent["sent"]) == (0, True)
        (taken,) = controller.get(f"/api/v1/commissioning?node={told['node']}")["records"]
        assert taken["record"]["board"] == "rpi_pico"

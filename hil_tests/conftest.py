"""What the suite's tests stand on: the target, its capabilities, nodes on a desk; or a small city with a controller.

Never reaches into a node or the controller: nodes have a light, a panel and a flash image, the controller has HTTP.
Specification: hil_tests/README.md.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulation.launch import NodeHandle
from emulation.town import TownPlan
from emulation.town.nodes import start_node
from emulation.town.reconcile import NodeJournal, read_journal
from emulation.town.setting import Setting, prepare
from emulation.unix.process import bound_to_parent
from hil_tests.target import Desk, Target, UnknownTarget, meanings, read_target

PATIENCE_S = 60.0
LOOK_AGAIN_S = 0.1
TARGET = pytest.StashKey[Target]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--target", default="unix", help="what hil_tests run on: unix, rp2040, renode, bench:<serial port>"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*capabilities): what a target has to be capable of (targets.toml)")
    try:
        config.stash[TARGET] = read_target(config.getoption("--target"))
    except UnknownTarget as unknown:
        raise pytest.UsageError(str(unknown)) from None


def pytest_runtest_setup(item: pytest.Item) -> None:
    needed = [name for marker in item.iter_markers("needs") for name in marker.args]
    if "city" in getattr(item, "fixturenames", ()):
        needed.append("city")
    if not needed or not set(needed) <= set(meanings()):
        pytest.fail("a test here names what it needs: @pytest.mark.needs(…), words of targets.toml")
    for capability in needed:
        if reason := item.config.stash[TARGET].why_not(capability):
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails says what was said on the wires in the second before."""
    report = yield
    if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
        for fixture in getattr(item, "funcargs", {}).values():
            for number, handle in enumerate(getattr(fixture, "handles", ())):
                report.sections.append((f"buses of node {number}, the last second", handle.bus_transcript()))
    return report


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Target:
    return pytestconfig.stash[TARGET]


@pytest.fixture
def desk(target: Target, tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as nodes:
        yield Desk(target, tmp_path, nodes)


def eventually(what: str, look: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """The first true answer of `look`; fails with `what` when patience ends."""
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        if answer := look():
            return answer
        time.sleep(LOOK_AGAIN_S)
    pytest.fail(f"never seen: {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Controller:
    """The controller as a process; everything is asked over HTTP."""

    def __init__(self, config: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._config = config
        self._http = httpx.Client(base_url=self.url, timeout=5.0, trust_env=False)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tools.cli", "run", "--config", str(self._config)]
        self._process = subprocess.Popen(bound_to_parent(command), stderr=subprocess.DEVNULL)
        eventually("the controller answers", lambda: self.get("/healthz"))

    def kill(self) -> None:
        """kill -9: no farewell to its database, its broker or its nodes."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._http.close()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=15)

    def get(self, path: str) -> Any:
        """The JSON answer, None when there is none."""
        try:
            answer = self._http.get(path)
            return answer.json() if answer.is_success else None
        except httpx.HTTPError:
            return None

    def text(self, path: str) -> str:
        return self._http.get(path).text

    def counters(self) -> dict[str, Any]:
        return dict(self.get("/api/v1/town?shapes=false")["counters"])

    def records(self, node: str) -> dict[int, int]:
        """Sequence number -> CRC-32 of every stored record of a node."""
        page = self.get(f"/api/v1/nodes/{node}/records?limit=10000")
        return {row["seq"]: row["crc32"] for row in page["records"]}

    def is_online(self, node: str) -> bool:
        view = self.get(f"/api/v1/nodes/{node}")
        return bool(view and view["online"])


class City:
    """Who is who in the city."""

    def __init__(self, setting: Setting, controller: Controller, mqtt_port: int, nodes: dict[str, NodeHandle]) -> None:
        self.setting = setting
        self.mqtt_port = mqtt_port
        self.controller = controller
        self._nodes = nodes

    def _name(self, kind: str) -> str:
        return next(node.name for node in self.setting.nodes if node.kind == kind)

    @property
    def validator_name(self) -> str:
        return self._name("fare_validator")

    @property
    def display_name(self) -> str:
        return self._name("stop_display")

    @property
    def validator(self) -> NodeHandle:
        return self._nodes[self.validator_name]

    @property
    def display(self) -> NodeHandle:
        return self._nodes[self.display_name]

    @property
    def handles(self) -> list[NodeHandle]:
        return list(self._nodes.values())

    def journal(self, node: str) -> NodeJournal:
        return read_journal(self._nodes[node].flash_image())

    def drive(self) -> None:
        """Put the vehicle where its trip has it now."""
        (motion,) = self.setting.motions.values()
        self.validator.gnss.move(*motion.position_at(time.time()))

    def counts_while_driving(self, counter: str) -> int:
        """One of the controller's counters, with the vehicle moved on."""
        self.drive()
        return int(self.controller.counters()[counter])

    def tap(self, medium: str = "desfire") -> None:
        """Hold a medium to the reader until the light is green, then take it away."""
        self.validator.present(medium)
        self.validator.wait_light("green", 10)
        self.validator.remove_card()
        eventually("the light is off again", lambda: self.validator.light() != "green")

    def reconciles(self, node: str) -> bool:
        """Everything in the node's journal has its receipt, and the database holds the same records, byte for byte."""
        journal = self.journal(node)
        return journal.settled and self.controller.records(node) == journal.crc_by_seq


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    ports = free_port(), free_port()
    setting = prepare(TownPlan(validators=1, displays=1), tmp_path, ports, lambda *_: None)
    controller = Controller(setting.config, ports[0])
    with ExitStack() as powered:
        powered.callback(controller.stop)
        controller.start()
        nodes = {node.name: powered.enter_context(start_node(node)) for node in setting.nodes}
        for node in setting.nodes:
            eventually(f"{node.kind} online", lambda name=node.name: controller.is_online(name))  # type: ignore[misc]
        yield City(setting, controller, ports[1], nodes)

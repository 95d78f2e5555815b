"""What the tests of whole nodes share: brokers on free ports, a desk that plays the controller, nodes that are ended.

It must never stand in for a node or a peripheral: those are real firmware and emulation's models.
Spec: protocols/README.md; emulation/launch.py.
"""

import contextlib
import json
import shutil
import socket
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from emulation import air_sheets
from emulation.launch import NodeHandle, start
from emulation.node_handle import STARVED
from emulation.unix.process import bound_to_parent
from protocols.wire import batch, command, envelope, journal_format, picture, receipt, record, state, topics
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import cash
from protocols.wire.ranges import RangeSet

KEY = bytes.fromhex("5e" * 32)
CITY_KEY = "11" * 32
SITE = "demo"
NODE = bytes.fromhex("00000000000000a1")
CONFIGS: dict[str, dict[str, Any]] = {
    "fare_validator": {"vehicle": 17, "door": 1, "city_key": CITY_KEY, "position_s": 1, "repeat_s": 4, "status_s": 30},
    "stop_display": {"width": 128, "height": 64, "stop_name": "Площа Визволення", "brightness": 8, "status_s": 30},
    "air_sensor": {"calibration": air_sheets.calibration(), "cell_warm_up_s": 0, "status_s": 30},
}
NO_BROKER_PORT = 1  # nothing listens there


def settings_of(kind: str, port: int = NO_BROKER_PORT, language: str = "uk", **config: Any) -> dict[str, Any]:
    """The settings of a node of that kind, as provisioning writes them."""
    return {
        "version": 1,
        "node": NODE.hex(),
        "key": KEY.hex(),
        "site": SITE,
        "kind": kind,
        "language": language,
        "uplink": {"transport": "mqtt", "host": "127.0.0.1", "port": port},
        "config": CONFIGS.get(kind, {}) | config,
    }


def wait_for(seen: Callable[[], Any], timeout_s: float = 10.0, what: str = "it") -> Any:
    """The first true answer of `seen`; on a busy machine it may take some times as long."""
    deadline_s = time.monotonic() + timeout_s * STARVED
    while time.monotonic() < deadline_s:
        if answer := seen():
            return answer
        time.sleep(0.01)
    raise AssertionError(f"{what} did not happen within {timeout_s} s")


def journalled(node: NodeHandle, kind: int | None = None) -> list[record.Record]:
    """The records in the node's flash image, of one kind or all."""
    image = journal_format.read_image(node.flash_image())
    found = [record.parse(data)[0] for data in image.records]
    return [one for one in found if kind in (None, one.kind)]


def press(node: NodeHandle) -> None:
    """One record of the driver's button, on flash when this returns."""
    before = len(journalled(node, cash.KIND))
    time.sleep(0.6)  # a button has to be seen released before it is pressed
    node.press("cash_button", held_s=0.4)
    wait_for(lambda: len(journalled(node, cash.KIND)) > before, 10, "a cash record")


def wait_for_receipt(node: NodeHandle) -> None:
    """Until the node has taken a receipt: then it knows the time, and takes commands."""
    wait_for(lambda: journal_format.read_image(node.flash_image()).receipted, 15, "a receipt")


@contextlib.contextmanager
def unplugged_reader(node: NodeHandle) -> Iterator[None]:
    """Nobody answers at the reader's address, for as long as this lasts."""
    i2c = node._node.wiring.i2c
    parts = dict(i2c)
    node._node.call(i2c.clear)
    try:
        yield
    finally:
        node._node.call(lambda: i2c.update(parts))


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., NodeHandle]]:
    """launch(kind, settings or None) starts a node in its own folder; it ends with the test."""
    with contextlib.ExitStack() as nodes:

        def launched(kind: str, settings: Any, **more: Any) -> NodeHandle:
            return nodes.enter_context(start("unix", kind, settings, tmp_path / kind, **more))

        yield launched


class Broker:
    """A real MQTT broker as a child process, always on the same port."""

    def __init__(self, program: str, folder: Path):
        self._program = program
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        folder.mkdir()

    def start(self) -> None:
        command_line = {"nats-server": self._nats, "mosquitto": self._mosquitto}[self._program]()
        self._process = subprocess.Popen(
            bound_to_parent(command_line), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self._listens, 15, f"{self._program} on port {self.port}")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _nats(self) -> list[str]:
        file = self._folder / "nats.conf"
        settings = {
            "server_name": "test",
            "listen": f"127.0.0.1:{free_port()}",
            "jetstream": {"store_dir": str(self._folder / "jetstream")},
            "mqtt": {"host": "127.0.0.1", "port": self.port},
        }
        file.write_text(json.dumps(settings))
        return [str(Path(sysconfig.get_path("scripts")) / "nats-server"), "-c", str(file)]

    def _mosquitto(self) -> list[str]:
        file = self._folder / "mosquitto.conf"
        file.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        return [_mosquitto() or "", "-c", str(file)]


def _mosquitto() -> str | None:
    return shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """nats-server, or the program that the test names as the fixture's parameter."""
    program = getattr(request, "param", "nats-server")
    if program == "mosquitto" and _mosquitto() is None:
        pytest.skip("mosquitto is not installed (apt-get install mosquitto)")
    one = Broker(program, tmp_path / program)
    one.start()
    yield one
    one.kill()


class Desk:
    """The controller's side of one node: stores records, answers batches, sends commands."""

    def __init__(self, port: int, node: bytes = NODE, key: bytes = KEY):
        self._node = node
        self._key = key
        self._lock = threading.Lock()
        self._last_id = 0
        self.answers = True  # with receipts
        self.records: list[record.Record] = []
        self.boot_id = 0
        self.stored = RangeSet()
        self.repeated = 0
        self.states: list[int] = []
        self.pictures: list[picture.Picture] = []
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="desk", clean_session=True)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(f"vuzol/1/{SITE}/+/#", 1)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def order(self, kind: int, body: bytes, ttl_s: int = 60, age_s: int = 0) -> int:
        """Send a command; its id."""
        self._last_id += 1
        issued_s = int(time.time()) - age_s
        self.send(
            command.build(self._key, self._node, command.Command(self._last_id, issued_s, ttl_s, kind, 1, body)),
        )
        return self._last_id

    def send(self, data: bytes) -> None:
        """Any bytes on the node's down topic."""
        self._client.publish(topics.topic(SITE, self._node, "down"), data, qos=1).wait_for_publish(10)

    def of_kind(self, kind: int) -> list[record.Record]:
        with self._lock:
            return [one for one in self.records if one.kind == kind]

    def wait_for(self, kind: int, count: int = 1, timeout_s: float = 10) -> list[record.Record]:
        """At least `count` records of that kind."""
        return list(
            wait_for(
                lambda: found if len(found := self.of_kind(kind)) >= count else None,
                timeout_s,
                f"{count} records of kind {kind} at the desk",
            )
        )

    def _take(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        if message.topic.endswith("/down") or not message.payload:
            return
        try:
            kind, _, boot_id, payload = envelope.unseal(self._key, message.payload)
        except MalformedFrame:
            return
        with self._lock:
            if kind == envelope.STATE:
                self.states.append(state.parse(payload).state)
            elif kind == envelope.PICTURE:
                self.pictures.append(picture.parse(payload))
            elif kind == envelope.BATCH:
                self._store(batch.parse(payload), boot_id)

    def _store(self, records: list[record.Record], boot_id: int) -> None:
        self.boot_id = boot_id
        for one in records:
            if one.seq in self.stored:
                self.repeated += 1
                continue
            self.stored.add(one.seq, one.seq)
            self.records.append(one)
        if self.answers:
            up_to = self.stored.highest()
            missing = self.stored.missing(up_to)[: receipt.MAX_RANGES]
            sealed = receipt.build(self._key, self._node, boot_id, up_to, int(time.time() * 1000), missing)
            self._client.publish(topics.topic(SITE, self._node, "down"), sealed, qos=1)


@pytest.fixture
def desk(broker: Broker) -> Iterator[Desk]:
    one = Desk(broker.port)
    yield one
    one.close()

"""The controller as its own process, and peers on the real broker: started, killed, asked over HTTP.

Never looks inside the process.
Specification: README.md beside the controller's code.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import zlib
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aiomqtt
import httpx
import psutil
import pytest

from controller.tests.peer import Peer
from controller.tests.waiting import until
from protocols.provisioning import NodeEntry, registry_text
from protocols.wire import mqtt_access

ROOT = Path(__file__).parents[2]
MAIN = "import sys; from pathlib import Path; from controller.app import main; sys.exit(main(Path(sys.argv[1])))"
START_TIMEOUT_S = 20.0
RESEND_S = 0.5
NO_DELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)


PORTS = "[http]\nport = 0\n[mqtt]\nport = 0\n"
OPEN = '[access]\nopen_as = "tester"\n'


def write_files(folder: Path, entries: Sequence[NodeEntry], toml: str = "", access: str = OPEN) -> Path:
    """Registry and configuration of a controller on free ports; the configuration's path."""
    registry = folder / "nodes.json"
    registry.touch(0o600)
    registry.write_text(registry_text(entries), encoding="utf-8")
    config = folder / "vuzol.toml"
    config.write_text(f"{toml or PORTS}\n{access}", encoding="utf-8")
    return config


class Controller:
    """One controller process; `start` may be called again after `kill`."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._ready = config.parent / "data" / "ready.json"
        self._process: asyncio.subprocess.Process | None = None
        self.http_port = 0
        self.mqtt_port = 0

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    async def spawn(self) -> asyncio.subprocess.Process:
        """Start it, without waiting."""
        command = (sys.executable, "-c", MAIN, str(self._config))
        errors = self._config.parent / "stderr.log"
        with errors.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=log
            )
        return self._process

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        self._ready.unlink(missing_ok=True)
        process = await self.spawn()
        async with asyncio.timeout(START_TIMEOUT_S):
            while not self._ready.exists():
                assert process.returncode is None, self.words()
                await asyncio.sleep(0.02)
        told = json.loads(self._ready.read_text(encoding="utf-8"))
        self.http_port, self.mqtt_port = told["http_port"], told["mqtt_port"]

    async def end(self, number: signal.Signals) -> int:
        """Send it a signal; its exit status."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with asyncio.timeout(15):
            return await self._process.wait()

    def words(self) -> str:
        """What it wrote to standard error."""
        return (self._config.parent / "stderr.log").read_text(encoding="utf-8")

    def broker_pid(self) -> int:
        """The process id of its nats-server."""
        (pid,) = (child.pid for child in psutil.Process(self.pid).children() if child.name() == "nats-server")
        return pid

    async def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON answer."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{self.http_port}{path}", params=parameters)
            answer.raise_for_status()
            return answer.json() if "json" in answer.headers["content-type"] else answer.text

    async def stored(self, peer: Peer) -> dict[int, bytes]:
        """Everything that it holds of a peer, over the API, page by page."""
        found: dict[int, bytes] = {}
        from_seq: int | None = 0
        while from_seq is not None:
            path = f"/api/v1/nodes/{peer.entry.node.hex()}/records"
            page = await self.get(path, from_seq=from_seq, limit=500)
            for one in page["records"]:
                raw = bytes.fromhex(one["hex"])
                assert one["seq"] not in found
                assert one["crc32"] == zlib.crc32(raw)
                found[one["seq"]] = raw
            from_seq = page["next_seq"]
        return found


@contextlib.asynccontextmanager
async def controlling(config: Path) -> AsyncIterator[Controller]:
    """A running controller, ended in order."""
    controller = Controller(config)
    try:
        await controller.start()
        yield controller
    finally:
        if controller._process is not None:
            await controller.end(signal.SIGTERM)


def credentials(entry: NodeEntry) -> dict[str, Any]:
    """What a node shows the broker."""
    return {
        "identifier": mqtt_access.client_id(entry.key, entry.node),
        "username": entry.node.hex(),
        "password": mqtt_access.password(entry.key),
    }


async def deliver(peer: Peer, port: int, *, batch_size: int = 16) -> None:
    """Be a node: connect, send what is not receipted, wait, send again; over every loss, until all is receipted."""
    while len(peer.receipted) < len(peer.journal):
        with contextlib.suppress(aiomqtt.MqttError):
            async with aiomqtt.Client(
                "127.0.0.1", port, **credentials(peer.entry), timeout=1, socket_options=NO_DELAY
            ) as client:
                await client.subscribe(peer.down, qos=1)
                await client.publish(peer.state_topic, peer.state(), qos=1, retain=True)
                hearing = asyncio.create_task(_hear(peer, client))
                try:
                    await _send_until_receipted(peer, client, batch_size)
                finally:
                    hearing.cancel()
                    await asyncio.gather(hearing, return_exceptions=True)
        await asyncio.sleep(0.1)


async def _send_until_receipted(peer: Peer, client: aiomqtt.Client, batch_size: int) -> None:
    while owed := sorted(set(peer.journal) - peer.receipted):
        sent = owed[: batch_size * 4]
        for start in range(0, len(sent), batch_size):
            part = sent[start : start + batch_size]
            await client.publish(peer.up, peer.batch(part[0], part[-1]), qos=1)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RESEND_S):
                await until(partial(_holds_receipts, peer, set(sent)))


def _holds_receipts(peer: Peer, numbers: set[int]) -> bool:
    return numbers <= peer.receipted


async def _hear(peer: Peer, client: aiomqtt.Client) -> None:
    async for message in client.messages:
        assert isinstance(message.payload, bytes)
        peer.hear(message.payload)


async def reconciles(controller: Controller, peers: Sequence[Peer]) -> None:
    """Record by record: the database holds what the journals hold, each once, and every journal has its receipts."""
    for peer in peers:
        assert peer.receipted == set(peer.journal)
        assert not peer.taken_back
        assert await controller.stored(peer) == peer.journal
    ledger = await controller.get("/api/v1/ledger", verify="true")
    assert ledger["verified"]
    assert ledger["reconciles"]
    assert ledger["totals"]["stored"] == sum(len(peer.journal) for peer in peers)
    assert ledger["totals"]["conflicting"] == 0


class Mosquitto:
    """A broker that is not the controller's child; its store is written at every change."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._conf = folder / "mosquitto.conf"
        self._conf.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n"
            "autosave_interval 1\nautosave_on_changes true\n",
            encoding="utf-8",
        )
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; nobody waits for it."""
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        if program is None:
            pytest.skip("mosquitto is not installed: apt-get install mosquitto")
        self._process = await asyncio.create_subprocess_exec(
            program, "-c", str(self._conf), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )

    async def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()


def is_alive(pid: int) -> bool:
    """True while the process runs."""
    try:
        os.kill(pid, 0)
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False

"""A controller to be measured: started by its command in a scratch folder, its memory and processor time looked at.

Never reaches into the controller.
Specification: README.md, "Benchmarks".
"""

import json
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import psutil

from protocols.provisioning import KEY_SIZE, NodeEntry, registry_text
from protocols.wire import record, topics
from protocols.wire.messages import position
from tools.provision import write_secret

SITE = "bench"
RELAY = "bench"  # what the nodes come through; its password too
NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else every message waits for a delayed ACK
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
START_MS = 1_792_310_400_000


@dataclass(frozen=True, slots=True)
class Measured:
    """One running controller; `port` is its broker's."""

    port: int
    url: str
    process: psutil.Process

    def peak_rss_mb(self) -> float:
        """The most memory that it held so far, its broker apart (Linux: VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def cpu_s(self) -> float:
        """Processor time that it took so far, its broker apart."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


def make_nodes(count: int) -> list[NodeEntry]:
    """That many validators with keys of their own."""
    return [
        NodeEntry(number.to_bytes(8, "big"), secrets.token_bytes(KEY_SIZE), SITE, "fare_validator", f"bench {number}")
        for number in range(1, count + 1)
    ]


def position_record(seq: int) -> bytes:
    """What a moving vehicle records most."""
    body = position.build(position.Position(17, 0, 479_100_000, 333_900_000, 830, 9000, 90, 11))
    return record.build(position.KIND, position.VERSION, record.CLOCK_GNSS, seq, START_MS + seq, body)


def make_client(port: int, name: str, in_flight: int) -> aiomqtt.Client:
    """A connection that stands for several nodes, as a relay's."""
    client = aiomqtt.Client(
        "127.0.0.1",
        port,
        identifier=name,
        username=RELAY,
        password=RELAY,
        socket_options=(NO_DELAY,),
        max_inflight_messages=in_flight,
    )
    client.pending_calls_threshold = 1_000_000  # many calls wait by intent
    return client


@contextmanager
def running_controller(
    entries: Sequence[NodeEntry], more: str = "", *, open_to_all: bool = False, relayed: bool = True
) -> Iterator[Measured]:
    """Start it in a scratch folder, with `more` configuration, stop it at the end.

    `open_to_all`: its broker is; `relayed`: the nodes come through a relay, else each by itself.
    """
    with tempfile.TemporaryDirectory(prefix="vuzol-bench-") as name:
        folder = Path(name)
        write_secret(folder / "nodes.json", registry_text(entries))
        write_secret(folder / "relay.password", RELAY + "\n")
        nodes = [topics.node_name(entry.node) for entry in entries]
        relay = (
            f'[[relay]]\nname = "{RELAY}"\npassword_file = "relay.password"\nnodes = {json.dumps(nodes)}\n'
            if relayed
            else ""
        )
        broker = f"[mqtt]\nport = 0\nacl = {json.dumps(not open_to_all)}\n"
        config = folder / "vuzol.toml"
        config.write_text(
            f'[site]\nname = "{SITE}"\n[http]\nport = 0\n{broker}[log]\nlevel = "error"\n{relay}{more}',
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "tools.cli", "run", "--config", str(config)]
        controller = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            told = _wait_ready(folder / "data" / "ready.json", controller)
            yield Measured(told["mqtt_port"], told["url"], psutil.Process(controller.pid))
        finally:
            controller.terminate()
            controller.wait(timeout=STOP_TIMEOUT_S)


def _wait_ready(ready: Path, controller: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What the controller says once it is ready."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not ready.exists():
        if controller.poll() is not None or time.monotonic() > deadline_s:
            raise TimeoutError("the controller did not become ready; its own words stand above")
        time.sleep(0.05)
    told: dict[str, Any] = json.loads(ready.read_text(encoding="utf-8"))
    return told

"""How fast the controller takes records: MQTT, MAC, parse, committed SQLite, receipt, as separate processes.

Never reaches into the controller: it is started by its command and spoken to over MQTT, as nodes do.
Specification: protocols/README.md, "Receipt": a record counts when the node holds a receipt for it.
"""

import asyncio
import json
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import aiomqtt

from protocols.provisioning import KEY_SIZE, NodeEntry, registry_text
from protocols.wire import batch, envelope, receipt, record, topics
from protocols.wire.messages import position
from tools.provision import write_secret

NODES = 100
BATCHES = 40
RECORDS_A_BATCH = 32
CONNECTIONS = 4
IN_FLIGHT = 64  # as a hundred nodes would have; the generator shall not be what is measured
NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else every message waits for a delayed ACK
START_TIMEOUT_S = 30.0
RUN_TIMEOUT_S = 300.0
SITE = "bench"


@dataclass(frozen=True, slots=True)
class Measured:
    """The result and the load it was taken under."""

    records_per_s: float
    load: str


def _nodes() -> list[NodeEntry]:
    return [
        NodeEntry(number.to_bytes(8, "big"), secrets.token_bytes(KEY_SIZE), SITE, "fare_validator", f"bench {number}")
        for number in range(1, NODES + 1)
    ]


def _batches(entry: NodeEntry) -> list[bytes]:
    body = position.build(position.Position(17, 0, 479_100_000, 333_900_000, 830, 9000, 90, 11))
    sealed = []
    for first in range(1, BATCHES * RECORDS_A_BATCH + 1, RECORDS_A_BATCH):
        rows = [
            record.build(position.KIND, position.VERSION, record.CLOCK_GNSS, seq, 1_792_310_400_000 + seq, body)
            for seq in range(first, first + RECORDS_A_BATCH)
        ]
        sealed.append(batch.build(entry.key, entry.node, 1, rows))
    return sealed


async def _publish_and_wait(port: int, entries: list[NodeEntry]) -> None:
    """One connection that stands for several nodes: publish everything, then hold every receipt."""
    last = BATCHES * RECORDS_A_BATCH
    waiting = {entry.node: entry for entry in entries}
    work = {entry.node: _batches(entry) for entry in entries}
    generator = aiomqtt.Client(
        "127.0.0.1",
        port,
        identifier=f"bench-{entries[0].node.hex()}",
        socket_options=(NO_DELAY,),
        max_inflight_messages=IN_FLIGHT,
    )
    generator.pending_calls_threshold = NODES * BATCHES  # many calls wait by intent
    async with generator as client:
        for entry in entries:
            await client.subscribe(topics.topic(SITE, entry.node, "down"), qos=1)

        async def publish() -> None:
            for number in range(BATCHES):
                await asyncio.gather(
                    *(
                        client.publish(topics.topic(SITE, entry.node, "up"), work[entry.node][number], qos=1)
                        for entry in entries
                    )
                )

        async def hold_receipts() -> None:
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                _, node, _ = envelope.peek(message.payload)
                entry = waiting.get(node)
                if entry is None:
                    continue
                kind, _, _, payload = envelope.unseal(entry.key, message.payload)
                if kind != envelope.RECEIPT:
                    continue
                answer = receipt.parse(payload)
                if answer.up_to >= last and not answer.missing:
                    del waiting[node]
                if not waiting:
                    return

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(publish())
            tasks.create_task(hold_receipts())


def _write_controller_files(folder: Path, entries: list[NodeEntry]) -> Path:
    write_secret(folder / "nodes.json", registry_text(entries))
    config = folder / "vuzol.toml"
    config.write_text(f'[site]\nname = "{SITE}"\n[http]\nport = 0\n[mqtt]\nport = 0\n[log]\nlevel = "error"\n', "utf-8")
    return config


def _wait_ready(ready: Path) -> int:
    """The broker's port, once the controller says that it is ready."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not ready.exists():
        if time.monotonic() > deadline_s:
            raise TimeoutError("the controller did not become ready")
        time.sleep(0.05)
    return int(json.loads(ready.read_text(encoding="utf-8"))["mqtt_port"])


async def _load(port: int, entries: list[NodeEntry]) -> float:
    """Seconds from the first batch to the last receipt."""
    share = len(entries) // CONNECTIONS
    began_s = time.perf_counter()
    async with asyncio.timeout(RUN_TIMEOUT_S), asyncio.TaskGroup() as tasks:
        for start in range(0, len(entries), share):
            tasks.create_task(_publish_and_wait(port, entries[start : start + share]))
    return time.perf_counter() - began_s


def measure() -> Measured:
    """Start a controller in a scratch folder, load it once, stop it."""
    entries = _nodes()
    with tempfile.TemporaryDirectory(prefix="vuzol-bench-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "tools.cli", "run", "--config", str(_write_controller_files(folder, entries))]
        controller = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            took_s = asyncio.run(_load(_wait_ready(folder / "data" / "ready.json"), entries))
        finally:
            controller.terminate()
            controller.wait(timeout=10)
    records = NODES * BATCHES * RECORDS_A_BATCH
    load = (
        f"{records} records of {NODES} nodes, {RECORDS_A_BATCH} a batch over {CONNECTIONS} connections; broker, "
        "controller (SQLite synchronous=FULL) and load generator share this machine; timed to the last receipt"
    )
    return Measured(records / took_s, load)

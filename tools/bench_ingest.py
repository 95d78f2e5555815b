"""How fast the controller takes records: MQTT, MAC, parse, committed SQLite, receipt, as separate processes.

Never reaches into the controller: it is started by its command and spoken to over MQTT, as nodes do.
Specification: protocols/README.md, "Receipt": a record counts when the node holds a receipt for it.
"""

import asyncio
import json
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiomqtt

from protocols.provisioning import NodeEntry
from protocols.wire import batch, envelope, receipt, topics
from tools.bench_controller import SITE, make_client, make_nodes, position_record, running_controller

NODES = 100
BATCHES = 40
RECORDS_A_BATCH = 32
CONNECTIONS = 4
IN_FLIGHT = 64  # as a hundred nodes would have; the generator shall not be what is measured
RUN_TIMEOUT_S = 300.0
LISTEN_TIMEOUT_S = 15.0
RECORDS = NODES * BATCHES * RECORDS_A_BATCH

Work = dict[bytes, list[bytes]]


@dataclass(frozen=True, slots=True)
class Result:
    """The controller's rate on the clock and by its processor time, its memory, the rival's rate, and the load."""

    records_per_s: float
    records_per_core_s: float
    rss_mb: float
    rival_records_per_s: float
    load: str


def _batches(entry: NodeEntry) -> list[bytes]:
    return [
        batch.build(entry.key, entry.node, 1, [position_record(seq) for seq in range(first, first + RECORDS_A_BATCH)])
        for first in range(1, BATCHES * RECORDS_A_BATCH + 1, RECORDS_A_BATCH)
    ]


async def _publish(client: aiomqtt.Client, entries: list[NodeEntry], work: Work) -> None:
    for number in range(BATCHES):
        await asyncio.gather(
            *(client.publish(topics.topic(SITE, e.node, "up"), work[e.node][number], qos=1) for e in entries)
        )


async def _hold_receipts(client: aiomqtt.Client, entries: list[NodeEntry]) -> None:
    """Until every node holds its last receipt."""
    last = BATCHES * RECORDS_A_BATCH
    waiting = {entry.node: entry for entry in entries}
    async for message in client.messages:
        assert isinstance(message.payload, bytes)
        _, node, _ = envelope.peek(message.payload)
        if node not in waiting:
            continue
        kind, _, _, payload = envelope.unseal(waiting[node].key, message.payload)
        if kind != envelope.RECEIPT:
            continue
        answer = receipt.parse(payload)
        if answer.up_to >= last and not answer.missing:
            del waiting[node]
        if not waiting:
            return


async def _be_nodes(port: int, entries: list[NodeEntry], work: Work, *, receipted: bool) -> None:
    """One connection that stands for several nodes: publish everything, then hold every receipt."""
    async with make_client(port, f"bench-{entries[0].node.hex()}", IN_FLIGHT) as client:
        for entry in entries:
            await client.subscribe(topics.topic(SITE, entry.node, "down"), qos=1)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_publish(client, entries, work))
            if receipted:
                tasks.create_task(_hold_receipts(client, entries))


async def _load(port: int, entries: list[NodeEntry], work: Work, *, receipted: bool) -> None:
    share = len(entries) // CONNECTIONS
    async with asyncio.timeout(RUN_TIMEOUT_S), asyncio.TaskGroup() as tasks:
        for start in range(0, len(entries), share):
            tasks.create_task(_be_nodes(port, entries[start : start + share], work, receipted=receipted))


def measure() -> Result:
    """The controller, then the rival, under the same load."""
    entries = make_nodes(NODES)
    work = {entry.node: _batches(entry) for entry in entries}
    with running_controller(entries) as controller:
        idle_mb, cpu_s = controller.peak_rss_mb(), controller.cpu_s()
        began_s = time.perf_counter()
        asyncio.run(_load(controller.port, entries, work, receipted=True))
        took_s = time.perf_counter() - began_s
        rss_mb, cpu_s = controller.peak_rss_mb(), controller.cpu_s() - cpu_s
    load = (
        f"{RECORDS} records of {NODES} nodes, {RECORDS_A_BATCH} a batch over {CONNECTIONS} connections; broker, "
        "controller (SQLite synchronous=FULL) and load generator share this machine; timed to the last receipt; the "
        f"controller took {cpu_s / took_s:.2f} cores, {idle_mb:.0f} MB before the load; the rival stores a message as "
        "one row without looking into it, and answers nothing"
    )
    return Result(RECORDS / took_s, RECORDS / cpu_s, rss_mb, RECORDS / _rival_s(entries, work), load)


def _rival_s(entries: list[NodeEntry], work: Work) -> float:
    """Seconds from the first batch to the rival's last commit."""
    with tempfile.TemporaryDirectory(prefix="vuzol-bench-") as name, _broker(Path(name)) as port:
        command = [sys.executable, "-m", "tools.bench_rival", str(port), f"{name}/rival.sqlite3", str(NODES * BATCHES)]
        rival = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert rival.stdout is not None
        assert rival.stdout.readline() == "ready\n"
        began_s = time.perf_counter()
        asyncio.run(_load(port, entries, work, receipted=False))
        assert rival.stdout.readline() == "done\n"
        took_s = time.perf_counter() - began_s
        rival.wait(timeout=10)
    return took_s


@contextmanager
def _broker(folder: Path) -> Iterator[int]:
    """The controller's broker, for the rival: nats-server with its MQTT gateway."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = {
        "server_name": "bench",
        "listen": "127.0.0.1:-1",
        "jetstream": {"store_dir": str(folder / "jetstream")},
        "mqtt": {"host": "127.0.0.1", "port": port},
    }
    (folder / "nats.conf").write_text(json.dumps(settings), encoding="utf-8")
    program = Path(sysconfig.get_path("scripts")) / "nats-server"
    broker = subprocess.Popen([program, "-c", folder / "nats.conf"], stderr=subprocess.DEVNULL)
    try:
        _wait_listening(port)
        yield port
    finally:
        broker.terminate()
        broker.wait(timeout=10)


def _wait_listening(port: int) -> None:
    deadline_s = time.monotonic() + LISTEN_TIMEOUT_S
    while time.monotonic() < deadline_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("nats-server does not listen")

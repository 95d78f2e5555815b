"""Real servers killed with -9 at random moments under load: journals and database reconcile record by record.

Never reaches into a process: MQTT and Modbus in, receipts and HTTP out.
Specification: protocol.md, "Proofs that must exist", 1 and 3.
"""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random

import psutil
import pytest

from controller.tests.modbus_line import SerialLine
from controller.tests.modbus_node import ModbusNode
from controller.tests.peer import Peer, make_entry
from controller.tests.process import Controller, Mosquitto, controlling, deliver, is_alive, reconciles, write_files
from controller.tests.relaying import Relay, let_in
from controller.tests.waiting import until

ENTRIES = [make_entry(number, vehicle=number, vehicle_id=str(number)) for number in range(1, 5)]
BEHIND_A_RELAY = [make_entry(number, vehicle=number, vehicle_id=str(number)) for number in range(0xB1, 0xB3)]
KILLS = 9
PATIENCE_S = 120.0
pytestmark = pytest.mark.timeout(300)


def make_peers(records: int) -> list[Peer]:
    peers = [Peer(entry) for entry in ENTRIES]
    for peer in peers:
        for _ in range(records):
            peer.tap()
    return peers


async def test_kill_9_of_the_controller_under_load_loses_nothing_and_stores_nothing_twice(tmp_path: Path) -> None:
    peers = make_peers(1500)
    random = Random(7)
    async with controlling(write_files(tmp_path, ENTRIES)) as controller:
        port = controller.mqtt_port
        async with asyncio.timeout(2 * PATIENCE_S), asyncio.TaskGroup() as tasks:
            for peer in peers:
                tasks.create_task(deliver(peer, port, batch_size=8))
            for kill in range(4):
                reached = (kill + 1) * 250
                await until(partial(_receipted, peers, reached), PATIENCE_S)
                await asyncio.sleep(random.random() * 0.1)
                broker = controller.broker_pid()
                await controller.end(signal.SIGKILL)
                await until(partial(_is_gone, broker))
                await controller.start()
                assert controller.mqtt_port == port
        await reconciles(controller, peers)


async def test_kill_9_of_the_broker_under_load_loses_nothing_and_it_comes_back_on_its_port(tmp_path: Path) -> None:
    peers = make_peers(1000)
    async with controlling(write_files(tmp_path, ENTRIES)) as controller:
        async with asyncio.timeout(2 * PATIENCE_S), asyncio.TaskGroup() as tasks:
            for peer in peers:
                tasks.create_task(deliver(peer, controller.mqtt_port, batch_size=8))
            for kill in range(3):
                await until(partial(_receipted, peers, (kill + 1) * 200), PATIENCE_S)
                killed = controller.broker_pid()
                os.kill(killed, signal.SIGKILL)
                await until(partial(_new_broker, controller, killed))
        await reconciles(controller, peers)
        assert (await controller.get("/healthz"))["broker"]


@pytest.mark.parametrize("seed", [3, 11])
async def test_kill_9_of_controller_mosquitto_and_relay_in_any_order_while_records_go_on(
    tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    peers = make_peers(0)
    nodes = [ModbusNode(entry, _monotonic_ms) for entry in BEHIND_A_RELAY]
    line = SerialLine({unit: node.answer for unit, node in enumerate(nodes, 1)})
    mosquitto = Mosquitto(tmp_path, _free_port())
    toml = f"[http]\nport = 0\n[mqtt]\nembedded = false\nport = {mosquitto.port}\n"
    config = write_files(tmp_path, [*ENTRIES, *BEHIND_A_RELAY], toml)
    let_in(config, BEHIND_A_RELAY)
    bus = f"transport = 'rtu'\naddress = '{line.path}'\nbaud = 115200\npoll_s = 0.1\nnodes = [1, 2]"
    await mosquitto.start()
    async with controlling(config) as controller, line, Relay(tmp_path, mosquitto.port, bus) as relay:

        async def controller_dies() -> None:
            await controller.end(signal.SIGKILL)
            await controller.start()

        async def mosquitto_dies() -> None:
            await mosquitto.kill()
            await asyncio.sleep(random.random())
            await mosquitto.start()

        async def relay_dies() -> None:
            await relay.end(signal.SIGKILL)
            await relay.start()

        ending = asyncio.Event()
        behind = [node.peer for node in nodes]
        async with asyncio.timeout(2 * PATIENCE_S), asyncio.TaskGroup() as tasks:
            for peer in peers:
                tasks.create_task(_go_on(peer, mosquitto.port, ending))
            tasks.create_task(_record([*peers, *behind], random, ending))
            for _ in range(KILLS):
                victims: Sequence[Callable[[], Awaitable[None]]] = (controller_dies, mosquitto_dies, relay_dies)
                await asyncio.sleep(random.random())
                await random.choice(victims)()
            ending.set()
        await until(lambda: all(node.journal.receipted == node.journal.last_seq for node in nodes), PATIENCE_S)
        for peer in behind:
            peer.receipted = set(peer.journal)  # their sessions hold the receipts
        await reconciles(controller, [*peers, *behind])
        assert sum(len(peer.journal) for peer in behind) > KILLS
    await mosquitto.kill()


async def _record(peers: Sequence[Peer], random: Random, ending: asyncio.Event) -> None:
    while not ending.is_set():
        random.choice(peers).tap()
        await asyncio.sleep(0.005)


async def _go_on(peer: Peer, port: int, ending: asyncio.Event) -> None:
    """Deliver for as long as there is something to deliver, or may be."""
    while not ending.is_set() or len(peer.receipted) < len(peer.journal):
        await deliver(peer, port)
        await asyncio.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _receipted(peers: list[Peer], records: int) -> bool:
    return max(len(peer.receipted) for peer in peers) >= records


def _is_gone(pid: int) -> bool:
    return not is_alive(pid)


def _new_broker(controller: Controller, old: int) -> bool:
    try:
        return controller.broker_pid() != old
    except (ValueError, psutil.NoSuchProcess):  # none at all, for a moment
        return False

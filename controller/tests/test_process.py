"""The whole controller on real brokers: killed at bad moments, lied to, started wrong, stopped in order.

Never reaches into the process: MQTT in, receipts and HTTP out.
Specification: issue "Bad input" and "Done when"; protocol.md, "Proofs that must exist", 1 and 3.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from random import Random

import aiomqtt
import pytest

from controller.tests.peer import Peer, make_entry
from controller.tests.process import Controller, controlling, deliver, is_alive, write_files
from controller.tests.waiting import until
from protocols.wire import envelope

ENTRIES = [make_entry(number, vehicle=number, vehicle_id=str(number)) for number in range(1, 5)]


def _peers(records: int) -> list[Peer]:
    peers = [Peer(entry) for entry in ENTRIES]
    for peer in peers:
        for number in range(records):
            peer.cash() if number % 10 == 0 else peer.tap()
    return peers


async def _reconciles(controller: Controller, peers: list[Peer]) -> None:
    for peer in peers:
        assert await controller.stored(peer) == peer.journal
    ledger = await controller.get("/api/v1/ledger", verify="true")
    assert ledger["verified"]
    assert ledger["reconciles"]
    assert ledger["totals"]["stored"] == sum(len(peer.journal) for peer in peers)
    assert ledger["totals"]["conflicting"] == 0


async def test_every_record_is_stored_exactly_once_and_receipted(tmp_path: Path) -> None:
    peers = _peers(100)
    async with controlling(write_files(tmp_path, ENTRIES)) as controller:
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            for peer in peers:
                tasks.create_task(deliver(peer, controller.mqtt_port))
        await _reconciles(controller, peers)
        town = await controller.get("/api/v1/town")
        assert town["counters"]["taps"] == 4 * 90
        assert all(node["online"] for node in town["nodes"])


async def test_kill_9_of_the_controller_under_load_loses_nothing_and_stores_nothing_twice(tmp_path: Path) -> None:
    peers = _peers(1500)
    random = Random(7)
    async with controlling(write_files(tmp_path, ENTRIES)) as controller:
        port = controller.mqtt_port
        async with asyncio.timeout(90), asyncio.TaskGroup() as tasks:
            for peer in peers:
                tasks.create_task(deliver(peer, port, batch_size=8))
            for kill in range(4):
                reached = (kill + 1) * 250
                await until(partial(_receipted, peers, reached), 60)
                await asyncio.sleep(random.random() * 0.1)
                broker = controller.broker_pid()
                await controller.end(signal.SIGKILL)
                await until(partial(_is_gone, broker))
                await controller.start()
                assert controller.mqtt_port == port
        await _reconciles(controller, peers)


async def test_kill_9_of_the_broker_under_load_loses_nothing_and_it_comes_back_on_its_port(tmp_path: Path) -> None:
    peers = _peers(1000)
    async with controlling(write_files(tmp_path, ENTRIES)) as controller:
        async with asyncio.timeout(90), asyncio.TaskGroup() as tasks:
            for peer in peers:
                tasks.create_task(deliver(peer, controller.mqtt_port, batch_size=8))
            for kill in range(3):
                await until(partial(_receipted, peers, (kill + 1) * 200), 60)
                killed = controller.broker_pid()
                os.kill(killed, signal.SIGKILL)
                await until(partial(_new_broker, controller, killed))
        await _reconciles(controller, peers)
        assert (await controller.get("/healthz"))["broker"]


def _receipted(peers: list[Peer], records: int) -> bool:
    return max(len(peer.receipted) for peer in peers) >= records


def _is_gone(pid: int) -> bool:
    return not is_alive(pid)


def _new_broker(controller: Controller, old: int) -> bool:
    try:
        return controller.broker_pid() != old
    except ValueError:  # none at all, for a moment
        return False


async def test_hostile_envelopes_over_the_broker_are_counted_by_reason_in_metrics(tmp_path: Path) -> None:
    (node, other, *_) = _peers(1)
    good = node.batch()
    stranger = Peer(make_entry(99))
    stranger.tap()
    async with controlling(write_files(tmp_path, ENTRIES)) as controller:
        async with aiomqtt.Client("127.0.0.1", controller.mqtt_port, identifier="mallory") as client:
            for topic, data in (
                (node.up, b"not an envelope at all, only words and words"),
                (node.up, good[:-1] + b"?"),
                (node.up, good[:20] + bytes(envelope.MAX_SIZE) + good[20:]),
                (node.up, good[:2] + b"\x63" + good[3:]),
                (stranger.up, stranger.batch()),
                (other.up, good),
                ("vuzol/1/demo/who/up", good),
                (node.state_topic, b""),
            ):
                await client.publish(topic, data, qos=1)
        await deliver(node, controller.mqtt_port)
        metrics = await controller.get("/metrics")
        for reason, count in {
            "malformed": 2, "wrong_mac": 1, "oversize": 1, "unknown_version": 1, "unknown_node": 1, "wrong_site": 1,
        }.items():  # fmt: skip
            assert f'vuzol_rejected_total{{reason="{reason}"}} {count}.0' in metrics
        assert (await controller.get("/api/v1/town"))["counters"]["rejected"]["malformed"] == 2
        assert await controller.stored(node) == node.journal


async def test_sigterm_ends_controller_and_broker_with_status_0_and_takes_back_the_word_ready(tmp_path: Path) -> None:
    controller = Controller(write_files(tmp_path, ENTRIES))
    await controller.start()
    broker = controller.broker_pid()
    began_s = time.monotonic()
    assert await controller.end(signal.SIGTERM) == 0
    assert time.monotonic() - began_s < 5
    assert not is_alive(broker)
    assert not (tmp_path / "data" / "ready.json").exists()
    assert "Traceback" not in controller.words()


@contextlib.contextmanager
def _taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("[http]\nport = {port}\n[mqtt]\nport = 0\n", "change http.port"),
        ("[http]\nport = 0\n[mqtt]\nport = {port}\n", "change mqtt.port"),
        ("[http]\nport = 0\n[mqtt]\nport = 0\n[transit]\nfeed = 'nowhere.zip'\n", "transit.feed"),
        ("[http]\nport = 0\n[mqtt]\nport = 0\n[transit]\nroster = 'nowhere.csv'\n", "transit.roster"),
        ("[http]\nport = 0\n[mqtt]\nport = 0\n[nodes]\nregistry = 'nowhere.json'\n", "nodes.registry"),
        ("[http]\nport = 0\n[mqtt]\nport = 0\n[store]\npath = '/proc/x/y'\n", "store.path"),
        ("[http]\nport = 0\n[mqtt]\nport = 0\nhots = 'x'\n", "mqtt.hots is unknown"),
        ("[mqtt]\nembedded = false\nport = 1\npassword_file = 'nowhere'\n[http]\nport = 0\n", "mqtt.password_file"),
    ],
)
async def test_what_is_missing_is_told_in_one_sentence_with_status_2(tmp_path: Path, toml: str, told: str) -> None:
    with _taken_port() as port:
        controller = Controller(write_files(tmp_path, ENTRIES, toml.format(port=port)))
        process = await controller.spawn()
        try:
            async with asyncio.timeout(20):
                assert await process.wait() == 2
        finally:
            await controller.end(signal.SIGKILL)
    (sentence,) = controller.words().strip().splitlines()
    assert sentence.startswith("vuzol: ")
    assert told in sentence


@contextlib.asynccontextmanager
async def _mosquitto_on(folder: Path, port: int) -> AsyncIterator[None]:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    conf = folder / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(conf), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def test_an_external_broker_does_as_well_and_may_come_later(tmp_path: Path) -> None:
    peers = _peers(50)
    async with contextlib.AsyncExitStack() as stack:
        with _taken_port() as port:
            pass
        toml = f"[http]\nport = 0\n[mqtt]\nembedded = false\nport = {port}\n"
        controller = await stack.enter_async_context(controlling(write_files(tmp_path, ENTRIES, toml)))
        assert not (await controller.get("/healthz"))["broker"]
        await stack.enter_async_context(_mosquitto_on(tmp_path, port))
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            for peer in peers:
                tasks.create_task(deliver(peer, port))
        await _reconciles(controller, peers)

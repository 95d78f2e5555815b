"""The whole controller on real brokers: killed at bad moments, lied to, started wrong, stopped in order.

Never reaches into the process: MQTT in, receipts and HTTP out.
Specification: issue "Bad input" and "Done when"; protocol.md, "Proofs that must exist", 1 and 3.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from controller.store.sqlite import SqliteStore
from controller.tests.peer import Peer, make_entry
from controller.tests.process import (
    ROOT,
    Controller,
    Mosquitto,
    controlling,
    credentials,
    deliver,
    is_alive,
    reconciles,
    write_files,
)
from protocols.wire import envelope

ENTRIES = [make_entry(number, vehicle=number, vehicle_id=str(number)) for number in range(1, 5)]


def _peers(records: int) -> list[Peer]:
    peers = [Peer(entry) for entry in ENTRIES]
    for peer in peers:
        for number in range(records):
            peer.cash() if number % 10 == 0 else peer.tap()
    return peers


async def test_every_record_is_stored_exactly_once_and_receipted(tmp_path: Path) -> None:
    peers = _peers(100)
    async with controlling(write_files(tmp_path, ENTRIES)) as controller:
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            for peer in peers:
                tasks.create_task(deliver(peer, controller.mqtt_port))
        await reconciles(controller, peers)
        town = await controller.get("/api/v1/town")
        assert town["counters"]["taps"] == 4 * 90
        assert all(node["online"] for node in town["nodes"])


async def test_hostile_envelopes_over_an_open_broker_are_counted_by_reason_in_metrics(tmp_path: Path) -> None:
    (node, other, *_) = _peers(1)
    good = node.batch()
    stranger = Peer(make_entry(99))
    stranger.tap()
    everybody = "[http]\nport = 0\n[mqtt]\nport = 0\nacl = false\n"
    async with controlling(write_files(tmp_path, ENTRIES, everybody)) as controller:
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


async def _vuzol(*arguments: str) -> tuple[int, str]:
    """Status and words of a command."""
    command = (sys.executable, "-m", "tools.cli", *arguments, "--lang", "en")
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, env=os.environ | {"COLUMNS": "200"}
    )
    words, _ = await process.communicate()
    return await process.wait(), words.decode()


async def test_the_command_ledger_says_which_node_owes_which_numbers_until_they_come(tmp_path: Path) -> None:
    (node, other, *_) = _peers(9)
    config = write_files(tmp_path, ENTRIES)
    async with controlling(config) as controller:
        await deliver(other, controller.mqtt_port)
        async with aiomqtt.Client("127.0.0.1", controller.mqtt_port, **credentials(node.entry)) as client:
            for first, last in ((1, 2), (5, 5), (9, 9)):
                await client.publish(node.up, node.batch(first, last), qos=1)
        for _ in range(1200):
            if len(await controller.stored(node)) == 4:
                break
            await asyncio.sleep(0.05)
        status, words = await _vuzol("ledger", "--config", str(config))
        assert status == 1
        assert "fare_validator 1 (0000000000000001) still owes the numbers 3–4, 6–8." in words
        assert "13 of 18 records of 4 nodes are stored, 5 are missing" in words
        assert (await _vuzol("ledger", "--config", str(config), "--node", other.entry.node.hex()))[0] == 0
        await deliver(node, controller.mqtt_port)
        status, words = await _vuzol("ledger", "--config", str(config), "--from", "2026-10-18")
        assert (status, "18 of 18 records of 2 nodes are stored, each once" in words) == (0, True)
        assert "2026-10-18T00:00:00+03:00 – … (Europe/Kyiv)" in words


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
        sentence = await _refusal(write_files(tmp_path, ENTRIES, toml.format(port=port)))
    assert told in sentence


async def _refusal(config: Path) -> str:
    """What a controller says that does not start."""
    controller = Controller(config)
    process = await controller.spawn()
    try:
        async with asyncio.timeout(20):
            assert await process.wait() == 2
    finally:
        await controller.end(signal.SIGKILL)
    (sentence,) = controller.words().strip().splitlines()
    assert sentence.startswith("vuzol: ")
    return sentence


async def test_a_database_with_a_damaged_page_is_told_in_one_sentence_too(tmp_path: Path) -> None:
    path = tmp_path / "vuzol.sqlite3"
    SqliteStore.open(path).close()
    with contextlib.closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = opened.execute("SELECT rootpage FROM sqlite_master WHERE name = 'node_state'").fetchone()
        (size,) = opened.execute("PRAGMA page_size").fetchone()
    data = bytearray(path.read_bytes())
    data[(page - 1) * size : page * size] = b"\xaa" * size
    path.write_bytes(data)
    assert "vuzol restore" in await _refusal(write_files(tmp_path, ENTRIES))


async def test_an_external_broker_does_as_well_and_may_come_later(tmp_path: Path) -> None:
    peers = _peers(50)
    async with contextlib.AsyncExitStack() as stack:
        with _taken_port() as port:
            pass
        toml = f"[http]\nport = 0\n[mqtt]\nembedded = false\nport = {port}\n"
        controller = await stack.enter_async_context(controlling(write_files(tmp_path, ENTRIES, toml)))
        assert not (await controller.get("/healthz"))["broker"]
        mosquitto = Mosquitto(tmp_path, port)
        await mosquitto.start()
        stack.push_async_callback(mosquitto.kill)
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            for peer in peers:
                tasks.create_task(deliver(peer, port))
        await reconciles(controller, peers)

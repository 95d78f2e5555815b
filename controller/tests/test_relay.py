"""Nodes behind a relay: a real relay, broker and controller as processes, and a ledger that reconciles whatever dies.

Never trusts the relay's word: what counts is what the controller stored and what the nodes hold receipts for.
Specification: protocol.md, proof 1 (ledger); relay.example.toml.
"""

import asyncio
import contextlib
import os
import signal
import time
import tomllib
from collections.abc import AsyncIterator, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from controller.config import BrokerConfig, BusConfig, ConfigError, LogConfig, load_as
from controller.relay import RelayConfig, RelaySiteConfig
from controller.tests.modbus_line import SerialLine
from controller.tests.modbus_node import ModbusNode
from controller.tests.peer import make_entry
from controller.tests.process import Controller, controlling, write_files
from controller.tests.relaying import Relay, let_in
from controller.tests.waiting import until

EXAMPLE = Path(__file__).parents[1] / "relay.example.toml"
PATIENCE_S = 60.0


def monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def make_nodes(count: int, records: int) -> list[ModbusNode]:
    nodes = [ModbusNode(make_entry(0xA1 + number), monotonic_ms) for number in range(count)]
    for node in nodes:
        for _ in range(records):
            node.peer.cash()
    return nodes


@contextlib.asynccontextmanager
async def relayed(folder: Path, nodes: Sequence[ModbusNode]) -> AsyncIterator[tuple[Controller, SerialLine, Relay]]:
    """Controller, line and relay, all running."""
    config = write_files(folder, [node.peer.entry for node in nodes])
    let_in(config, [node.peer.entry for node in nodes])
    units = {unit: node.answer for unit, node in enumerate(nodes, 1)}
    async with controlling(config) as controller, SerialLine(units) as line:
        bus = f"transport = 'rtu'\naddress = '{line.path}'\nbaud = 115200\npoll_s = 0.2\nnodes = {[*units]}"
        async with Relay(folder, controller.mqtt_port, bus) as relay:
            yield controller, line, relay


async def receipted(nodes: Sequence[ModbusNode]) -> None:
    await until(lambda: all(node.journal.receipted == node.journal.last_seq for node in nodes), PATIENCE_S)


async def reconciles(controller: Controller, nodes: Sequence[ModbusNode]) -> None:
    """Journalled = receipted = stored, each once."""
    ledger = await controller.get("/api/v1/ledger", verify="true")
    assert ledger["reconciles"]
    assert ledger["totals"]["stored"] == sum(len(node.peer.journal) for node in nodes)
    for node in nodes:
        assert await controller.stored(node.peer) == node.peer.journal


async def online(controller: Controller) -> list[bool]:
    return [node["online"] for node in (await controller.get("/api/v1/town", shapes="false"))["nodes"]]


async def until_online(controller: Controller, expected: Sequence[bool]) -> None:
    for _ in range(int(PATIENCE_S * 10)):
        if await online(controller) == list(expected):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"not {expected}")


async def until_receipted(nodes: Sequence[ModbusNode], records: int) -> None:
    await until(lambda: sum(node.journal.receipted for node in nodes) >= records, PATIENCE_S)


async def test_what_nodes_on_a_bus_journalled_is_stored_once_and_receipted(tmp_path: Path) -> None:
    nodes = make_nodes(3, 200)
    async with relayed(tmp_path, nodes) as (controller, _line, relay):
        await receipted(nodes)
        await reconciles(controller, nodes)
        assert await online(controller) == [True, True, True]
        assert await relay.end() == 0
        await until_online(controller, [False, False, False])
        assert relay.words().startswith("relay_ready 1 3 127.0.0.1:")


async def test_a_relay_killed_in_mid_drain_has_lost_nothing_and_its_nodes_are_offline_by_their_wills(
    tmp_path: Path,
) -> None:
    nodes = make_nodes(2, 600)
    async with relayed(tmp_path, nodes) as (controller, _line, relay):
        for kill_at in (60, 250, 450):
            await until_receipted(nodes, kill_at)
            await relay.end(signal.SIGKILL)
            await until_online(controller, [False, False])
            await relay.start()
        await receipted(nodes)
        await reconciles(controller, nodes)
        await until_online(controller, [True, True])


async def test_the_broker_is_killed_in_mid_drain(tmp_path: Path) -> None:
    nodes = make_nodes(2, 500)
    async with relayed(tmp_path, nodes) as (controller, _line, _relay):
        for kill_at in (60, 300):
            await until_receipted(nodes, kill_at)
            os.kill(controller.broker_pid(), signal.SIGKILL)
            await asyncio.sleep(1)
        await receipted(nodes)
        await reconciles(controller, nodes)


async def test_a_node_that_falls_silent_is_offline_and_one_that_restarts_goes_on(tmp_path: Path) -> None:
    nodes = make_nodes(2, 100)
    async with relayed(tmp_path, nodes) as (controller, line, _relay):
        await receipted(nodes)
        del line.units[2]
        await until_online(controller, [True, False])
        nodes[1].boot(2)
        nodes[1].peer.boot()
        line.units[2] = nodes[1].answer
        await receipted(nodes)
        await until_online(controller, [True, True])
        await reconciles(controller, nodes)


async def test_a_line_that_damages_every_tenth_answer_delivers_everything(tmp_path: Path) -> None:
    nodes = make_nodes(2, 200)
    async with relayed(tmp_path, nodes) as (controller, line, _):
        said = iter(range(1_000_000))
        line.spoil = lambda frame: frame if next(said) % 10 else bytes((frame[0], frame[1] ^ 0x40)) + frame[2:]
        await receipted(nodes)
        await reconciles(controller, nodes)


def test_the_example_holds_every_key_of_a_relay_and_of_a_bus() -> None:
    example = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    (bus,) = example.pop("bus")

    def defaults(kind: Any) -> dict[str, Any]:
        return {f.name: f.default for f in fields(kind)}

    assert example == {"site": defaults(RelaySiteConfig), "mqtt": defaults(BrokerConfig), "log": defaults(LogConfig)}
    known = {key: list(value) if isinstance(value, tuple) else value for key, value in defaults(BusConfig).items()}
    assert bus.keys() == known.keys()
    assert {key: value for key, value in bus.items() if known[key] is not MISSING} == {
        key: value for key, value in known.items() if value is not MISSING
    }


def test_every_key_of_the_example_has_a_comment() -> None:
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            assert "#" in line, line


def test_the_controllers_example_shows_the_same_bus() -> None:
    def bus_lines(path: Path) -> set[str]:
        lines = path.read_text(encoding="utf-8").splitlines()
        keys = {f.name for f in fields(BusConfig)}
        return {line.lstrip("#").split("#")[0].strip() for line in lines if line.lstrip("#").split(" =")[0] in keys}

    assert {line for line in bus_lines(EXAMPLE) if line} <= bus_lines(EXAMPLE.with_name("vuzol.example.toml"))


BUS = '[[bus]]\nname = "b"\ntransport = "tcp"\naddress = "10.0.0.7:502"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "No [[bus]] has nodes"),
        (BUS, "No [[bus]] has nodes"),
        (BUS + "nodes = [0]", "has a unit 0"),
        (BUS + "nodes = [1, 1]", "has unit 1 twice"),
        (BUS + 'nodes = [1, "2"]', "bus.nodes must be a whole number"),
        (BUS + "nodes = 1", "bus.nodes must be a list"),
        (BUS + 'nodes = [1]\ndevice = [{ unit = 2, name = "d", template = "t" }]', "a relay carries nodes"),
        (BUS.replace("10.0.0.7:502", "10.0.0.7") + "nodes = [1]", "write host:port"),
        (BUS.replace('"tcp"', '"udp"') + "nodes = [1]", "bus.transport must be one of rtu, rtu_tcp, tcp, tls"),
        (BUS.replace('name = "b"\n', "") + "nodes = [1]", "bus.name is missing"),
        (BUS + "nodes = [1]\nspeed = 9600", "bus.speed is unknown"),
        ('[site]\nname = "Кривий Ріг"\n' + BUS + "nodes = [1]", "site.name must be of a-z"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_key(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "relay.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_as(RelayConfig, tmp_path / "relay.toml", {})
    assert told in str(error.value)
    assert "\n" not in str(error.value)

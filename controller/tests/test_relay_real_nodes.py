"""Real MicroPython nodes on an emulated RS-485 line, behind a relay: their own journals against the controller's rows.

Never asks a node what it journalled: its flash image tells. Specification: protocol.md, proof 1 (ledger).
"""

import asyncio
import contextlib
import signal
import socket
import zlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from controller.tests.peer import make_entry
from controller.tests.process import Controller, controlling, write_files
from controller.tests.relaying import Relay, let_in
from emulation.launch import NodeHandle, start
from emulation.rs485 import LiveBus
from emulation.town.reconcile import Ledger, read_journal
from protocols.provisioning import NodeEntry, settings_dict
from protocols.wire.topics import node_name

BAUD = 115_200
PATIENCE_S = 60.0
CONFIG = {"vehicle": 17, "door": 1, "city_key": "5a" * 32}


def make_node(entry: NodeEntry, folder: Path, **uplink: Any) -> NodeHandle:
    return start("unix", entry.kind, settings_dict(entry, language="uk", uplink=uplink, config=CONFIG), folder)


@contextlib.asynccontextmanager
async def town(folder: Path, entries: Sequence[NodeEntry]) -> AsyncIterator[tuple[list[NodeHandle], Controller, Relay]]:
    """Validators on one line, a relay, a controller."""
    with contextlib.ExitStack() as closing:
        bus = closing.enter_context(LiveBus(BAUD))
        nodes = []
        for unit, entry in enumerate(entries, 1):
            node = make_node(entry, folder / f"node{unit}", transport="modbus_rtu", unit=unit, baud=BAUD)
            nodes.append(closing.enter_context(node))
            node.connect_uplink(bus.line(f"unit {unit}"))
        config = write_files(folder, entries)
        let_in(config, entries)
        units = list(range(1, len(entries) + 1))
        line = f"transport = 'rtu'\naddress = '{bus.terminal('relay')}'\nbaud = {BAUD}\npoll_s = 0.2\nnodes = {units}"
        async with controlling(config) as controller, Relay(folder, controller.mqtt_port, line) as relay:
            yield nodes, controller, relay


async def ride(node: NodeHandle, number: int) -> None:
    """One card, to the green light and away again."""
    await asyncio.to_thread(node.present, "desfire", bytes((4, 1, 2, 3, 4, 5, number)))
    await asyncio.to_thread(node.wait_light, "green", PATIENCE_S)
    await asyncio.to_thread(node.remove_card)
    await asyncio.to_thread(node.wait_light, "blue", PATIENCE_S)


async def settle(nodes: Sequence[NodeHandle]) -> None:
    """Until every node holds receipts for all it has."""
    for _ in range(int(PATIENCE_S * 5)):
        if all(read_journal(node.flash_image()).settled for node in nodes):
            return
        await asyncio.sleep(0.2)
    raise AssertionError("some records have no receipt")


async def reconcile(nodes: Sequence[NodeHandle], entries: Sequence[NodeEntry], controller: Controller) -> Ledger:
    """The nodes' own flash against the controller's rows, once the power of all nodes is cut."""
    await settle(nodes)
    for node in nodes:
        node.cut_power()
    await asyncio.sleep(1)
    told = await controller.get("/api/v1/ledger", verify="true")
    rows = {row["node"]: row for row in told["rows"]}
    ledger = Ledger()
    for node, entry in zip(nodes, entries, strict=True):
        name = node_name(entry.node)
        page = await controller.get(f"/api/v1/nodes/{name}/records", limit=10_000)
        stored = [(one["seq"], zlib.crc32(bytes.fromhex(one["hex"]))) for one in page["records"]]
        ledger.add(name, read_journal(node.flash_image()), stored, rows[name])
    return ledger


@pytest.mark.timeout(240)
async def test_rides_of_validators_on_a_serial_line_reach_the_database_once_also_when_the_relay_is_killed(
    tmp_path: Path,
) -> None:
    entries = [make_entry(0xA1 + number, vehicle=17) for number in range(2)]
    async with town(tmp_path, entries) as (nodes, controller, relay):
        for node in nodes:
            await asyncio.to_thread(node.wait_light, "blue", PATIENCE_S)
        for number in range(4):
            for node in nodes:
                await ride(node, number)
            if number == 1:
                await relay.end(signal.SIGKILL)
            if number == 2:
                await relay.start()
        await settle(nodes)
        views = await controller.get("/api/v1/nodes")
        assert [view["online"] for view in views] == [True, True]
        ledger = await reconcile(nodes, entries, controller)
        assert ledger.differences == []
        assert ledger.journalled == ledger.receipted == ledger.stored >= 10
        assert ledger.lost == ledger.duplicated == 0


@pytest.mark.timeout(240)
async def test_a_validator_that_is_a_modbus_server_on_tcp_needs_only_a_relay(tmp_path: Path) -> None:
    entry = make_entry(0xA1, vehicle=17)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = write_files(tmp_path, [entry])
    let_in(config, [entry])
    line = f"transport = 'tcp'\naddress = '127.0.0.1:{port}'\npoll_s = 0.2\nnodes = [9]"
    with make_node(entry, tmp_path / "node", transport="modbus_tcp", unit=9, port=port) as node:
        async with controlling(config) as controller, Relay(tmp_path, controller.mqtt_port, line):
            await asyncio.to_thread(node.wait_light, "blue", PATIENCE_S)
            for number in range(3):
                await ride(node, number)
            ledger = await reconcile([node], [entry], controller)
            assert ledger.differences == []
            assert ledger.journalled == ledger.receipted == ledger.stored >= 4

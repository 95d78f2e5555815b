"""The registry changes at noon and the controller runs on: who is new counts, whose key is gone does not.

Never restarts the controller. Specification: README.md beside the controller's code, "Registry".
"""

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.admin import keys
from controller.secret_files import write_secret
from controller.tests.modbus_line import SerialLine
from controller.tests.modbus_node import ModbusNode
from controller.tests.peer import Peer, make_entry
from controller.tests.playbook import playing
from controller.tests.process import PORTS, Controller, controlling, write_files
from controller.tests.test_buses import monotonic_ms, until_answer
from controller.tests.waiting import until
from emulation.launch import NodeHandle, start
from emulation.town.reconcile import read_journal
from protocols.provisioning import NodeEntry, settings_dict
from protocols.wire.topics import node_name

OLD, NEW = make_entry(0xA1, vehicle=17, vehicle_id="17"), make_entry(0xA2, vehicle=18, vehicle_id="18")
SIGN, HOUSE = make_entry(0xD1, "stop_display", stop_id="s3", width=16, height=8), make_entry(0xC1, "utility_meter")
CONFIG = {"vehicle": 17, "door": 1, "city_key": "5a" * 32, "status_s": 1}
PATIENCE_S = 60.0


async def test_a_node_that_comes_while_the_controller_runs_is_served_as_if_it_had_been_there_from_the_start(
    tmp_path: Path,
) -> None:
    new = Peer(NEW)
    new.boot()
    new.tap()
    async with playing(tmp_path, [OLD]) as book:
        book.attach(new)
        await book.send(new, new.batch())
        assert (book.metrics.refusals(), new.receipts) == ({"unknown_node": 1}, [])
        await book.town.learn([OLD, NEW, SIGN, HOUSE])
        town = book.town.live.snapshot()
        assert [view.node for view in town.nodes] == [node_name(entry.node) for entry in (OLD, NEW, SIGN, HOUSE)]
        assert {row.node for row in town.ledger} == {view.node for view in town.nodes}
        assert [view.node for view in town.displays] == [node_name(SIGN.node)]
        await book.send(new, new.batch())
        assert new.receipted == {1, 2} == set(book.stored(new))
        assert book.town.fleet.is_online(NEW.node, book.town.now_s())


async def test_a_key_that_was_replaced_or_taken_out_is_worth_nothing_from_that_moment_and_its_history_stays(
    tmp_path: Path,
) -> None:
    old = Peer(OLD)
    old.boot()
    rekeyed = Peer(replace(OLD, key=bytes(range(32))))
    async with playing(tmp_path, [OLD]) as book:
        book.attach(old)
        await book.send(old, old.batch())
        await book.town.learn([rekeyed.entry])
        old.tap()
        await book.send(old, old.batch())
        assert (book.metrics.refusals(), old.receipted) == ({"wrong_mac": 1}, {1})
        book.attach(rekeyed)
        rekeyed.journal = old.journal
        await book.send(rekeyed, rekeyed.batch())
        assert rekeyed.receipted == {1, 2}

        await book.town.learn([replace(rekeyed.entry, replaced_by=node_name(NEW.node)), NEW])
        assert not book.town.fleet.is_online(OLD.node, book.town.now_s())
        await book.send(rekeyed, rekeyed.batch())
        await book.town.learn([NEW])
        await book.send(rekeyed, rekeyed.batch())
        assert book.metrics.refusals() == {"wrong_mac": 1, "replaced_node": 1, "unknown_node": 1}
        ledger = {row.node: row.stored for row in book.town.ledger.rows()}
        assert ledger == {node_name(OLD.node): 2, node_name(NEW.node): 0}
    async with playing(tmp_path, [NEW]) as book:  # an earlier life of the controller knew it
        await book.town.learn([NEW, rekeyed.entry])
        book.attach(rekeyed)
        await book.send(rekeyed, rekeyed.batch())
        assert rekeyed.receipted == {1, 2}
        assert book.town.ledger.row_of(OLD.node).refused_duplicates == 3


async def test_what_waits_for_its_commit_when_its_node_is_taken_out_is_stored_and_harms_nobody(tmp_path: Path) -> None:
    leaving, staying = Peer(NEW), Peer(OLD)
    for peer in (leaving, staying):
        peer.boot()
        peer.position(47.9, 33.4)
    async with playing(tmp_path, [OLD, NEW]) as book:
        book.attach(leaving, staying)
        book.town.ingest.receive(leaving.up, leaving.batch())
        await book.town.learn([OLD])
        await book.send(staying, staying.batch())
        assert book.stored(leaving) == leaving.journal
        assert staying.receipted == {1, 2}
        book.town.alarms.look()
        assert book.town.alarms.open() == ()
        assert [view.node for view in book.town.live.snapshot().nodes] == [node_name(OLD.node)]
        assert b"vuzol_handler_errors_total 0.0" in book.metrics.text()


def power_on(entry: NodeEntry, port: int, folder: Path) -> NodeHandle:
    uplink = {"transport": "mqtt", "host": "127.0.0.1", "port": port}
    return start("unix", entry.kind, settings_dict(entry, language="uk", uplink=uplink, config=CONFIG), folder)


async def ride(node: NodeHandle, number: int) -> None:
    """One card, to the green light and away again."""
    await asyncio.to_thread(node.present, "desfire", bytes((4, 1, 2, 3, 4, 5, number)))
    await asyncio.to_thread(node.wait_light, "green", PATIENCE_S)
    await asyncio.to_thread(node.remove_card)
    await asyncio.to_thread(node.wait_light, "blue", PATIENCE_S)


def is_online(entry: NodeEntry) -> Any:
    return lambda nodes: any(one["node"] == node_name(entry.node) and one["online"] for one in nodes)


async def taps(controller: Controller, at_least: int) -> int:
    told = await until_answer(controller, "/api/v1/town?shapes=false", lambda t: t["counters"]["taps"] >= at_least)
    return int(told["counters"]["taps"])


@pytest.mark.timeout(240)
async def test_a_validator_installed_at_noon_rides_with_the_city_and_its_lost_key_does_not(tmp_path: Path) -> None:
    config = write_files(tmp_path, [OLD])
    registry, master = tmp_path / "nodes.json", tmp_path / keys.MASTER_KEY
    async with controlling(config) as controller:
        with power_on(NEW, controller.mqtt_port, tmp_path / "node") as node:
            await asyncio.to_thread(node.wait_light, "blue", PATIENCE_S)
            await ride(node, 1)  # nobody knows it yet: the journal keeps the ride
            keys.write_nodes(registry, master, [OLD, NEW])
            await until_answer(controller, "/api/v1/nodes", is_online(NEW))
            await ride(node, 2)
            assert await taps(controller, 2) == 2

            write_secret(registry, registry.read_text()[:-40])  # a disk that was full: half a file
            await until(lambda: "stay as they were" in controller.words(), PATIENCE_S)
            await ride(node, 3)
            assert await taps(controller, 3) == 3
            assert controller.words().count("stay as they were") == 1
            assert "correct the entry" in controller.words()

            rekeyed = replace(NEW, key=bytes(range(32)))
            keys.write_nodes(registry, master, [OLD, rekeyed])
            await until_answer(controller, "/api/v1/nodes", lambda nodes: not is_online(NEW)(nodes))
            await ride(node, 4)
            assert not read_journal(node.flash_image()).settled
        assert await taps(controller, 3) == 3
        with power_on(rekeyed, controller.mqtt_port, tmp_path / "node") as node:
            await asyncio.to_thread(node.wait_light, "blue", PATIENCE_S)
            assert await taps(controller, 4) == 4, "what the old key could not deliver, the new one does"
            ledger = await controller.get("/api/v1/ledger", verify="true")
            assert ledger["reconciles"]


def strangers(metrics: str) -> float:
    """How many envelopes of unknown nodes were refused."""
    found = re.search(r'rejected_total\{reason="unknown_node"\} (\S+)', metrics)
    return float(found[1]) if found else 0.0


async def test_a_node_that_already_answers_on_a_bus_is_taken_in_when_the_registry_names_it(tmp_path: Path) -> None:
    node = ModbusNode(replace(NEW, site="north"), monotonic_ms)
    node.peer.cash()
    async with SerialLine({1: node.answer}) as line:
        bus = f"[[bus]]\nname = 'yard'\ntransport = 'rtu'\naddress = '{line.path}'\nbaud = 115200\nnodes = [1]\n"
        config = write_files(tmp_path, [OLD], PORTS + bus)
        registry, master = tmp_path / "nodes.json", tmp_path / keys.MASTER_KEY
        async with controlling(config) as controller:
            await until_answer(controller, "/metrics", lambda told: strangers(told) > 0)
            keys.write_nodes(registry, master, [OLD, node.peer.entry])
            await until(lambda: node.journal.receipted == 1, PATIENCE_S)
            keys.write_nodes(registry, master, [OLD])
            await until_answer(controller, "/api/v1/nodes", lambda nodes: len(nodes) == 1)
            before = strangers(await controller.get("/metrics"))
            node.peer.cash()
            await until_answer(controller, "/metrics", lambda told: strangers(told) > before)
            assert node.journal.receipted == 1
            rows = (await controller.get("/api/v1/ledger", verify="true"))["rows"]
            assert [row["stored"] for row in rows if row["node"] == node_name(NEW.node)] == [1], "its history stays"

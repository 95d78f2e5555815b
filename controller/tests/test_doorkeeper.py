"""The registry changes under a running controller: its broker follows within seconds, and nobody else notices.

Specification: controller/doorkeeper.py; README.md, "Broker".
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest

from controller.admin import keys
from controller.secret_files import write_secret
from controller.tests.peer import Peer, make_entry
from controller.tests.process import Controller, controlling, credentials, deliver, write_files
from controller.tests.waiting import until
from protocols.provisioning import NodeEntry

STAYING, LEAVING, COMING = (make_entry(number) for number in (0xA1, 0xA2, 0xA3))
PATIENCE_S = 60.0


@contextlib.asynccontextmanager
async def connected(controller: Controller, entry: NodeEntry) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client("127.0.0.1", controller.mqtt_port, **credentials(entry), timeout=PATIENCE_S) as client:
        yield client


async def is_let_in(controller: Controller, entry: NodeEntry) -> bool:
    try:
        async with connected(controller, entry):
            return True
    except aiomqtt.MqttError:
        return False


async def test_who_leaves_the_registry_is_out_who_comes_is_in_and_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    config = write_files(tmp_path, [STAYING, LEAVING])
    registry, master = tmp_path / "nodes.json", tmp_path / keys.MASTER_KEY
    async with controlling(config) as controller, connected(controller, STAYING) as staying:
        async with connected(controller, LEAVING) as leaving:
            assert not await is_let_in(controller, COMING)
            keys.write_nodes(registry, master, [STAYING, COMING])  # sealed from now on
            with pytest.raises(aiomqtt.MqttError):
                await asyncio.wait_for(anext(aiter(leaving.messages)), PATIENCE_S)
        assert await is_let_in(controller, COMING)
        assert not await is_let_in(controller, LEAVING)
        write_secret(registry, "{")
        await until(lambda: "all nodes and certificates stay as they were" in controller.words(), PATIENCE_S)
        assert await is_let_in(controller, COMING)
        peer = Peer(STAYING)
        peer.boot()
        await staying.publish(peer.up, peer.batch(), qos=1)  # on the connection of the beginning
        await deliver(peer, controller.mqtt_port)
        assert await controller.stored(peer) == peer.journal

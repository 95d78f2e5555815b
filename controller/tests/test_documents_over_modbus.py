"""A document for a real node on an emulated RS-485 line, behind a relay: the same envelopes, and rides arrive.

Never looks into the node: what it holds is what it reports. Specification: protocols/WIRE.md, "Documents".
"""

import asyncio
import os
import time
from pathlib import Path

import httpx
import pytest

from controller.tests.peer import make_entry
from controller.tests.process import Controller
from controller.tests.test_relay_real_nodes import PATIENCE_S, reconcile, ride, town


async def held(controller: Controller) -> int:
    """The version that the one node holds."""
    (copy,) = (await controller.get("/api/v1/documents"))["copies"]
    return int(copy["held"])


@pytest.mark.timeout(240)
async def test_a_node_behind_a_relay_pulls_a_document_while_its_rides_arrive(tmp_path: Path) -> None:
    entries = [make_entry(0xA1, vehicle=17)]
    async with town(tmp_path, entries) as (nodes, controller, _):
        await asyncio.to_thread(nodes[0].wait_light, "blue", PATIENCE_S)
        base_url = f"http://127.0.0.1:{controller.http_port}"
        async with httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
            assert (await client.put("/api/v1/documents/font", content=os.urandom(12_000))).status_code == 200
        deadline_s = time.monotonic() + 2 * PATIENCE_S
        rides = 0
        while await held(controller) == 0:
            assert time.monotonic() < deadline_s
            await ride(nodes[0], rides)
            rides += 1
        ledger = await reconcile(nodes, entries, controller)
        assert ledger.differences == []
        assert ledger.journalled == ledger.receipted == ledger.stored > rides > 0

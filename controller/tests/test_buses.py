"""A controller with buses of its own: nodes without a broker between, devices by templates, samples, statistics.

Never looks inside the process. Specification: README.md beside the controller's code, "Buses".
"""

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from controller.devices.device import Sample
from controller.devices.template import GOOD, SILENT
from controller.store.sqlite import SqliteStore
from controller.tests.modbus_line import SerialLine, gateway
from controller.tests.modbus_node import ModbusNode
from controller.tests.peer import make_entry
from controller.tests.process import Controller, controlling, write_files
from controller.tests.waiting import until

PORTS = "[http]\nport = 0\n[mqtt]\nport = 0\n"
PATIENCE_S = 60.0
QUICK = """
name = "A thing"
source = "this test"
[group.quick]
interval_s = 0.1
[[point]]
name = "level"
address = 0
type = "u16"
scale = 0.5
unit = "m"
group = "quick"
[[point]]
name = "flood"
address = 1
type = "bit"
bit = 3
role = "alarm"
group = "quick"
"""


async def until_answer(controller: Controller, path: str, is_so: Callable[[Any], bool]) -> Any:
    """Ask until the answer is as expected; that answer."""
    for _ in range(int(PATIENCE_S * 10)):
        answer = await controller.get(path)
        if is_so(answer):
            return answer
        await asyncio.sleep(0.1)
    raise AssertionError(answer)


def monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


async def test_nodes_on_the_controllers_own_bus_need_no_broker_between(tmp_path: Path) -> None:
    nodes = [ModbusNode(make_entry(0xA1 + number), monotonic_ms) for number in range(2)]
    for node in nodes:
        for _ in range(100):
            node.peer.cash()
    async with SerialLine({1: nodes[0].answer, 2: nodes[1].answer}) as line:
        bus = f"[[bus]]\nname = 'yard'\ntransport = 'rtu'\naddress = '{line.path}'\nbaud = 115200\nnodes = [1, 2, 3]\n"
        config = write_files(tmp_path, [node.peer.entry for node in nodes], PORTS + bus)
        async with controlling(config) as controller:
            await until(lambda: all(node.journal.receipted == 100 for node in nodes), PATIENCE_S)
            for node in nodes:
                assert await controller.stored(node.peer) == node.peer.journal
            assert [node["online"] for node in await controller.get("/api/v1/nodes")] == [True, True]
            ((yard),) = await controller.get("/api/v1/buses")
            assert [(unit["name"], unit["kind"], unit["answering"]) for unit in yard["units"]] == [
                (nodes[0].peer.entry.node.hex(), "node", True), (nodes[1].peer.entry.node.hex(), "node", True),
                ("", "node", False),
            ]  # fmt: skip
            line.units.clear()
            await until_answer(controller, "/api/v1/nodes", lambda told: not any(node["online"] for node in told))


@contextlib.asynccontextmanager
async def a_meter() -> AsyncIterator[int]:
    """pymodbus's server as an SDM120."""
    values = [0] * 344
    for address, value in ((0, 230.2), (6, 5.0), (12, 1151.0), (70, 50.0), (72, 1234.5), (342, 1240.0)):
        values[address : address + 2] = struct.unpack(">HH", struct.pack(">f", value))
    device = SimDevice(1, simdata=[SimData(0, values=values, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer([device], address=("127.0.0.1", 0))
    await server.listen()
    try:
        yield server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


async def test_a_meter_is_read_by_its_template_and_seen_over_the_api(tmp_path: Path) -> None:
    async with a_meter() as port:
        bus = f"""
[[bus]]
name = "switchboard"
transport = "tcp"
address = "127.0.0.1:{port}"
device = [{{ unit = 1, name = "Щит 1", template = "eastron_sdm120" }}]
"""
        async with controlling(write_files(tmp_path, [make_entry()], PORTS + bus)) as controller:
            ((device),) = await until_answer(
                controller, "/api/v1/devices", lambda told: told[0]["online"] and len(told[0]["points"]) == 12
            )
            values = {point["name"]: (point["value"], point["unit"], point["quality"]) for point in device["points"]}
            assert values["voltage"] == (pytest.approx(230.2, abs=1e-4), "V", "good")
            assert values["energy_import"] == (1234.5, "kWh", "good")
            page = await until_answer(controller, "/api/v1/devices/Щит 1/samples", lambda told: told["samples"])
            assert {sample["point"] for sample in page["samples"]} == values.keys()
            text = await controller.get("/metrics")
            assert 'vuzol_bus_answers_total{bus="switchboard",unit="1"}' in text
            assert 'vuzol_bus_answer_seconds{bus="switchboard",quantile="0.95",unit="1"}' in text
            assert 'vuzol_bus_connected{bus="switchboard"} 1.0' in text


async def test_alarms_silences_and_pages_of_samples(tmp_path: Path) -> None:
    (tmp_path / "thing.toml").write_text(QUICK, encoding="utf-8")
    flood = [0]

    def answer(pdu: bytes) -> bytes:
        return bytes((3, 4)) + struct.pack(">HH", 14, flood[0] << 3)

    units: dict[int, Callable[[bytes], bytes | None]] = {5: answer}
    async with gateway(units, patience_s=0.01) as port:
        bus = (
            f"[[bus]]\nname = 'b'\ntransport = 'tcp'\naddress = '127.0.0.1:{port}'\n"
            "device = [{ unit = 5, name = 'tank', template = 'thing.toml' }]\n"
        )
        async with controlling(write_files(tmp_path, [make_entry()], PORTS + bus)) as controller:
            await until_answer(controller, "/api/v1/devices", lambda told: told[0]["points"])
            flood[0] = 1
            ((tank),) = await until_answer(controller, "/api/v1/devices", lambda told: told[0]["alarms"])
            assert tank["alarms"] == ["flood"]
            del units[5]
            ((tank),) = await until_answer(controller, "/api/v1/devices", lambda told: not told[0]["online"])
            assert {point["quality"] for point in tank["points"]} == {"silent"}
            last = await until_answer(
                controller, "/api/v1/devices/tank/samples?limit=10000",
                lambda told: told["samples"][-1]["quality"] == "silent",
            )  # fmt: skip
            levels = [one for one in last["samples"] if one["point"] == "level"]
            assert {one["value"] for one in levels[:-1]} == {7.0}
            first = await controller.get("/api/v1/devices/tank/samples", point="level", limit=3)
            second = await controller.get("/api/v1/devices/tank/samples", point="level", after=first["after"], limit=3)
            assert first["samples"] + second["samples"] == levels[:6]


def test_two_samples_of_one_point_in_the_same_millisecond_are_both_kept(tmp_path: Path) -> None:
    with contextlib.closing(SqliteStore.open(tmp_path / "vuzol.sqlite3")) as store:
        samples = store.samples
        samples.add([Sample("meter", "power", 1_000, 1.0, GOOD), Sample("meter", "power", 1_000, 2.0, GOOD)])
        samples.add([Sample("meter", "power", 1_000, None, SILENT)])
        found = samples.read("meter", "power", (0, 2_000), 0, 10)
        assert [(one.time_ms, one.value, one.quality) for one in found] == [
            (1_000, 1.0, GOOD), (1_000, 2.0, GOOD), (1_000, None, SILENT),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("bus", "told"),
    [
        ("device = [{ unit = 1, name = 'd', template = 'no_such' }]", "bus 'b', device 'd': There is no template"),
        ("device = [{ unit = 1, name = 'd' }]", "bus.device.template is missing"),
        (
            "device = [{ unit = 1, name = 'd', template = 'xy_md02' }, { unit = 2, name = 'd', template = 'xy_md02' }]",
            "Two devices are named 'd'",
        ),
    ],
)
async def test_a_wrong_bus_ends_the_start_with_one_sentence(bus: str, told: str, tmp_path: Path) -> None:
    text = f"{PORTS}[[bus]]\nname = 'b'\ntransport = 'tcp'\naddress = '127.0.0.1:1'\n{bus}\n"
    controller = Controller(write_files(tmp_path, [make_entry()], text))
    process = await controller.spawn()
    assert await process.wait() == 2
    assert told in controller.words()
    assert len(controller.words().strip().splitlines()) == 1

"""A node's uplink as any Modbus master sees it: live values, identity, refusals, and silence where none is due."""

from collections.abc import Iterator

import pytest
from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ModbusIOException
from pymodbus.pdu.mei_message import ReadDeviceInformationResponse

from emulation.launch import NodeHandle
from emulation.rs485 import LiveBus
from hil_tests.target import Desk
from protocols.wire import registers

UNIT = 17
ANSWER_S = 3.0  # an emulated chip may be slower than a real one
ILLEGAL_ADDRESS = 2
ROWS = {row.name: row for row in registers.registers_of("fare_validator")}

pytestmark = [pytest.mark.needs("uplink", "settings", "light"), pytest.mark.timeout(300)]


@pytest.fixture
def on_the_line(desk: Desk) -> Iterator[tuple[NodeHandle, ModbusSerialClient]]:
    """A validator in service, and pymodbus on the other end of its RS-485 line."""
    settings = desk.settings("fare_validator") | {"uplink": {"transport": "modbus_rtu", "unit": UNIT}}
    with LiveBus() as bus:
        node = desk.node("fare_validator", settings, real_time=True)
        node.wait_light("blue", 20)
        node.connect_uplink(bus.line("node"))
        node.keep_pace()
        with ModbusSerialClient(bus.terminal("master"), baudrate=115_200, timeout=ANSWER_S, retries=1) as master:
            yield node, master


def read(master: ModbusSerialClient, name: str) -> int:
    row = ROWS[name]
    words = {"u16": 1, "u32": 2}[row.type]
    answer = master.read_holding_registers(row.address, count=words, device_id=UNIT)
    assert not answer.isError(), answer
    return int.from_bytes(b"".join(word.to_bytes(2, "big") for word in answer.registers), "big")


def test_a_master_reads_what_the_node_is_and_does(on_the_line: tuple[NodeHandle, ModbusSerialClient]) -> None:
    _node, master = on_the_line
    assert read(master, "map_version") == registers.VERSION
    assert read(master, "node_kind") == 1
    assert read(master, "boot_id") == 1
    assert read(master, "vehicle") == 17
    identity = master.read_device_information(device_id=UNIT)
    assert isinstance(identity, ReadDeviceInformationResponse)
    assert identity.information[0] == b"Vuzol"


def test_writes_are_refused_and_strangers_are_met_with_silence(
    on_the_line: tuple[NodeHandle, ModbusSerialClient],
) -> None:
    node, master = on_the_line
    refused = master.write_register(0, 1, device_id=UNIT)
    assert refused.exception_code == ILLEGAL_ADDRESS
    master.comm_params.timeout_connect = 0.5
    with pytest.raises(ModbusIOException):
        master.read_holding_registers(0, count=1, device_id=UNIT + 1)
    assert read(master, "bus_refused_writes") == 1
    assert node.restarts == 0

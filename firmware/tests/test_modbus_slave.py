"""The cases of the Modbus slave on CPython too, its CRC beside an independent one, and its registers' list.

It must never need a node: test_modbus_link.py starts those.
Spec: firmware/tests/device/modbus_cases.py, mailbox_cases.py; crcmod's predefined "modbus".
"""

from types import ModuleType

import crcmod.predefined
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.tests import on_device
from firmware.tests.device import mailbox_cases, modbus_cases
from protocols.wire import modbus_rtu, registers
from protocols.wire.errors import MalformedFrame
from protocols.wire.node_kinds import NODE_KINDS

CASES = (modbus_cases, mailbox_cases)
independent_crc = crcmod.predefined.mkCrcFun("modbus")


@pytest.mark.parametrize(
    ("module", "case"),
    [(module, case) for module in CASES for case in on_device.case_names(module.__name__.rpartition(".")[2])],
)
def test_on_cpython(module: ModuleType, case: str) -> None:
    getattr(module, case)()


@given(st.binary(max_size=300))
def test_the_crc_is_the_one_that_others_compute(data: bytes) -> None:
    assert modbus_rtu.crc16(data) == independent_crc(data)


@given(st.integers(0, 255), st.binary(min_size=1, max_size=253))
def test_a_frame_is_read_as_it_was_built_and_one_flipped_bit_is_seen(unit: int, pdu: bytes) -> None:
    frame = modbus_rtu.build(unit, pdu)
    assert modbus_rtu.check(frame) == (unit, pdu)
    broken = bytes((frame[0] ^ 0x10,)) + frame[1:]
    with pytest.raises(MalformedFrame, match="wrong_crc"):
        modbus_rtu.check(broken)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8))
def test_any_bursts_leave_a_receiver_that_hears_the_next_request(bursts: list[bytes]) -> None:
    receiver = modbus_rtu.Receiver(7)
    for burst in bursts:
        receiver.feed(burst)
    if receiver.waits:
        receiver.give_up()
    assert receiver.feed(modbus_rtu.build(7, b"\x03\x00\x00\x00\x01")) == b"\x03\x00\x00\x00\x01"


def test_a_request_that_pauses_behind_the_traffic_of_others_is_heard() -> None:
    receiver = modbus_rtu.Receiver(7)
    others = modbus_rtu.build(9, b"\x03\x02\x07\x10")
    request = modbus_rtu.build(7, b"\x03\x00\x00\x00\x01")
    for pause in range(1, len(request)):
        assert receiver.feed(others + request[:pause]) is None
        assert receiver.waits
        assert receiver.feed(request[pause:]) == b"\x03\x00\x00\x00\x01"
    receiver.feed(others + request[:4])
    receiver.give_up()
    assert receiver.crc_errors == 0, "it may have been theirs"


@pytest.mark.parametrize("kind", [kind for _, kind, _, _ in NODE_KINDS])
def test_the_live_registers_of_a_kind_have_each_a_name_of_its_own_and_room(kind: str) -> None:
    rows = registers.registers_of(kind)
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    common = [row for row in rows if row.address < registers.KIND_ADDRESS]
    assert len(common) == len(registers.COMMON)
    last = common[-1]
    assert last.address + registers.TYPES[last.type][1] <= registers.KIND_ADDRESS

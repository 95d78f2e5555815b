"""The other ways a meter tells what it has counted: pulses that bounce, a 62056-21 readout, Modbus registers."""

import struct

from emulation.peripherals.clock import ManualClock
from emulation.peripherals.iec62056_meter import Iec62056Meter
from emulation.peripherals.modbus_meter import ModbusMeter
from emulation.peripherals.pulse_contact import PulseContact
from protocols.wire import modbus_rtu
from protocols.wire.iec62056 import DataSet, End, ModeC, Send


def edges(contact: PulseContact, clock: ManualClock, for_us: int, step_us: int = 100) -> int:
    seen, before = 0, contact.level()
    for _ in range(for_us // step_us):
        clock.advance(step_us)
        level = contact.level()
        seen += level != before
        before = level
    return seen


def test_a_contact_closes_once_a_pulse_and_rests_open() -> None:
    clock = ManualClock()
    contact = PulseContact(clock)
    assert contact.level() == 1
    contact.emit(20, per_second=20)
    assert edges(contact, clock, 2_000_000) == 40
    assert (contact.level(), contact.emitted) == (1, 20)


def test_contacts_that_bounce_change_more_often_and_count_the_same() -> None:
    clock = ManualClock()
    contact = PulseContact(clock)
    contact.emit(20, per_second=20, bounce_us=5_000)
    assert edges(contact, clock, 2_000_000) > 300
    contact.emit(5, per_second=1)
    clock.advance(3_500_000)
    assert contact.emitted == contact.pulses() == 24


def read_out(meter: Iec62056Meter, clock: ManualClock) -> list[object]:
    master = ModeC()
    told: list[object] = []

    def hear(data: bytes) -> None:
        for step in master.feed(data):
            told.append(step)
            if isinstance(step, Send):
                meter.feed(step.data)

    meter.on_output = hear
    meter.feed(master.start()[1].data)
    clock.advance(60_000_000)
    return told


def test_a_meter_gives_its_readout_at_the_speed_that_it_named() -> None:
    clock = ManualClock()
    meter = Iec62056Meter(clock, lambda: ["0.0.0(42)", "1.8.0(001234.567*kWh)"])
    told = read_out(meter, clock)
    assert [step for step in told if isinstance(step, DataSet)] == [
        DataSet("0.0.0", (("42", ""),)),
        DataSet("1.8.0", (("001234.567", "kWh"),)),
    ]
    assert told[-1] == End(True)
    meter.wrong_checksum = True
    assert read_out(meter, clock)[-1] == End(False)
    meter.silent = True
    assert read_out(meter, clock) == []


def test_a_modbus_meter_answers_its_unit_alone() -> None:
    clock = ManualClock()
    high, low = struct.unpack(">HH", struct.pack(">f", 229.5))
    meter = ModbusMeter(clock, 7, lambda: {0: high, 1: low})
    heard: list[bytes] = []
    meter.on_output = heard.append

    def ask(unit: int, pdu: bytes) -> bytes:
        heard.clear()
        meter.feed(modbus_rtu.build(unit, pdu))
        clock.advance(1_000_000)
        return b"".join(heard)

    assert modbus_rtu.check(ask(7, bytes.fromhex("0400000002"))) == (7, b"\x04\x04" + struct.pack(">f", 229.5))
    assert modbus_rtu.check(ask(7, bytes.fromhex("0400010002"))) == (7, b"\x84\x02")
    assert modbus_rtu.check(ask(7, bytes.fromhex("0600000002"))) == (7, b"\x86\x01")
    assert ask(8, bytes.fromhex("0400000002")) == b""

"""Meters on a node's bus and pulse inputs: what they say is on flash, and what they do not say is there as that."""

from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest

from emulation.launch import NodeHandle
from emulation.peripherals.mbus_line import MBusMeter
from hil_tests.records import of_kind
from hil_tests.target import Desk
from protocols.wire import meter_rows, text
from protocols.wire.messages import found_meter, reading, status, tamper
from protocols.wire.meter_units import UNITS

PATIENCE_S = 150.0  # of the node's time: readings come each minute
FREE_BYTES = 49_152  # boards/rpi_pico/board.toml, [memory.utility_meter]; on x86-64 objects are larger
DAY_S = 24 * 3_600
SEARCH_S = 300.0  # ten questions a digit, each asked three times where nobody answers
ELECTRICITY: dict[str, Any] = {
    "bus": {"protocol": "modbus", "baud": 9600},
    "meters": [
        {
            "number": 1,
            "address": 7,
            "every_min": 1,
            "registers": [[0, "f32", "V", 0], [12, "f32", "W", 0], [72, "f32", "Wh", 3]],
        }
    ],
    "pulses": [],
}
READOUT: dict[str, Any] = {
    "bus": {"protocol": "iec62056", "baud": 300},
    "meters": [{"number": 1, "address": "00000042", "every_min": 1}],
    "pulses": [],
}

ERASES_AT_REST = """
    import time
    from boards.rpi_pico import hal
    contact, _ = hal.pulse_inputs()
    flash = hal.journal_flash()
    print("counting")
    erases = 0
    while contact.value() == 0:
        time.sleep_ms(1)
    while erases < 100:
        if contact.at_rest():
            flash.ioctl(6, erases % 8)
            erases += 1
        time.sleep_ms(1)
    print(contact.value(), "pulses,", erases, "erases")
"""

pytestmark = pytest.mark.needs("meters", "journal")


def readings(node: NodeHandle, meter: int) -> list[reading.Reading]:
    return [m for one in of_kind(node, reading.KIND) if (m := reading.parse(one.body)).meter == meter]


def values(m: reading.Reading) -> list[tuple[str, float]]:
    return [(UNITS[row.unit], round(row.raw * 10.0**row.exponent, 6)) for row in meter_rows.parse(m.rows)]


def next_reading(node: NodeHandle, meter: int, seen: Callable[[reading.Reading], Any] = lambda _m: True) -> Any:
    """The first reading of a meter from now on that is as wanted."""
    before = len(readings(node, meter))
    node.wait_until(
        lambda: any(map(seen, readings(node, meter)[before:])), PATIENCE_S, f"such a reading of meter {meter}"
    )
    return next(filter(seen, readings(node, meter)[before:]))


def outcome(wanted: int) -> Callable[[reading.Reading], bool]:
    return lambda m: bool(m.outcome == wanted)


def test_meters_are_read_by_their_address_and_by_their_number(desk: Desk) -> None:
    node = desk.node("utility_meter")
    by_address, by_number = next_reading(node, 1), next_reading(node, 2)
    assert (text.unpad(by_address.identity), text.unpad(by_address.maker), by_address.medium) == ("12345005", "ELS", 4)
    assert text.unpad(by_number.identity) == "12345678"
    for m in (by_address, by_number):
        units = [unit for unit, _ in values(m)]
        assert units == ["Wh", "m^3", "W", "m^3/h", "°C", "°C"]
        assert dict(values(m))["W"] == 12_500


def test_a_meter_of_each_other_bus_is_read(desk: Desk) -> None:
    on_modbus = desk.node("utility_meter", **ELECTRICITY)
    assert dict(values(next_reading(on_modbus, 1)))["V"] == 229.8
    with_readout = desk.node("utility_meter", **READOUT)
    told = next_reading(with_readout, 1)
    assert text.unpad(told.identity) == "00000042"
    total, day, night, power, voltage = (value for _, value in values(told))
    assert (power, voltage) == (12_500, 229.8)
    assert total == pytest.approx(day + night, abs=1)


def test_a_silent_meter_is_recorded_as_silent_and_told_once(desk: Desk) -> None:
    node = desk.node("utility_meter")
    next_reading(node, 1)
    node.meters.on_bus(0).silent = True
    silent = next_reading(node, 1, outcome(reading.OUTCOME_SILENT))
    assert silent.rows == b""
    node.wait_light("red", PATIENCE_S)
    assert next_reading(node, 2).outcome == reading.OUTCOME_READ
    node.meters.on_bus(0).silent = False
    next_reading(node, 1, outcome(reading.OUTCOME_READ))
    node.wait_until(lambda: node.light() == "blue", PATIENCE_S, "the light of meters that answer")
    assert node.console.count("meter 1 gave no reading") == 1


def test_a_wrong_checksum_and_a_collision_are_recorded_as_garbled(desk: Desk) -> None:
    node = desk.node("utility_meter")
    node.meters.on_bus(0).wrong_checksum = True
    next_reading(node, 1, outcome(reading.OUTCOME_GARBLED))
    node.meters.on_bus(0).wrong_checksum = False
    next_reading(node, 1, outcome(reading.OUTCOME_READ))
    node.meters.join_bus(MBusMeter(5, "87654321", lambda: (b"\x04\x06\x00\x00\x00\x00",)))
    garbled = next_reading(node, 1, outcome(reading.OUTCOME_GARBLED))
    assert garbled.rows == b""


@pytest.mark.needs("days")
def test_a_telegram_that_a_meter_repeats_is_marked_stale(desk: Desk) -> None:
    node = desk.node("utility_meter")
    assert not next_reading(node, 1).flags & reading.FLAGS_STALE
    meter = node.meters.on_bus(0)
    assert isinstance(meter, MBusMeter)
    meter.stale = True
    assert next_reading(node, 1, lambda m: m.flags & reading.FLAGS_STALE).rows
    meter.stale = False
    next_reading(node, 1, lambda m: not m.flags & reading.FLAGS_STALE)


def test_a_node_that_was_told_of_no_meter_finds_those_on_its_bus(desk: Desk) -> None:
    node = desk.node("utility_meter", meters=[], pulses=[])
    for number in ("12345678", "12999999", "80000001"):
        node.meters.join_bus(MBusMeter(0, number, lambda: (b"\x04\x06\x00\x00\x00\x00",)))
    node.wait_console("search is over", SEARCH_S)
    found = [found_meter.parse(one.body) for one in of_kind(node, found_meter.KIND)]
    assert sorted(text.unpad(m.identity) for m in found) == ["12345678", "12999999", "80000001"]
    assert {(m.address, m.collided, text.unpad(m.maker)) for m in found} == {(253, found_meter.COLLIDED_NO, "ELS")}


@pytest.mark.needs("days")
def test_an_address_that_no_meter_can_have_is_told_and_the_others_are_read(desk: Desk) -> None:
    node = desk.node(
        "utility_meter",
        meters=[{"number": 1, "address": "12", "every_min": 1}, {"number": 2, "address": 5, "every_min": 1}],
    )
    assert next_reading(node, 1).outcome == reading.OUTCOME_SILENT
    assert next_reading(node, 2).outcome == reading.OUTCOME_READ
    assert "meter 1 cannot be asked: meter number '12': eight digits" in node.console
    assert node.restarts == 0


def test_pulses_at_20_hz_with_bounce_are_counted_to_the_last_while_meters_are_read(desk: Desk) -> None:
    node = desk.node("utility_meter")
    node.wait_light("blue", PATIENCE_S)
    node.meters.pulse(300, per_second=20, bounce_us=5_000)
    for meter in (1, 2):
        assert next_reading(node, meter).outcome == reading.OUTCOME_READ
    assert 0 < node.meters.pulsed() < 300
    node.pass_time(15)
    assert node.meters.pulsed() == 300
    assert values(next_reading(node, 11)) == [("m^3", 8.0), ("pulse", 300)]


@pytest.mark.needs("program", "silicon")
def test_flash_is_erased_among_pulses_at_20_hz_and_costs_none(desk: Desk) -> None:
    node = desk.node("utility_meter", program=dedent(ERASES_AT_REST))
    node.wait_console("counting", PATIENCE_S)
    node.pass_time(1)
    node.meters.pulse(100, per_second=20, bounce_us=5_000)
    node.wait_console("erases", PATIENCE_S)
    assert "100 pulses, 100 erases" in node.console


@pytest.mark.needs("power_cut")
def test_a_counter_outlives_its_power_and_says_that_it_may_have_missed_some(desk: Desk) -> None:
    node = desk.node("utility_meter")
    next_reading(node, 11)
    node.meters.pulse(30, per_second=10)
    next_reading(node, 11, lambda m: values(m)[1] == ("pulse", 30))
    node.cut_power()
    node.start()
    first = next_reading(node, 11)
    assert values(first) == [("m^3", 5.3), ("pulse", 30)]
    assert first.flags & reading.FLAGS_ESTIMATED
    node.meters.pulse(5, per_second=10)
    second = next_reading(node, 11, lambda m: values(m)[1] == ("pulse", 35))
    assert not second.flags & reading.FLAGS_ESTIMATED


def test_an_open_cover_is_recorded_and_seen(desk: Desk) -> None:
    node = desk.node("utility_meter")
    node.wait_light("blue", PATIENCE_S)
    node.meters.open_cover()
    node.wait_light("amber", PATIENCE_S)
    node.meters.close_cover()
    node.wait_until(lambda: node.light() == "blue", PATIENCE_S, "the light of a closed cover")
    covers = [tamper.parse(one.body).cover for one in of_kind(node, tamper.KIND)]
    assert covers == [tamper.COVER_OPEN, tamper.COVER_CLOSED]


@pytest.mark.needs("days")
@pytest.mark.needs("own_time")
@pytest.mark.timeout(400)
def test_a_day_of_readings_does_not_drift_from_the_minute(desk: Desk) -> None:
    node = desk.node("utility_meter", meters=[{"number": 1, "address": 5, "every_min": 10}], status_s=3_600)
    node.pass_time(DAY_S)
    for meter, every_s in ((1, 600), (11, 60)):
        times = [one.time_s for one in of_kind(node, reading.KIND) if reading.parse(one.body).meter == meter]
        assert len(times) >= DAY_S // every_s, f"meter {meter}"
        assert {at % every_s < 5 for at in times[1:]} == {True}
    assert (node.restarts, node.watchdog_bites) == (0, 0)


def test_memory_is_left_while_it_serves(desk: Desk) -> None:
    node = desk.node("utility_meter", status_s=10)
    for meter in (1, 2, 11):
        next_reading(node, meter)
    told = len(of_kind(node, status.KIND))
    node.wait_until(lambda: len(of_kind(node, status.KIND)) > told, PATIENCE_S, "a status record")
    free = status.parse(of_kind(node, status.KIND)[-1].body).heap_free
    assert free >= FREE_BYTES


@pytest.mark.needs("power_cut")
@pytest.mark.parametrize("operation", [1, *(pytest.param(later, marks=pytest.mark.needs("days")) for later in (2, 3))])
def test_a_power_cut_while_a_reading_is_written_costs_no_more_than_that_reading(desk: Desk, operation: int) -> None:
    node = desk.node("utility_meter")
    next_reading(node, 11)
    node.meters.pulse(30, per_second=10)
    next_reading(node, 11, lambda m: values(m)[1] == ("pulse", 30))
    before = of_kind(node, reading.KIND)
    node.cut_power_at(node.flash.operations + operation)
    node.wait_until(lambda: not node.alive, PATIENCE_S, "the end of the power")
    node.start()
    assert values(next_reading(node, 11)) == [("m^3", 5.3), ("pulse", 30)]
    assert of_kind(node, reading.KIND)[: len(before)] == before

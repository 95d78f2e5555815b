"""The parts of a meter node that need no bus: settings, rows, bouncing contacts, and what the journal remembers.

It must never need a board: pins and journals are written down here.
Spec: firmware/nodes/README.md, "A meter node".
"""

from boards.rpi_pico import pulse_counter
from firmware.journal import Journal
from firmware.nodes import meter_settings
from firmware.nodes.meter_memory import pulses_before
from firmware.nodes.meter_reading import MeterReading, digits
from firmware.settings import table
from firmware.tests.device.ram_flash import RamFlash
from protocols.wire import meter_rows
from protocols.wire.iec62056 import DataSet
from protocols.wire.mbus import frame, telegram
from protocols.wire.messages import reading
from protocols.wire.meter_units import UNITS, unit_of

HEAT_METER = (
    "7856341293150104010000000C0678563412042B0100000005 5B0000A841042E03000000440600000000 3406000000000C7844332211"
)


def config(**values):
    return table("config", values, meter_settings.CONFIG)


def refused(**values):
    try:
        config(**values)
    except ValueError as wrong:
        return str(wrong)
    raise AssertionError("accepted")


def rows(found):
    return meter_rows.parse(b"".join(found.rows))


def test_a_node_without_a_word_about_meters_has_a_bus_and_none():
    found = config()
    assert found["bus"] == ("mbus", 2400)
    assert found["meters"] == found["pulses"] == []


def test_a_meter_has_its_defaults():
    (meter,) = config(meters=[{"number": 3, "address": "1234567F"}])["meters"]
    assert meter == (3, "1234567F", 60, 8, 4, [])


def test_settings_that_are_wrong_say_where():
    assert refused(bus={"protocol": "dlms"}) == "config.bus must be Bus.protocol must be one of mbus, iec62056, modbus"
    assert "Meter.number" in refused(meters=[{"address": 5}])
    assert "0 to 250" in refused(meters=[{"number": 1, "address": 251}])
    twice = [{"number": 1, "address": 5}, {"number": 1, "address": 6}]
    assert refused(meters=twice) == "config.meters must be meters with different numbers: 1 is there twice"
    told = refused(meters=twice[:1], pulses=[{"number": 1}])
    assert told == "config.pulses must be meters with different numbers: 1 is there twice"
    assert "at most 2" in refused(pulses=[{"number": place} for place in (1, 2, 3)])
    assert "Meter.registers" in refused(meters=[{"number": 1, "address": 5, "registers": [[0, "f64", "V", 0]]}])
    assert "a list" in refused(meters={})


def test_a_telegram_becomes_rows_of_numbers_of_now_with_a_unit():
    data = bytes(
        [int(HEAT_METER.replace(" ", "")[at : at + 2], 16) for at in range(0, len(HEAT_METER.replace(" ", "")), 2)]
    )
    found = MeterReading(10)
    found.take_telegram(telegram.parse(frame.parse(frame.build_long(frame.RSP_UD, 5, 0x72, data))))
    assert (found.identity, found.maker, found.medium) == (b"12345678", b"ELS", 4)
    assert [(row.register, UNITS[row.unit], row.exponent, row.raw, row.function) for row in rows(found)] == [
        (0x0600, "Wh", 3, 12345678, 0),
        (0x2B00, "W", 0, 1, 0),
        (0x5B00, "°C", 0, 21, 0),
        (0x2E00, "W", 3, 3, 0),
        (0x0600, "Wh", 3, 0, 3),  # of an error's time; the storage and the fabrication number before it are none of now
    ]


def test_no_more_rows_are_kept_than_were_asked_for():
    found = MeterReading(2)
    for register in range(5):
        found.take_register(meter_settings.register([register, "u16", "V", -1]), register)
    assert [row.raw for row in rows(found)] == [0, 1]


def test_a_value_that_no_row_holds_is_passed_over():
    data = bytes([0x84, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0x03, 1, 0, 0, 0, 0x04, 0x03, 2, 0, 0, 0])
    found = MeterReading(10)
    found.take_telegram(telegram.parse(frame.parse(frame.build_long(frame.RSP_UD, 5, 0x78, data))))
    assert [row.raw for row in rows(found)] == [2]


def test_a_data_set_becomes_a_row_if_it_is_a_number_with_a_unit():
    found = MeterReading(10)
    for address, value, unit in (
        ("0.0.0", "00000042", ""),
        ("1-0:1.8.1*255", "001234.567", "kWh"),
        ("6.31", "0109868", "h"),
        ("6.26", "03052.95", "m3"),
        ("1-0:1.7.255*255", "-000142.30", "W"),
        ("0.9.1", "101500", ""),
        ("C.1", "77", "kWh"),
    ):
        found.take_data_set(DataSet(address, ((value, unit),)))
    assert found.identity == b"00000042"
    assert [(row.register, row.tariff, UNITS[row.unit], row.exponent, row.raw) for row in rows(found)] == [
        (0x010801, 1, "Wh", 0, 1234567),
        (0x061FFF, 0, "s", 0, 109868 * 3600),
        (0x061AFF, 0, "m^3", -2, 305295),
        (0x0107FF, 0, "W", -2, -14230),
    ]


def test_a_float_keeps_the_digits_that_it_has():
    assert digits(229.5, 0) == (2295, -1)
    assert digits(12500.0, 3) == (12500, 3)
    assert digits(0.0, 0) == (0, 0)
    raw, exponent = digits(0.000707, 0)
    assert abs(raw * 10.0**exponent - 0.000707) < 1e-9
    assert digits(-0.25, -3) == (-25, -5)


def test_units_are_brought_to_ours():
    assert unit_of("GJ") == (UNITS.index("J"), 9)
    assert unit_of("kWh") == (UNITS.index("Wh"), 3)
    assert unit_of("l/h") == (UNITS.index("m^3/h"), -3)
    assert unit_of("m^3") == (UNITS.index("m^3"), 0)
    assert unit_of("furlong") is None


class Bench:
    """A pin and the clock beside it, whose every change is an interrupt unless interrupts are off."""

    IRQ_FALLING, IRQ_RISING = 4, 8

    def __init__(self):
        self.now_ms = 7
        self._level = 1
        pulse_counter.time = self
        self.counter = pulse_counter.PulseCounter(self)

    def irq(self, handler, _trigger, hard):
        self._handler = handler

    def value(self):
        return self._level

    def ticks_ms(self):
        return self.now_ms % TICKS

    def ticks_diff(self, end, start):
        return (end - start + TICKS // 2) % TICKS - TICKS // 2

    def after(self, ms, level, heard=True):
        self.now_ms += ms
        self._level = level
        if heard:
            self._handler(self)


TICKS = 1 << 30


def test_a_closing_counts_once_and_a_bounce_never():
    bench = Bench()
    for _ in range(3):
        for ms, level in ((25, 0), (1, 1), (1, 0), (25, 1), (0, 0), (2, 1)):
            bench.after(ms, level)
    assert bench.counter.value() == 3


def test_a_pulse_after_any_time_counts():
    bench = Bench()
    for days in (1, 7, 12, 13, 30):
        bench.after(days * 86_400_000, 0)
        bench.after(30, 1)
    assert bench.counter.value() == 5


def test_a_pulse_within_an_erase_counts_and_one_that_began_before_counts_once():
    bench = Bench()
    bench.after(500, 0)
    assert not bench.counter.at_rest()
    bench.after(25, 1)
    assert not bench.counter.at_rest()
    bench.now_ms += 14
    assert bench.counter.at_rest()
    bench.after(11, 0, heard=False)  # the erase has begun
    bench.after(25, 1, heard=False)
    bench.after(9, 1)  # it ends: there were edges
    assert bench.counter.value() == 2
    bench.after(16, 0)
    assert bench.counter.value() == 3


def test_a_contact_that_lies_still_lets_flash_be_erased_open_or_closed():
    bench = Bench()
    for level in (0, 1):
        bench.after(1_000, level)
        assert not bench.counter.at_rest()
        bench.now_ms += 200
        assert bench.counter.at_rest()
    bench.now_ms += 7 * 86_400_000
    assert bench.counter.at_rest()


def test_a_counter_is_remembered_by_the_newest_reading():
    journal = Journal(RamFlash(8), lambda: (0, 0))
    journal.open()
    for count in (5, 9):
        found = MeterReading(2)
        found.take_count(config(pulses=[{"number": 7, "weight": 10}])["pulses"][0], count)
        journal.append(reading, reading.Reading(7, 4, 0, 0, bytes(8), bytes(3), 0, 255, 0, 0, b"".join(found.rows)))
        journal.append(reading, reading.Reading(1, 1, 1, 0, bytes(8), bytes(3), 0, 255, 0, 0, b""))
    assert pulses_before(journal, [7, 8]) == {7: 9}
    assert pulses_before(journal, []) == {}

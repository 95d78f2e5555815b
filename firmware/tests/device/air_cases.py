"""An air post's minutes: what a period's numbers are, and where periods begin and end, whatever the clock does.

It must never need a sensor: values and times are given.
Spec: firmware/nodes/air_statistics.py, firmware/nodes/air_calibration.py.
"""

import json

from firmware.document_store import Document
from firmware.nodes.air_calibration import calibration, in_document
from firmware.nodes.air_sensor import LONG, MINUTE
from firmware.nodes.air_statistics import Grid, Period
from firmware.tests.device.fuzz_cases import Dice
from protocols.wire.air_rows import FLAG_HUMIDITY, FLAG_NOISE, FLAG_RANGE, FLAG_WARM_UP, NUMBERS
from protocols.wire.document import CALIBRATION
from protocols.wire.record import CLOCK_RECEIPT, CLOCK_UNSET

NO2 = NUMBERS["no2"]
PM10 = NUMBERS["pm10"]
UTC_MS = 1_795_000_040_000  # 20 s into its minute


class Clock:
    def __init__(self, utc_ms=None):
        self.monotonic = 0
        self.utc_at_zero = utc_ms

    def monotonic_ms(self):
        return self.monotonic

    def stamp(self):
        if self.utc_at_zero is None:
            return CLOCK_UNSET, self.monotonic
        return CLOCK_RECEIPT, self.monotonic + self.utc_at_zero

    def set(self, utc_ms):
        self.utc_at_zero = utc_ms - self.monotonic


def row_of(values, number=PM10):
    period = Period()
    for value in values:
        period.add(number, value)
    (row,) = period.rows()
    return row


class Documents:
    """One document in force, with this content."""

    def __init__(self, data, version):
        self._data = data
        self.one = Document(CALIBRATION, version, len(data), b"", b"", ())

    def read(self, held, offset, buffer):
        buffer[:] = self._data[offset : offset + len(buffer)]
        return len(buffer)


def read_document(data, version=9):
    documents = Documents(data, version)
    return in_document(documents, documents.one)


def refused(value):
    try:
        calibration(value)
    except ValueError as wrong:
        return str(wrong)
    return "taken"


def cell(**changed):
    good = {
        "gas": "no2",
        "inputs": [0, 1],
        "algorithm": 1,
        "we_electronic_uv": 292_000,
        "ae_electronic_uv": 298_000,
        "we_zero_uv": 0,
        "ae_zero_uv": 2_000,
        "sensitivity_nv": -277_000,
        "table": [1300] * 9,
    }
    good.update(changed)
    return {"version": 3, "cells": [good]}


def test_a_period_tells_count_mean_bounds_and_deviation():
    row = row_of([100, 200, 300, 400])
    assert (row.count, row.mean, row.minimum, row.maximum) == (4, 250, 100, 400)
    assert row.deviation == 111  # of 111.8


def test_negative_values_stay_as_they_are():
    row = row_of([-5, -4, -6])
    assert (row.mean, row.minimum, row.maximum) == (-5, -6, -4)


def test_the_deviation_is_that_of_the_textbook_for_any_values():
    dice = Dice(60)
    for _ in range(50):
        values = [dice.below(20_000) - 5_000 for _ in range(60)]
        row = row_of(values)
        mean = sum(values) / 60
        variance = sum([(value - mean) ** 2 for value in values]) / 60
        assert abs(row.mean - mean) <= 0.5
        assert abs(row.deviation - variance**0.5) <= 1


def test_flags_of_any_second_are_flags_of_the_period():
    period = Period()
    period.add(PM10, 1, FLAG_WARM_UP)
    period.add(PM10, 1, FLAG_HUMIDITY)
    assert period.rows()[0].flags == FLAG_WARM_UP | FLAG_HUMIDITY


def test_what_jumps_is_noise_and_what_climbs_is_not():
    assert row_of([500 * (second % 2) for second in range(60)], NO2).flags == FLAG_NOISE
    assert row_of([20 * second for second in range(60)], NO2).flags == 0


def test_what_no_row_holds_is_told_at_its_end_and_marked():
    row = row_of([40_000, 40_000])
    assert (row.mean, row.maximum, row.flags) == (32_767, 32_767, FLAG_RANGE)


def test_the_electrodes_are_averaged_beside():
    period = Period()
    period.add(NO2, 10, 0, (4600, 4800))
    period.add(NO2, 20, 0, (4602, 4801))
    row = period.rows()[0]
    assert (row.mean, row.we, row.ae) == (15, 4601, 4801)


def test_a_minute_ends_with_the_minute_of_the_clock():
    clock = Clock(UTC_MS)
    grid = Grid(MINUTE, clock)
    clock.monotonic = 39_999
    assert not grid.ended()
    clock.monotonic = 40_000
    assert grid.ended()
    assert grid.close()[0] == UTC_MS // 60_000 * 60
    assert not grid.ended()


def test_a_period_of_twenty_minutes_begins_at_full_twenties():
    clock = Clock(UTC_MS)
    grid = Grid(LONG, clock)
    clock.monotonic = LONG * 60_000
    assert grid.ended()
    assert grid.close()[0] % 1200 == 0


def test_when_the_clock_is_first_set_the_minute_before_is_told_by_the_new_clock():
    clock = Clock()
    clock.monotonic = 5_000
    grid = Grid(MINUTE, clock)
    clock.monotonic = 15_000
    clock.set(UTC_MS)
    assert grid.ended()
    assert grid.close()[0] == UTC_MS // 1000 - 10
    assert not grid.ended()


def test_a_clock_that_is_set_back_a_little_goes_through_no_minute_twice():
    clock = Clock(UTC_MS + 40_500)
    grid = Grid(MINUTE, clock)
    clock.set(UTC_MS + 39_000)
    assert not grid.ended()
    clock.monotonic = 61_000
    assert grid.ended()


def test_a_clock_that_jumps_far_ends_the_minute_at_once():
    for jump_ms in (-7_200_000, 7_200_000):
        clock = Clock(UTC_MS)
        grid = Grid(MINUTE, clock)
        clock.set(UTC_MS + jump_ms)
        assert grid.ended()
        grid.close()
        assert not grid.ended()


def test_a_whole_calibration_is_taken():
    found = calibration(cell(cross={"o3": 10_000}))
    assert found.version == 3
    assert (found.cells[0].we_input, found.cells[0].ae_input) == (0, 1)
    assert found.cells[0].cell.cross == (("o3", 10_000),)


def test_a_document_is_a_calibration_with_the_documents_own_version():
    assert read_document(json.dumps(cell()).encode(), 70_000).version == 70_000


def test_a_document_that_is_no_calibration_is_refused():
    for data in (b"", b"{", b"[]", b'{"cells": 3}', b"\xff\xfe", b" " * 9000):
        try:
            read_document(data)
        except ValueError:
            continue
        raise AssertionError(data)


def test_a_calibration_that_is_not_whole_is_refused_in_words():
    assert "cells" in refused(None)
    assert "version" in refused({"version": -1, "cells": []})
    assert "gas" in refused(cell(gas="xenon"))
    assert "inputs" in refused(cell(inputs=[3, 4]))
    assert "inputs" in refused(cell(inputs=[0]))
    assert "inputs" in refused(cell(inputs=["0", 1]))
    assert "algorithm" in refused(cell(algorithm=5))
    assert "sensitivity" in refused(cell(sensitivity_nv=0))
    assert "zero" in refused(cell(algorithm=2, ae_zero_uv=0))
    assert "table" in refused(cell(table=[1, 2, 3]))
    assert "cross" in refused(cell(cross={"no2": 0.5}))

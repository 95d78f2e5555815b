"""What the clock believes, whom, and what a clock on the wall shows.

It must never need real time: ticks are a list of numbers.
Spec: firmware/clock.py, firmware/local_time.py; protocols/wire/record.py, "clock quality".
"""

from firmware.clock import FRESH_MS, Clock
from firmware.local_time import clock_text, is_summer
from protocols.wire.record import CLOCK_GNSS, CLOCK_HELD, CLOCK_RECEIPT, CLOCK_UNSET

NOON_MS = 1_790_000_000_000
WRAP = 1 << 30  # MicroPython's ticks period on a microcontroller


class Ticks:
    """time.ticks_ms and ticks_diff of a board that wraps, at whatever moment the case is."""

    def __init__(self, start=0):
        self.ms = start

    def now(self):
        return self.ms % WRAP

    def diff(self, end, start):
        return (end - start + WRAP // 2) % WRAP - WRAP // 2


def a_clock(start=0):
    ticks = Ticks(start)
    return Clock(ticks.now, ticks.diff), ticks


def test_monotonic_time_goes_on_when_the_ticks_wrap():
    clock, ticks = a_clock(WRAP - 10)
    seen = []
    for step_ms in (5, 5, 5, WRAP // 3, WRAP // 3, WRAP // 3, WRAP // 3):
        ticks.ms += step_ms
        seen.append(clock.monotonic_ms())
    assert seen[:3] == [5, 10, 15]
    assert seen[-1] == 15 + 4 * (WRAP // 3)


def test_before_anybody_told_the_time_a_record_carries_the_uptime():
    clock, ticks = a_clock()
    ticks.ms = 1234
    assert clock.stamp() == (CLOCK_UNSET, 1234)
    assert clock.utc_s() is None


def test_a_receipt_sets_the_clock_and_it_goes_on_by_itself():
    clock, ticks = a_clock()
    assert clock.tell(CLOCK_RECEIPT, NOON_MS) == 0
    ticks.ms += 1500
    assert clock.stamp() == (CLOCK_RECEIPT, NOON_MS + 1500)
    ticks.ms += FRESH_MS
    assert clock.stamp() == (CLOCK_HELD, NOON_MS + 1500 + FRESH_MS)


def test_a_receipt_does_not_overrule_a_receiver_that_speaks():
    clock, ticks = a_clock()
    clock.tell(CLOCK_GNSS, NOON_MS)
    assert clock.tell(CLOCK_RECEIPT, NOON_MS + 90_000) == 0
    assert clock.stamp() == (CLOCK_GNSS, NOON_MS)
    ticks.ms += FRESH_MS + 1
    assert clock.tell(CLOCK_RECEIPT, NOON_MS + FRESH_MS + 90_001) == 90_000
    assert clock.quality() == CLOCK_RECEIPT


def test_a_receiver_overrules_a_receipt_and_a_step_is_told():
    clock, _ = a_clock()
    clock.tell(CLOCK_RECEIPT, NOON_MS)
    assert clock.tell(CLOCK_GNSS, NOON_MS - 5_000) == -5_000
    assert clock.tell(CLOCK_GNSS, NOON_MS - 4_900) == 0
    assert clock.utc_ms() == NOON_MS - 4_900


def test_nobody_is_believed_who_has_no_clock_himself():
    clock, _ = a_clock()
    for impossible_ms in (0, -1, 315_964_800_000, 1 << 60):
        clock.tell(CLOCK_GNSS, impossible_ms)
    assert clock.utc_ms() is None


def test_the_wall_clock_follows_the_european_summer_time():
    for utc_s, shown, summer in (
        (1_774_745_999, "02:59", False),  # 2026-03-29 00:59:59 UTC
        (1_774_746_000, "04:00", True),
        (1_792_889_999, "03:59", True),  # 2026-10-25 00:59:59 UTC
        (1_792_890_000, "03:00", False),
        (1_798_761_599, "01:59", False),  # 2026-12-31 23:59:59 UTC
        (1_798_761_600, "02:00", False),
        (1_837_645_199, "02:59", False),  # 2028-03-26 00:59:59 UTC, a leap year
        (1_837_645_200, "04:00", True),
    ):
        assert is_summer(utc_s) == summer, utc_s
        assert clock_text(utc_s, 120, True) == shown, utc_s


def test_a_wall_clock_elsewhere_has_its_own_offset():
    assert clock_text(1_790_000_000, 600, False) == "00:13"
    assert clock_text(1_790_000_000, -210, False) == "10:43"

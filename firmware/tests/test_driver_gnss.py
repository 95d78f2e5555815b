"""The GNSS reader on real MicroPython with the modelled receiver on a UART: fixes, void ones, noise, silence.

It must never wait for more than a few of the receiver's seconds.
Spec: firmware/drivers/gnss.py.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from firmware.tests.on_device import Bench

SILENCE_MS = 1500


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Bench]:
    with Bench("fare_validator", tmp_path, "receiver", str(SILENCE_MS)) as bench:
        yield bench


def test_a_vehicle_that_moves_is_followed(board: Bench) -> None:
    board.handle.gnss.move(49.8397, 24.0297, 10.0, 271.5)
    while not (line := board.next_line())["place"]:
        pass
    lat_e7, lon_e7, speed_cmps, course_cdeg = line["place"]
    assert abs(lat_e7 - 498397000) <= 2
    assert abs(lon_e7 - 240297000) <= 2
    assert abs(speed_cmps - 1000) <= 1
    assert course_cdeg == 27150
    assert abs(line["utc_ms"] - time.time() * 1000) < 2000
    assert board.next_with("sky") == [9, 90]


def test_a_receiver_without_satellites_gives_void_fixes_with_a_time(board: Bench) -> None:
    line = board.next_line()
    assert line["place"] == []
    assert abs(line["utc_ms"] - time.time() * 1000) < 2000


def test_silence_is_told_and_ends_with_the_next_fix(board: Bench) -> None:
    board.next_with("place")
    board.handle.gnss.stop()
    assert board.next_with("silence")
    assert board.next_line() == {"silence": True}
    board.handle.gnss.resume()
    assert board.next_with("utc_ms")


def test_noise_on_the_line_costs_one_sentence_at_most(board: Bench) -> None:
    board.next_with("place")
    board.handle.gnss.inject(b"\xff\x80$GPRMC,12\x00\x1b$$GNRMC,,V*00\r\n" + bytes(range(256)))
    assert board.next_with("bad") > 0
    before = board.next_with("bad")
    assert board.next_with("bad") == before


def test_waiting_costs_no_processor(board: Bench) -> None:
    board.next_with("place")
    assert board.handle.pid is not None
    process = psutil.Process(board.handle.pid)
    before = process.cpu_times()
    for _ in range(2):
        board.next_with("place")
    after = process.cpu_times()
    assert after.user + after.system - before.user - before.system <= 0.1

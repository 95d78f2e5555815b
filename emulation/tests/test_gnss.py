"""The GNSS receiver: sentences that parse, told once a second at the line's pace, with and without satellites.

It must never go through a parser of ours.
Specification: NMEA 0183; the receiver's clock is the injected one.
"""

import functools
import operator

import pytest

from emulation.peripherals.clock import ManualClock
from emulation.peripherals.gnss import Fix, GnssReceiver, sentences

UTC_S = 1_792_152_000  # 2026-10-16 12:00:00 UTC
SECOND_US = 1_000_000


def fields_of(sentence: bytes) -> list[str]:
    """The fields of a sentence whose checksum is right."""
    text = sentence.decode("ascii")
    assert text.startswith("$")
    assert text.endswith("\r\n")
    assert len(text) <= 82  # NMEA 0183, 5.3
    body, checksum = text[1:-2].split("*")
    assert int(checksum, 16) == functools.reduce(operator.xor, body.encode())
    return body.split(",")


def degrees(value: str, hemisphere: str) -> float:
    point = value.index(".")
    assert float(value[point - 2 :]) < 60
    return (float(value[: point - 2]) + float(value[point - 2 :]) / 60) * (-1 if hemisphere in "SW" else 1)


class Line:
    """The other end of the receiver's line: (clock us, bytes)."""

    def __init__(self) -> None:
        self.clock = ManualClock(utc_us=UTC_S * SECOND_US + 300_000)
        self.receiver = GnssReceiver(self.clock)
        self.heard: list[tuple[int, bytes]] = []
        self.receiver.on_output = lambda data: self.heard.append((self.clock.now_us(), data))
        self.receiver.power(True)

    @property
    def text(self) -> bytes:
        return b"".join(data for _, data in self.heard)


@pytest.mark.parametrize(
    ("lat_deg", "lon_deg"),
    [(49.9935, 36.2304), (-33.8688, -151.2093), (0.0, -0.00001), (59.9999999, 179.9999999), (48.0, 37.99999999)],
)
def test_a_position_survives_the_way_through_the_sentences(lat_deg: float, lon_deg: float) -> None:
    rmc, gga, gsa, vtg = (fields_of(s) for s in sentences(UTC_S, Fix(lat_deg, lon_deg, 12.5, 271.4)))
    assert degrees(rmc[3], rmc[4]) == pytest.approx(lat_deg, abs=1e-6)
    assert degrees(rmc[5], rmc[6]) == pytest.approx(lon_deg, abs=1e-6)
    assert gga[2:6] == rmc[3:7]
    assert float(rmc[7]) * 1852 / 3600 == pytest.approx(12.5, abs=1e-3)
    assert float(rmc[8]) == 271.4
    assert float(vtg[7]) == pytest.approx(45.0)
    assert (rmc[0], rmc[2], rmc[9], rmc[12]) == ("GNRMC", "A", "161026", "A")
    assert (gga[0], gga[6], gsa[0], gsa[2]) == ("GNGGA", "1", "GNGSA", "3")
    assert len(gsa) == 18
    assert len(gga) == 15


def test_without_satellites_only_the_time_is_told() -> None:
    rmc, gga, gsa, vtg = (fields_of(s) for s in sentences(UTC_S, None))
    assert rmc == ["GNRMC", "120000.00", "V", "", "", "", "", "", "", "161026", "", "", "N"]
    assert (gga[6], gsa[2], vtg[9]) == ("0", "1", "N")


def test_each_second_is_told_once_at_the_pace_of_the_line() -> None:
    line = Line()
    line.receiver.move(50.0, 36.0, 10, 90)
    line.clock.advance(10 * SECOND_US)
    told = [fields_of(data)[1] for _, data in line.heard if b"RMC" in data]
    assert told == [f"1200{second:02d}.00" for second in range(1, 11)]
    (rmc_us, _), (gga_us, gga) = line.heard[0], line.heard[1]
    assert gga_us - rmc_us == pytest.approx(len(gga) * 10 * SECOND_US / 9600, abs=2)


def test_it_follows_moves_loses_the_fix_falls_silent_and_comes_back() -> None:
    line = Line()
    line.receiver.move(50.0, 36.0)
    line.clock.advance(SECOND_US)
    line.receiver.move(50.001, 36.0)
    line.clock.advance(SECOND_US)
    line.receiver.lose_fix()
    line.clock.advance(SECOND_US)
    assert [fields_of(data)[2:4] for _, data in line.heard if b"RMC" in data] == [
        ["A", "5000.00000"],
        ["A", "5000.06000"],
        ["V", ""],
    ]
    heard = len(line.heard)
    line.receiver.silent = True
    line.clock.advance(5 * SECOND_US)
    assert len(line.heard) == heard
    line.receiver.silent = False
    line.clock.advance(SECOND_US)
    assert len(line.heard) == heard + 4


def test_without_supply_it_says_nothing_more() -> None:
    line = Line()
    line.clock.advance(800_000)  # in the middle of its sentences
    line.receiver.power(False)
    heard = len(line.heard)
    line.clock.advance(5 * SECOND_US)
    assert len(line.heard) == heard


def test_garbage_goes_out_between_the_sentences() -> None:
    line = Line()
    line.receiver.inject(b"\xff\x00$GNRMC,,*")
    line.clock.advance(2 * SECOND_US)
    assert line.text.startswith(b"\xff\x00$GNRMC,,*$GNRMC,120001.00")


def test_a_recorded_log_is_spoken_second_by_second_and_then_it_is_silent() -> None:
    log = b"# comment\n$GPGGA,1*00\r\n$GPRMC,1*00\r\n$GPGSV,1*00\r\n$GPRMC,2*00\r\n"
    line = Line()
    line.receiver.replay(log)
    line.clock.advance(SECOND_US)
    assert line.text == b"$GPGGA,1*00\r\n"
    line.clock.advance(SECOND_US)
    assert line.text.endswith(b"$GPRMC,1*00\r\n$GPGSV,1*00\r\n")
    line.clock.advance(5 * SECOND_US)
    assert line.text == log.removeprefix(b"# comment\n")
    line.receiver.replay(None)
    line.clock.advance(SECOND_US)
    assert b"GNRMC" in line.text

"""A GNSS receiver on a UART: each second of UTC it tells where it is, in NMEA 0183 sentences at the line's pace.
It must never know a vehicle, a route or the machine's clock: it is moved from outside and asks the injected clock.
Specification: NMEA 0183 4.10 (RMC, GGA, GSA, VTG; checksum; mode indicator), talker GN for several constellations.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from emulation.peripherals.ports import Alarm, Clock

SECOND_US = 1_000_000
FIRST_SENTENCE_US = 50_000  # a receiver computes for a moment before it speaks
BITS_A_CHARACTER = 10  # 8N1
KNOTS_A_METRE_PER_SECOND = 1.943_844
KMH_A_METRE_PER_SECOND = 3.6
SATELLITES = ("02", "05", "07", "12", "15", "20", "25", "29", "30")
HDOP = 0.9


@dataclass(frozen=True)
class Fix:
    lat_deg: float
    lon_deg: float
    speed_mps: float = 0.0
    course_deg: float = 0.0
    altitude_m: float = 84.0


class GnssReceiver:
    """`fix` is None without satellites; the time is then still told, as a receiver with a running clock does."""

    def __init__(self, clock: Clock, baud: int = 9600) -> None:
        self._clock = clock
        self._character_us = SECOND_US * BITS_A_CHARACTER / baud
        self._line_free_us = 0
        self._alarm: Alarm | None = None
        self._replayed: Iterator[bytes] | None = None
        self.silent = False
        self.period_s = 1  # receivers can be told to speak less often
        self.is_gathered = False  # what it says at a time is handed over as one piece, at its end
        self.fix: Fix | None = None
        self.on_output: Callable[[bytes], None] = lambda _data: None

    def power(self, on: bool) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if on:
            self._wait_for_next_second()

    def feed(self, data: bytes) -> None:
        """Commands to the receiver: this one has none and ignores them, as it ignores what is not for it."""

    def move(self, lat_deg: float, lon_deg: float, speed_mps: float = 0.0, course_deg: float = 0.0) -> None:
        self.fix = Fix(lat_deg, lon_deg, speed_mps, course_deg)

    def lose_fix(self) -> None:
        self.fix = None

    def inject(self, data: bytes) -> None:
        """Put any bytes on the line, behind what is being sent."""
        self._send(data)

    def replay(self, log: bytes | None) -> None:
        """Speak a recorded log, a second of it (up to the next RMC) each second; None ends it."""
        self._replayed = None if log is None else _seconds_of(log)

    def _wait_for_next_second(self) -> None:
        period_us = self.period_s * SECOND_US
        wait_us = period_us - self._clock.utc_us() % period_us
        self._alarm = self._clock.call_at(self._clock.now_us() + wait_us + FIRST_SENTENCE_US, self._speak)

    def _speak(self) -> None:
        if not self.silent:
            pieces = self._this_second()
            for piece in (b"".join(pieces),) if self.is_gathered else pieces:
                self._send(piece)
        self._wait_for_next_second()

    def _this_second(self) -> Iterable[bytes]:
        if self._replayed is None:
            return sentences(self._clock.utc_us() // SECOND_US, self.fix)
        recorded = next(self._replayed, None)
        return () if recorded is None else (recorded,)

    def _send(self, data: bytes) -> None:
        """A piece is handed over when its last character has left the line."""
        start_us = max(self._clock.now_us(), self._line_free_us)
        self._line_free_us = start_us + int(len(data) * self._character_us)
        self._clock.call_at(self._line_free_us, lambda: self._deliver(data))

    def _deliver(self, data: bytes) -> None:
        if self._alarm is not None:  # powered
            self.on_output(data)


def sentence(body: str) -> bytes:
    """`$body*checksum` and the line's end; the checksum is the XOR of the body."""
    checksum = 0
    for byte in body.encode("ascii"):
        checksum ^= byte
    return f"${body}*{checksum:02X}\r\n".encode("ascii")


def sentences(utc_s: int, fix: Fix | None) -> list[bytes]:
    """RMC, GGA, GSA and VTG of one second."""
    utc = time.gmtime(utc_s)
    clock = time.strftime("%H%M%S.00", utc)
    date = time.strftime("%d%m%y", utc)
    if fix is None:
        bodies = (
            f"GNRMC,{clock},V,,,,,,,{date},,,N",
            f"GNGGA,{clock},,,,,0,00,99.99,,M,,M,,",
            "GNGSA,A,1,,,,,,,,,,,,,99.99,99.99,99.99",
            "GNVTG,,T,,M,,N,,K,N",
        )
    else:
        place = f"{_degrees(fix.lat_deg, 2, 'NS')},{_degrees(fix.lon_deg, 3, 'EW')}"
        knots = fix.speed_mps * KNOTS_A_METRE_PER_SECOND
        course = fix.course_deg % 360
        used = ",".join(SATELLITES) + "," * (12 - len(SATELLITES))
        bodies = (
            f"GNRMC,{clock},A,{place},{knots:.3f},{course:.2f},{date},,,A",
            f"GNGGA,{clock},{place},1,{len(SATELLITES):02d},{HDOP},{fix.altitude_m:.1f},M,25.0,M,,",
            f"GNGSA,A,3,{used},1.6,{HDOP},1.3",
            f"GNVTG,{course:.2f},T,,M,{knots:.3f},N,{fix.speed_mps * KMH_A_METRE_PER_SECOND:.3f},K,A",
        )
    return [sentence(body) for body in bodies]


def _degrees(degrees: float, digits: int, hemispheres: str) -> str:
    """`ddmm.mmmmm,N`: whole degrees and decimal minutes, rounded together so that 60 minutes never appear."""
    units = round(abs(degrees) * 60 * 100_000)
    whole, minutes = divmod(units, 60 * 100_000)
    return f"{whole:0{digits}d}{minutes // 100_000:02d}.{minutes % 100_000:05d},{hemispheres[degrees < 0]}"


def _seconds_of(log: bytes) -> Iterator[bytes]:
    piece = b""
    for line in log.splitlines(keepends=True):
        if line[3:6] == b"RMC" and piece:
            yield piece
            piece = b""
        if not line.startswith(b"#"):  # gpsd's comments stand before the receiver's own bytes
            piece += line
    if piece:
        yield piece

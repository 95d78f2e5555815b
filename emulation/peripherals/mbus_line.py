"""Meters on a two-wire M-Bus, behind a level converter on a UART: who is asked answers, and several at once collide.
It must never know a node, nor what the readings mean.
Specification: EN 13757-2 (frames, FCB, times), EN 13757-3 section 11 (selection); a slave sends by drawing current, so
that of several which send at once each 0 bit is heard.
"""

from collections.abc import Callable, Iterator, Sequence

from emulation.peripherals.ports import Clock
from protocols.wire.errors import MalformedFrame
from protocols.wire.mbus import frame

SECOND_US = 1_000_000
FIRST_ANSWER_BITS = 11  # the earliest that the standard allows, and 330 bits + 50 ms the latest
SPREAD_BITS = 31  # no two meters take the same time to think
CHARACTER_BITS = 11  # 8E1
PAUSE_CHARACTERS = 4  # what was heard before such a pause is no part of a frame

CI_VARIABLE = 0x72
CI_SELECT = 0x52
_FCV = 0x10
_ACK = bytes((frame.ACK,))
_REQ_UD2 = 0x0B
_SND_NKE = 0x00
_SND_UD = 0x03


class MBusMeter:
    """A slave. `telegrams()` gives the records of each of its telegrams, as bytes, in order.

    Faults: `silent`; `wrong_checksum`; `stale`: it keeps giving the telegram it gave last, access number and all.
    """

    def __init__(
        self,
        address: int,
        number: str,
        telegrams: Callable[[], Sequence[bytes]],
        maker: bytes = b"\x93\x15",  # "ELS", least significant byte first
        version: int = 1,
        medium: int = 4,
    ) -> None:
        self.address = address
        self.number = number
        self.silent = self.wrong_checksum = self.stale = False
        self.answer_bits = FIRST_ANSWER_BITS + int(number, 16) % SPREAD_BITS
        self._telegrams = telegrams
        self._name = bytes.fromhex(number)[::-1] + maker + bytes((version, medium))
        self._selected = False
        self._fcb: int | None = None  # of the last request; None: none since SND_NKE
        self._next = 0
        self._access = 0
        self._last = b""

    def answer(self, asked: frame.Frame) -> bytes:
        """What it says to a frame of the master; nothing: b""."""
        function = asked.control & 0x0F
        if asked.address == frame.SECONDARY and function == _SND_UD and asked.ci == CI_SELECT:
            return self._select(bytes(asked.data))
        if not self._is_meant(asked.address):
            return b""
        if function == _SND_NKE:
            self._selected = self._selected and asked.address != frame.SECONDARY
            self._fcb, self._next = None, 0
            return b"" if asked.address in (frame.EVERYBODY, frame.SECONDARY) else self._said(_ACK)
        if function == _REQ_UD2 and asked.address != frame.EVERYBODY:
            return self._said(self._telegram(asked.control))
        return b""

    def _is_meant(self, address: int) -> bool:
        if address == frame.SECONDARY:
            return self._selected
        return address in (self.address, frame.ANYBODY, frame.EVERYBODY)

    def _select(self, wanted: bytes) -> bytes:
        """Digit by digit, F stands for any; maker, version and medium byte by byte, FF stands for any."""
        pairs = zip(wanted[:4].hex(), self._name[:4].hex(), strict=True)
        self._selected = (
            len(wanted) == len(self._name)
            and all(asked in ("f", digit) for asked, digit in pairs)
            and all(asked in (0xFF, byte) for asked, byte in zip(wanted[4:], self._name[4:], strict=True))
        )
        self._fcb, self._next = None, 0
        return self._said(_ACK) if self._selected else b""

    def _telegram(self, control: int) -> bytes:
        fcb = control & frame.FCB
        repeats = bool(control & _FCV) and fcb == self._fcb
        if not control & _FCV:
            self._next = 0
        self._fcb = fcb
        if (repeats or self.stale) and self._last:
            return self._last
        telegrams = self._telegrams()
        records = telegrams[self._next % len(telegrams)]
        self._next += 1
        self._access = self._access + 1 & 0xFF
        body = self._name + bytes((self._access, 0, 0, 0)) + records
        self._last = frame.build_long(frame.RSP_UD, self.address, CI_VARIABLE, body)
        return self._last

    def _said(self, data: bytes) -> bytes:
        if self.silent:
            return b""
        if self.wrong_checksum and len(data) > 1:
            return data[:-2] + bytes((data[-2] ^ 0x55,)) + data[-1:]
        return data


class MBusLine:
    """The line and its converter. `echo`: the converter gives the master its own bytes back."""

    def __init__(self, clock: Clock, meters: Sequence[MBusMeter], baud: int = 2400) -> None:
        self._clock = clock
        self._bit_us = SECOND_US / baud
        self._heard = bytearray()
        self._heard_us = 0
        self.meters = list(meters)
        self.echo = False
        self.on_output: Callable[[bytes], None] = lambda _data: None

    def feed(self, data: bytes) -> None:
        now_us = self._clock.now_us()
        if now_us - self._heard_us > PAUSE_CHARACTERS * CHARACTER_BITS * self._bit_us + SECOND_US // 20:
            self._heard.clear()
        self._heard_us = now_us
        if self.echo:
            self.on_output(data)
        self._heard += data
        while self._heard:
            try:
                size = frame.size(self._heard, len(self._heard))
                if not size or size > len(self._heard):
                    return
                asked = frame.parse(bytes(self._heard[:size]))
                del self._heard[:size]
            except MalformedFrame:
                self._heard.clear()
                return
            if asked is not None:
                self._answer(asked)

    def _answer(self, asked: frame.Frame) -> None:
        drawn: set[int] = set()  # bit times at which somebody sends a 0
        for meter in self.meters:
            for place, level in enumerate(_bits(meter.answer(asked)), meter.answer_bits):
                if not level:
                    drawn.add(place)
        begun_us = self._clock.now_us()
        for character, over in _characters(drawn):
            self._clock.call_at(begun_us + int(over * self._bit_us), lambda heard=character: self.on_output(heard))  # type: ignore[misc]


def _bits(data: bytes) -> list[int]:
    """8E1, the lowest bit first."""
    levels: list[int] = []
    for byte in data:
        ones = [byte >> place & 1 for place in range(8)]
        levels += [0, *ones, sum(ones) & 1, 1]
    return levels


def _characters(drawn: set[int]) -> Iterator[tuple[bytes, int]]:
    """What a UART hears, which takes any 0 behind a pause for a start bit, and when each is over; no parity check."""
    at, last = min(drawn, default=0), max(drawn, default=-1)
    while at <= last:
        if at not in drawn:
            at += 1
            continue
        heard = sum((at + 1 + place not in drawn) << place for place in range(8))
        at += CHARACTER_BITS
        yield bytes((heard,)), at

"""A meter with an IEC 62056-21 port on a UART: it answers a sign-on and gives its readout, at the speed of the line.
It must never know a node, nor what the readings mean.
Specification: IEC 62056-21:2002, sections 5 and 6 (mode C); the meter answers after 200 ms at the earliest.
"""

from collections.abc import Callable

from emulation.peripherals.ports import Clock

SECOND_US = 1_000_000
THINKING_US = 200_000
CHARACTER_BITS = 10  # 7E1
BAUDS = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200}
PIECE = 32  # characters that are handed over at once
STX, ETX, ACK = 0x02, 0x03, 0x06


class Iec62056Meter:
    """`data_sets()` gives the lines of the readout. Faults: `silent`, `wrong_checksum`."""

    def __init__(
        self,
        clock: Clock,
        data_sets: Callable[[], list[str]],
        identity: str = "ELS5\\@V1.0",
        address: str = "00000042",
    ) -> None:
        self._clock = clock
        self._data_sets = data_sets
        self._identity = identity
        self._address = address
        self._heard = bytearray()
        self._baud = BAUDS["0"]
        self.silent = self.wrong_checksum = False
        self.on_output: Callable[[bytes], None] = lambda _data: None

    def feed(self, data: bytes) -> None:
        for byte in data:
            self._heard.append(byte & 0x7F)
            if byte & 0x7F == 0x0A:
                line, self._heard = bytes(self._heard), bytearray()
                self._hear(line)

    def _hear(self, line: bytes) -> None:
        if self.silent:
            return
        if line in (b"/?!\r\n", f"/?{self._address}!\r\n".encode()):
            self._baud = BAUDS["0"]
            self._say(f"/{self._identity}\r\n".encode())
        elif line[0] == ACK and line[1:2] == b"0" and line[3:] == b"0\r\n":
            self._baud = BAUDS[chr(line[2])]
            self._say(self._readout())

    def _readout(self) -> bytes:
        body = "".join(f"{line}\r\n" for line in self._data_sets()).encode() + b"!\r\n" + bytes((ETX,))
        check = 0
        for byte in body:
            check ^= byte
        return bytes((STX,)) + body + bytes((check ^ self.wrong_checksum,))

    def _say(self, data: bytes) -> None:
        at_us = self._clock.now_us() + THINKING_US
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            at_us += len(piece) * CHARACTER_BITS * SECOND_US // self._baud
            self._clock.call_at(at_us, lambda said=piece: self.on_output(said))  # type: ignore[misc]

"""The serial side of an SPS30: SHDLC requests in, answers out after the time their bits take.
It must never know a value; the chip behind it does.
Specification: Sensirion SPS30 datasheet 1.0, section 5.
"""

import struct
from collections.abc import Callable

from emulation.peripherals.ports import Clock
from emulation.peripherals.sps30 import STATUS_FAN, STATUS_LASER, STATUS_SPEED, Sps30

BYTE_US = 87  # ten bits at 115200 baud
ANSWER_US = 1_000
FLAG, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
ESCAPED = (0x7E, 0x7D, 0x11, 0x13)
UNKNOWN_COMMAND, NOT_IN_THIS_STATE = 0x02, 0x43  # 5.2, state byte
STATE_ERROR = 0x80


class Sps30OnUart:
    """A UartDevice. `silent` is a broken wire; `damage` changes an answer before it leaves."""

    def __init__(self, clock: Clock, chip: Sps30) -> None:
        self._clock = clock
        self._chip = chip
        self._frame = bytearray()
        self._escaped = False
        self.silent = False
        self.damage: Callable[[bytes], bytes] = lambda answer: answer
        self.on_output: Callable[[bytes], None] = lambda _data: None

    def feed(self, data: bytes) -> None:
        if not self._chip.powered or self.silent:
            return
        for byte in data:
            if byte == FLAG:
                self._take()
            elif byte == ESCAPE:
                self._escaped = True
            else:
                self._frame.append(byte ^ FLIP if self._escaped else byte)
                self._escaped = False

    def _take(self) -> None:
        frame = bytes(self._frame)
        self._frame.clear()
        if len(frame) < 4 or frame[0] != 0 or len(frame) != 4 + frame[2] or sum(frame) & 0xFF != 0xFF:
            return  # for nobody, or not whole: it stays silent
        state, data = self._obey(frame[1], frame[3:-1])
        if self._chip.status & (STATUS_SPEED | STATUS_LASER | STATUS_FAN):
            state |= STATE_ERROR
        answer = self.damage(pack(bytes((0, frame[1], state, len(data))) + data))
        self._clock.call_at(self._clock.now_us() + ANSWER_US + BYTE_US * len(answer), lambda: self._deliver(answer))

    def _obey(self, command: int, data: bytes) -> tuple[int, bytes]:
        chip = self._chip
        if command == 0x00:
            if chip.measuring:
                return NOT_IN_THIS_STATE, b""
            chip.start(data[1])
        elif command == 0x01:
            if not chip.measuring:
                return NOT_IN_THIS_STATE, b""
            chip.stop()
        elif command == 0x03:
            return 0, chip.take_value()
        elif command == 0x56:
            chip.clean_fan()
        elif command == 0xD2:
            return 0, struct.pack(">IB", chip.status, 0)
        elif command != 0x11:
            return UNKNOWN_COMMAND, b""
        return 0, b""

    def _deliver(self, answer: bytes) -> None:
        if self._chip.powered and not self.silent:
            self.on_output(answer)


def pack(content: bytes) -> bytes:
    """Flags, check and stuffing round a frame's content."""
    out = bytearray((FLAG,))
    for byte in content + bytes((~sum(content) & 0xFF,)):
        if byte in ESCAPED:
            out += bytes((ESCAPE, byte ^ FLIP))
        else:
            out.append(byte)
    return bytes((*out, FLAG))

"""Sensirion's frames on a serial line (SHDLC): bytes in, whole answers out; requests built.

It must never read a UART, nor know a command. Whatever bytes arrive, the reader raises nothing: what is bad is counted.
Spec: Sensirion SPS30 datasheet 1.0, section 5.1 and 5.2.

    request  7E | address | command | length | data … | check | 7E      check: all ones minus the sum of what it ends
    answer   7E | address | command | state | length | data … | check | 7E      7E 7D 11 13 travel as 7D, byte xor 20
"""

from collections import namedtuple

FLAG = 0x7E
ESCAPE = 0x7D
ESCAPED = (0x7E, 0x7D, 0x11, 0x13)
FLIP = 0x20
MAX_FRAME = 5 + 255

Answer = namedtuple("Answer", ("address", "command", "state", "data"))


def request(address: int, command: int, data: bytes = b"") -> bytes:
    content = bytes((address, command, len(data))) + data
    out = bytearray((FLAG,))
    for byte in content + bytes((~sum(content) & 0xFF,)):
        if byte in ESCAPED:
            out.append(ESCAPE)
            byte ^= FLIP
        out.append(byte)
    out.append(FLAG)
    return bytes(out)


class ShdlcReader:
    """Counters: frames (good ones), checksum (wrong ones), malformed (too short, too long, of another length)."""

    def __init__(self):
        self._frame = bytearray()
        self._escaped = False
        self.frames = 0
        self.checksum = 0
        self.malformed = 0

    def feed(self, data, size: int = -1):
        """Takes data (its first `size` bytes), returns the Answers that they complete: a list, or an empty tuple."""
        found = ()
        for index in range(len(data) if size < 0 else size):
            byte = data[index]
            if byte == FLAG:
                answer = self._end()
                if answer:
                    found = found or []
                    found.append(answer)
            elif byte == ESCAPE:
                self._escaped = True
            elif len(self._frame) <= MAX_FRAME:
                self._frame.append(byte ^ FLIP if self._escaped else byte)
                self._escaped = False
        return found

    def _end(self):
        frame, self._frame, self._escaped = self._frame, bytearray(), False
        if not frame:  # two flags in a row: one frame's end, the next one's beginning
            return None
        if len(frame) < 5 or len(frame) != 5 + frame[3]:
            self.malformed += 1
            return None
        if sum(frame) & 0xFF != 0xFF:
            self.checksum += 1
            return None
        self.frames += 1
        return Answer(frame[0], frame[1], frame[2], bytes(frame[4:-1]))

"""The PN532's host frames: commands to bytes, bytes to answers; every length and checksum is looked at.

It must never touch a bus or a clock, and whatever bytes arrive, it raises nothing but FrameError.
Spec: NXP UM0701-02 (PN532 user manual), 6.2.1 Frames structure.

    normal    00 00 FF LEN LCS TFI code data… DCS 00            LEN + LCS = 0, TFI + … + DCS = 0 (mod 256)
    extended  00 00 FF FF FF LENM LENL LCS TFI code data… DCS 00   LENM + LENL + LCS = 0
    ACK       00 00 FF 00 FF 00
    NACK      00 00 FF FF 00 00
    error     00 00 FF 01 FF 7F 81 00

Garbage it must survive: bytes before the start code, frames cut short, wrong lengths, wrong checksums, host frames
that come back as an echo, an extended length longer than any buffer.
"""

HOST_TO_PN532 = 0xD4  # 6.2.1.1 TFI
PN532_TO_HOST = 0xD5
ERROR_TFI = 0x7F  # 6.2.1.5 Error frame
ACK = b"\x00\x00\xff\x00\xff\x00"
NACK = b"\x00\x00\xff\xff\x00\x00"

KIND_ACK = 1
KIND_NACK = 2
KIND_ERROR = 3
KIND_ANSWER = 4

MAX_DATA = 253  # LEN is one byte and counts TFI and code too
MAX_ANSWER = 265  # 7.3.8: status byte and 262 bytes, after TFI and code
OVERHEAD = 7  # preamble, start code, LEN, LCS, DCS, postamble
MAX_FRAME = MAX_ANSWER + OVERHEAD + 3


class FrameError(Exception):
    """No frame can be had from these bytes. `needed`: with so many bytes (from the same beginning) it might."""

    def __init__(self, reason: str, needed: int = 0):
        super().__init__(reason)
        self.reason = reason
        self.needed = needed


def encode(buffer: bytearray, command: int, data: bytes) -> int:
    """Writes a command frame into the buffer, returns its size. `data` has at most MAX_DATA bytes (ValueError)."""
    count = len(data)
    if count > MAX_DATA:
        raise ValueError("a PN532 command carries at most 253 bytes")
    length = count + 2
    buffer[0:7] = b"\x00\x00\xff\x00\x00\xd4\x00"
    buffer[3] = length
    buffer[4] = -length & 0xFF
    buffer[6] = command
    buffer[7 : 7 + count] = data
    total = HOST_TO_PN532 + command
    for byte in data:
        total += byte
    buffer[7 + count] = -total & 0xFF
    buffer[8 + count] = 0
    return 9 + count


def decode(data, size: int):
    """(kind, start, end): what the first frame in data[:size] is; an answer's code and data lie at [start:end].

    Raises FrameError: no_start, truncated (see `needed`), bad_length, bad_checksum, wrong_direction.
    """
    at = _start(data, size)
    if size < at + 2:
        raise FrameError("truncated", at + 6)
    length = data[at]
    check = data[at + 1]
    if length == 0x00 and check == 0xFF:
        return KIND_ACK, at, at
    if length == 0xFF and check == 0x00:
        return KIND_NACK, at, at
    at += 2
    if length == 0xFF and check == 0xFF:
        if size < at + 3:
            raise FrameError("truncated", at + 3 + OVERHEAD)
        length = data[at] << 8 | data[at + 1]
        check = data[at] + data[at + 1] + data[at + 2]
        at += 3
    else:
        check += length
    if check & 0xFF or not 0 < length <= MAX_ANSWER:
        raise FrameError("bad_length")
    end = at + length
    if size <= end:
        raise FrameError("truncated", end + 2)
    total = 0
    for index in range(at, end + 1):
        total += data[index]
    if total & 0xFF:
        raise FrameError("bad_checksum")
    if data[at] == ERROR_TFI and length == 1:
        return KIND_ERROR, at, at
    if data[at] != PN532_TO_HOST or length < 2:
        raise FrameError("wrong_direction")
    return KIND_ANSWER, at + 1, end


def _start(data, size):
    """Index after the start code 00 FF."""
    for index in range(1, size):
        if data[index] == 0xFF and data[index - 1] == 0x00:
            return index + 1
    raise FrameError("no_start")

"""The PN532's host frames as bytes, without a bus: `00 00 FF LEN LCS TFI data DCS 00`, acknowledgements, error frame.
It must never know a command, a card or time.
Specification: UM0701-02 (PN532 user manual), section 6.2.1; LEN + LCS and TFI + data + DCS are 0 modulo 256.
"""

from dataclasses import dataclass

ACK = bytes.fromhex("0000ff00ff00")
NACK = bytes.fromhex("0000ffff0000")
SYNTAX_ERROR = bytes.fromhex("0000ff01ff7f8100")  # §6.2.1.5
START_OF_PACKET = b"\x00\xff"
TFI_FROM_HOST = 0xD4
TFI_TO_HOST = 0xD5
MAX_NORMAL_DATA = 255  # TFI included; longer data takes an extended frame (§6.2.1.2)
MAX_DATA = 265  # TFI included


@dataclass(frozen=True)
class HostFrame:
    """What the host sent: `kind` is ack, nack or command; `data` is command code and parameters."""

    kind: str
    data: bytes = b""


def checksum(data: bytes) -> int:
    return -sum(data) & 0xFF


def information(data: bytes) -> bytes:
    """A frame of the chip to the host around `data` (answer code and what follows), extended when it must be."""
    body = bytes((TFI_TO_HOST,)) + data
    if len(body) <= MAX_NORMAL_DATA:
        length = bytes((len(body),))
    else:
        length = b"\xff\xff" + len(body).to_bytes(2)
    lcs = bytes((checksum(length[-2:]),))
    return b"\x00" + START_OF_PACKET + length + lcs + body + bytes((checksum(body), 0x00))


def parse(written: bytes) -> HostFrame | None:
    """The frame in what the host wrote in one go; None when there is none or it is damaged: the chip stays mute."""
    start = written.find(START_OF_PACKET)
    if start < 0:
        return None
    rest = written[start + len(START_OF_PACKET) :]
    if rest[:2] == ACK[3:5]:
        return HostFrame("ack")
    if rest[:2] == NACK[3:5]:
        return HostFrame("nack")
    if rest[:2] == b"\xff\xff":
        length_field, at = rest[2:4], 5
        lcs = rest[4:5]
    else:
        length_field, at = rest[0:1], 2
        lcs = rest[1:2]
    length = int.from_bytes(length_field)
    if not 2 <= length <= MAX_DATA or len(rest) < at + length + 1 or checksum(length_field) != lcs[0]:
        return None
    body = rest[at : at + length]
    if body[0] != TFI_FROM_HOST or checksum(body) != rest[at + length]:
        return None
    return HostFrame("command", body[1:])

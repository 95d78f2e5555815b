"""Contactless cards and phones of ISO 14443 type A, as a reader sees them: what they answer and when they stay mute.
They must never know the reader chip or its frames. A bank card answers SELECT PPSE and no more: it holds no number.
Specification: ISO/IEC 14443-3/-4; NXP MF1S50, MF0ICU1, NTAG213, MF3ICD81 data sheets; EMV Book B 3.3 (PPSE).
"""

import random
from collections.abc import Callable

PPSE_NAME = b"2PAY.SYS.DDF01"
SELECT_PPSE = bytes.fromhex("00A404000E325041592E5359532E444446303100")
VISA_AID = bytes.fromhex("A0000000031010")
SW_OK = b"\x90\x00"
SW_FILE_NOT_FOUND = b"\x6a\x82"
SW_INS_NOT_SUPPORTED = b"\x6d\x00"
DEFAULT_KEY = b"\xff" * 6
DESFIRE_ATS = bytes.fromhex("067577810280")
BANK_ATS = bytes.fromhex("0A788074028031C07300")
PHONE_ATS = bytes.fromhex("0578807002")
RANDOM_UID_FIRST = 0x08  # ISO/IEC 14443-3, 6.5.4: a 4-byte UID that begins with 08 is drawn anew


class NoAnswer(Exception):
    """The card stays mute: it does not know the command, was not authenticated, or has gone."""


class AuthenticationFailed(Exception):
    """A MIFARE Classic card refused the key, and halted."""


class Card:
    """What anti-collision and selection show of any card; ATS is empty for a card without ISO 14443-4."""

    def __init__(self, kind: str, uid: bytes, atqa: int, sak: int, ats: bytes = b"") -> None:
        if len(uid) not in (4, 7, 10):
            raise ValueError(f"a UID has 4, 7 or 10 bytes, not {len(uid)}")
        self.kind = kind
        self.uid = uid
        self.atqa = atqa
        self.sak = sak
        self.ats = ats

    def energised(self) -> None:
        """The card enters a field: what it remembers of an earlier session is gone."""

    def exchange(self, data: bytes) -> bytes:
        """One command as the reader chip's host gives it (an APDU for ISO 14443-4). Raises NoAnswer."""
        raise NoAnswer(data.hex())

    def transceive(self, data: bytes) -> bytes:
        """The same on the level of ISO 14443-3, without what the reader chip adds by itself. Raises NoAnswer."""
        return self.exchange(data)


class MifareClassic(Card):
    AUTH_A, AUTH_B, READ, WRITE = 0x60, 0x61, 0x30, 0xA0
    DECREMENT, INCREMENT, RESTORE, TRANSFER = 0xC0, 0xC1, 0xC2, 0xB0

    def __init__(self, kind: str, uid: bytes, atqa: int, sak: int, blocks: int) -> None:
        super().__init__(kind, uid, atqa, sak)
        self.blocks = [bytes(16) for _ in range(blocks)]
        self.blocks[0] = (uid + bytes(16))[:16]
        for block in range(blocks):
            if block == _trailer_of(block):
                self.blocks[block] = DEFAULT_KEY + bytes.fromhex("FF078069") + DEFAULT_KEY
        self._open_sector: int | None = None
        self._transfer_buffer = bytes(16)

    def energised(self) -> None:
        self._open_sector = None

    def exchange(self, data: bytes) -> bytes:
        if len(data) < 2 or data[1] >= len(self.blocks):
            raise NoAnswer
        command, block, rest = data[0], data[1], data[2:]
        if command in (self.AUTH_A, self.AUTH_B):
            return self._authenticate(command, block, rest)
        if self._open_sector != _trailer_of(block):
            raise NoAnswer
        handlers: dict[int, Callable[[int, bytes], bytes]] = {
            self.READ: self._read,
            self.WRITE: self._write,
            self.DECREMENT: lambda b, amount: self._change(b, -_value(amount)),
            self.INCREMENT: lambda b, amount: self._change(b, _value(amount)),
            self.RESTORE: lambda b, _: self._change(b, 0),
            self.TRANSFER: lambda b, _: self._write(b, self._transfer_buffer),
        }
        if command not in handlers:
            raise NoAnswer
        return handlers[command](block, rest)

    def transceive(self, data: bytes) -> bytes:
        raise NoAnswer(data.hex())  # behind Crypto1: only the reader chip itself can speak

    def _authenticate(self, command: int, block: int, rest: bytes) -> bytes:
        key, uid = rest[:6], rest[6:]
        trailer = self.blocks[_trailer_of(block)]
        wanted = trailer[:6] if command == self.AUTH_A else trailer[10:]
        if key != wanted or uid != self.uid[-4:]:
            self._open_sector = None
            raise AuthenticationFailed
        self._open_sector = _trailer_of(block)
        return b""

    def _read(self, block: int, _rest: bytes) -> bytes:
        data = self.blocks[block]
        return bytes(6) + data[6:] if block == _trailer_of(block) else data  # key A never reads back

    def _write(self, block: int, data: bytes) -> bytes:
        if len(data) != 16 or block == 0:
            raise NoAnswer
        self.blocks[block] = data
        return b""

    def _change(self, block: int, amount: int) -> bytes:
        data = self.blocks[block]
        value = int.from_bytes(data[:4], "little", signed=True)
        if data[:4] != data[8:12] or data[4:8] != bytes(b ^ 0xFF for b in data[:4]):
            raise NoAnswer  # not a value block
        plain = ((value + amount + 2**31) % 2**32 - 2**31).to_bytes(4, "little", signed=True)
        self._transfer_buffer = plain + bytes(b ^ 0xFF for b in plain) + plain + data[12:]
        return b""


class Type2Tag(Card):
    """MIFARE Ultralight and NTAG: pages of four bytes, READ gives four of them."""

    READ, WRITE, GET_VERSION, FAST_READ = b"\x30", b"\xa2", b"\x60", b"\x3a"

    def __init__(self, kind: str, uid: bytes, pages: int, version: bytes = b"") -> None:
        super().__init__(kind, uid, 0x0044, 0x00)
        self.version = version
        bcc0 = 0x88 ^ uid[0] ^ uid[1] ^ uid[2]
        bcc1 = uid[3] ^ uid[4] ^ uid[5] ^ uid[6]
        header = uid[:3] + bytes((bcc0,)) + uid[3:] + bytes((bcc1, 0x48, 0, 0))
        self.memory = bytearray(header + bytes(4 * pages - len(header)))

    def exchange(self, data: bytes) -> bytes:
        command, rest = data[:1], data[1:]
        pages = len(self.memory) // 4
        if command == self.READ and len(rest) == 1 and rest[0] < pages:
            return bytes((self.memory * 2)[4 * rest[0] : 4 * rest[0] + 16])  # rolls over to page 0
        if command == self.FAST_READ and self.version and len(rest) == 2 and rest[0] <= rest[1] < pages:
            return bytes(self.memory[4 * rest[0] : 4 * rest[1] + 4])
        if command == self.WRITE and len(rest) == 5 and 4 <= rest[0] < pages:
            self.memory[4 * rest[0] : 4 * rest[0] + 4] = rest[1:]
            return b""
        if command == self.GET_VERSION and self.version and not rest:
            return self.version
        raise NoAnswer


class IsoDepCard(Card):
    """ISO 14443-4: the reader chip carries APDUs; `answer` is the application."""

    def __init__(
        self, kind: str, uid: bytes, ats: bytes, answer: Callable[[bytes], bytes], atqa: int = 0x0004, sak: int = 0x20
    ) -> None:
        super().__init__(kind, uid, atqa, sak, ats)
        self._answer = answer

    def exchange(self, data: bytes) -> bytes:
        return self._answer(data)

    def transceive(self, data: bytes) -> bytes:
        if not data or data[0] & 0xE2 != 0x02:  # an I-block (ISO/IEC 14443-4, 7.1.1.1)
            raise NoAnswer
        return data[:1] + self._answer(data[1:])


class Phone(IsoDepCard):
    """A phone with a bank card inside: a new random UID whenever it enters a field."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__("phone", bytes((RANDOM_UID_FIRST, 0, 0, 0)), PHONE_ATS, answer_as_bank_card)
        self._draw = draw

    def energised(self) -> None:
        self.uid = bytes((RANDOM_UID_FIRST,)) + self._draw.randbytes(3)


def answer_as_bank_card(apdu: bytes) -> bytes:
    """The directory of payment applications, and for everything else "not found": nothing personal is in here."""
    if apdu[:2] != b"\x00\xa4":
        return SW_INS_NOT_SUPPORTED
    if apdu[: len(SELECT_PPSE) - 1] != SELECT_PPSE[:-1]:
        return SW_FILE_NOT_FOUND
    entry = _tlv(0x61, _tlv(0x4F, VISA_AID) + _tlv(0x87, b"\x01"))
    discretionary = b"\xbf\x0c" + bytes((len(entry),)) + entry
    return _tlv(0x6F, _tlv(0x84, PPSE_NAME) + _tlv(0xA5, discretionary)) + SW_OK


class Desfire(IsoDepCard):
    """DESFire EV1 as far as GetVersion: three frames, in the native or in the ISO 7816 wrapping."""

    HARDWARE = bytes.fromhex("04010101001A05")
    SOFTWARE = bytes.fromhex("04010101041A05")

    def __init__(self, uid: bytes) -> None:
        super().__init__("desfire", uid, DESFIRE_ATS, self._command, atqa=0x0344)
        self._frames: list[bytes] = []

    def energised(self) -> None:
        self._frames = []

    def _command(self, data: bytes) -> bytes:
        if not data:
            raise NoAnswer
        wrapped = data[:1] == b"\x90" and len(data) >= 4
        command = data[1] if wrapped else data[0]
        if command == 0x60:
            self._frames = [self.HARDWARE, self.SOFTWARE, self.uid + bytes.fromhex("BA344510102614")]
        elif command != 0xAF or not self._frames:
            self._frames = []
            return b"\x91\x1c" if wrapped else b"\x1c"  # illegal command
        frame = self._frames.pop(0)
        status = 0xAF if self._frames else 0x00
        return frame + bytes((0x91, status)) if wrapped else bytes((status,)) + frame


def _trailer_of(block: int) -> int:
    """The sector trailer's block: sectors of 4 blocks, from block 128 on (4K) of 16."""
    return block | 0x03 if block < 128 else block | 0x0F


def _value(amount: bytes) -> int:
    return int.from_bytes(amount[:4], "little", signed=True)


def _tlv(tag: int, value: bytes) -> bytes:
    return bytes((tag, len(value))) + value


# kind -> (bytes of a UID, how the card is made from it)
_MAKERS: dict[str, tuple[int, Callable[[bytes, random.Random], Card]]] = {
    "classic": (4, lambda uid, _: MifareClassic("classic", uid, 0x0004, 0x08, blocks=64)),
    "classic_4k": (4, lambda uid, _: MifareClassic("classic_4k", uid, 0x0002, 0x18, blocks=256)),
    "ultralight": (7, lambda uid, _: Type2Tag("ultralight", uid, pages=16)),
    "ntag": (7, lambda uid, _: Type2Tag("ntag", uid, pages=45, version=bytes.fromhex("0004040201000F03"))),
    "desfire": (7, lambda uid, _: Desfire(uid)),
    "bank": (4, lambda uid, _: IsoDepCard("bank", uid, BANK_ATS, answer_as_bank_card)),
    "phone": (4, lambda _, draw: Phone(draw)),
    "unknown": (4, lambda uid, _: Card("unknown", uid, 0x0F04, 0x01)),  # a SAK that no table of ours lists
}
KINDS = tuple(_MAKERS)


def make(kind: str, draw: random.Random | None = None, uid: bytes | None = None) -> Card:
    """A card of one of KINDS. Without `uid` one is drawn (7 bytes begin with NXP's 04); a phone draws its own."""
    if kind not in _MAKERS:
        raise ValueError(f"no card kind {kind!r}: {', '.join(KINDS)}")
    draw = draw or random.Random()
    uid_bytes, maker = _MAKERS[kind]
    if uid is None:
        first = b"\x04" if uid_bytes == 7 else bytes((draw.choice((0x1A, 0x5C, 0xB3, 0xD2)),))
        uid = first + draw.randbytes(uid_bytes - 1)
    return maker(uid, draw)

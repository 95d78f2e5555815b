"""The PN532 contactless reader on I2C: an asynchronous driver that never holds up the other tasks.

It must never know what a card means to the application; it is handed a machine.I2C and keeps nothing of any card.
Spec: NXP UM0701-02 (PN532 user manual); section numbers below are its.
"""

import asyncio

from firmware.drivers import pn532_frame as frame

ADDRESS = 0x24  # 6.2.5 I2C communication details
READY = 0x01

GET_FIRMWARE_VERSION = 0x02  # 7.2.2
SAM_CONFIGURATION = 0x14  # 7.2.10
RF_CONFIGURATION = 0x32  # 7.3.1
IN_DATA_EXCHANGE = 0x40  # 7.3.8
IN_LIST_PASSIVE_TARGET = 0x4A  # 7.3.5
IN_RELEASE = 0x52  # 7.3.11

NORMAL_MODE = b"\x01\x00\x00"  # SAMConfiguration: no SAM, no time-out, no IRQ pin
# RFConfiguration item 05: MxRtyATR and MxRtyPSL as after reset; MxRtyPassiveActivation is for ever by default, and
# bounded to some 150 ms here: longer, and a card that has left is missed late; shorter, and the bus is never idle.
MAX_RETRIES = b"\x05\xff\x01\x20"
ONE_TARGET_106A = b"\x01\x00"
ALL_TARGETS = b"\x00"
IC_PN532 = 0x32

STATUS_ERROR = 0x3F  # 7.1, table 15: the lower six bits of a status byte
STATUS_MORE = 0x40
# What the reader, not the card, is to blame for: buffer overflows, overheating, invalid parameter, overcurrent.
READERS_FAULT = (0x07, 0x09, 0x0D, 0x0E, 0x10, 0x26, 0x2D)

ACK_TIMEOUT_MS = 16  # 6.2.2: the chip has 15 ms for its ACK
ACK_POLL_MS = 2
FIRST_POLL_MS = 3  # most answers are there soon, a card is not
ANSWER_POLL_MS = 10
CONTROL_TIMEOUT_MS = 100
CARD_TIMEOUT_MS = 1200
RESTART_MS = 5

TRIES = 3
MAX_CHAIN = 4  # answers of a card that come in so many parts are as long as any we ask for
FIRST_READ = 96  # frame bytes read at first: almost every answer is shorter


class ReaderFault(Exception):
    """The reader did not do its part; open() it again. reason: bus, no_ack, no_answer, bad_frames, refused,
    out_of_step, bad_answer, wrong_chip, or status_xx (7.1, table 15)."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class CardGone(Exception):
    """The card did not answer, or not in a way that makes sense: it was pulled. status: 7.1, table 15."""

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status


class Target:
    """A card as the reader found it: uid (4, 7 or 10 bytes), sak, atqa, ats without its length byte (or empty)."""

    def __init__(self, number: int, uid: bytes, sak: int, atqa: int, ats: bytes):
        self.number = number
        self.uid = uid
        self.sak = sak
        self.atqa = atqa
        self.ats = ats


class PN532:
    """One task at a time may use it. A cancelled call leaves the driver usable: the next one aborts what still runs."""

    def __init__(self, i2c, answer_poll_ms: int = ANSWER_POLL_MS):
        self._i2c = i2c
        self._answer_poll_ms = answer_poll_ms
        self._out = bytearray(frame.MAX_DATA + 9)
        self._in = bytearray(1 + frame.MAX_FRAME)  # each read begins with the status byte
        self._status = memoryview(self._in)[:1]
        self._running = False
        self.firmware = (0, 0)
        self.frame_errors = 0

    async def open(self):
        """Wakes and configures the chip, whatever state it is in. Raises ReaderFault."""
        for tries_left in range(TRIES - 1, -1, -1):
            self._running = True  # a chip of unknown state is told to stop
            try:
                # 7.2.10: the chip starts in low-battery mode, nothing works before this command
                await self._command(SAM_CONFIGURATION, NORMAL_MODE, CONTROL_TIMEOUT_MS)
                break
            except ReaderFault:
                if not tries_left:
                    raise
                await asyncio.sleep_ms(RESTART_MS)
        version = await self._command(GET_FIRMWARE_VERSION, b"", CONTROL_TIMEOUT_MS)
        if len(version) != 4 or version[0] != IC_PN532:
            raise ReaderFault("wrong_chip")
        self.firmware = (version[1], version[2])
        await self._command(RF_CONFIGURATION, MAX_RETRIES, CONTROL_TIMEOUT_MS)

    async def select(self):
        """The Target in the field, or None. Takes some tens of ms, the longest without a card. Raises ReaderFault."""
        found = await self._command(IN_LIST_PASSIVE_TARGET, ONE_TARGET_106A, CARD_TIMEOUT_MS)
        if len(found) >= 1 and found[0] == 0:
            return None
        # NbTg Tg SENS_RES(2) SEL_RES NFCIDLength NFCID… [ATSLength ATS…], ATSLength counts itself
        if len(found) < 6 or found[5] not in (4, 7, 10) or len(found) < 6 + found[5]:
            raise ReaderFault("bad_answer")
        uid_end = 6 + found[5]
        ats = b""
        if len(found) > uid_end:
            if not 1 <= found[uid_end] <= len(found) - uid_end:
                raise ReaderFault("bad_answer")
            ats = found[uid_end + 1 : uid_end + found[uid_end]]
        return Target(found[1], found[6:uid_end], found[4], found[2] << 8 | found[3], ats)

    async def exchange(self, target: Target, apdu: bytes) -> bytes:
        """Sends an APDU (or a card's native command, at most 252 bytes). Raises CardGone, ReaderFault."""
        number = bytes((target.number,))
        request = number + apdu
        answer = b""
        for _ in range(MAX_CHAIN):
            part = await self._command(IN_DATA_EXCHANGE, request, CARD_TIMEOUT_MS)
            if not part:
                raise ReaderFault("bad_answer")
            self._check(part[0] & STATUS_ERROR)
            answer += part[1:]
            if not part[0] & STATUS_MORE:
                return answer
            request = number
        raise ReaderFault("bad_answer")

    async def release(self):
        """Lets go of the card, so that the next select() finds one anew. Raises ReaderFault."""
        await self._command(IN_RELEASE, ALL_TARGETS, CONTROL_TIMEOUT_MS)

    def _check(self, status):
        if status in READERS_FAULT:
            raise ReaderFault("status_%02x" % status)
        if status:
            raise CardGone(status)

    async def _command(self, command, data, timeout_ms):
        """The answer's data, without its code."""
        if self._running:
            self._write(frame.ACK)  # 6.2.2.2 Abort: an ACK from the host ends the running command
            self._running = False
            await asyncio.sleep_ms(ACK_POLL_MS)
        size = frame.encode(self._out, command, data)
        self._running = True
        await self._send(size)
        answer = await self._answer(command, timeout_ms)
        self._running = False
        return answer

    async def _send(self, size):
        for _ in range(TRIES):
            self._write(memoryview(self._out)[:size])
            if not await self._ready(ACK_POLL_MS, ACK_POLL_MS, ACK_TIMEOUT_MS):
                raise ReaderFault("no_ack")
            try:
                kind, _, _ = self._read(len(frame.ACK))
            except frame.FrameError:
                self.frame_errors += 1
                continue
            if kind == frame.KIND_ACK:
                return
            self.frame_errors += 1
        raise ReaderFault("no_ack")

    async def _answer(self, command, timeout_ms):
        size = FIRST_READ
        for _ in range(TRIES):
            if not await self._ready(FIRST_POLL_MS, self._answer_poll_ms, timeout_ms):
                raise ReaderFault("no_answer")
            try:
                kind, start, end = self._read(size)
            except frame.FrameError as error:
                if error.needed > size:
                    size = min(error.needed, frame.MAX_FRAME)
                else:
                    self.frame_errors += 1
                self._write(frame.NACK)  # 6.2.1.4: the chip sends its last frame again
                continue
            if kind == frame.KIND_ERROR:
                raise ReaderFault("refused")
            if kind != frame.KIND_ANSWER or self._in[1 + start] != command + 1:
                raise ReaderFault("out_of_step")
            return bytes(memoryview(self._in)[2 + start : 1 + end])
        raise ReaderFault("bad_frames")

    async def _ready(self, pause_ms, longest_pause_ms, timeout_ms):
        """False when the chip had nothing to say for timeout_ms. The pauses between questions double."""
        while timeout_ms > 0:
            await asyncio.sleep_ms(pause_ms)
            try:
                self._i2c.readfrom_into(ADDRESS, self._status)
            except OSError:
                raise ReaderFault("bus")
            if self._in[0] & READY:
                return True
            timeout_ms -= pause_ms
            pause_ms = min(2 * pause_ms, longest_pause_ms)
        return False

    def _read(self, size):
        window = memoryview(self._in)[: 1 + size]
        try:
            self._i2c.readfrom_into(ADDRESS, window)
        except OSError:
            raise ReaderFault("bus")
        return frame.decode(window[1:], size)

    def _write(self, data):
        try:
            self._i2c.writeto(ADDRESS, data)
        except OSError:
            raise ReaderFault("bus")

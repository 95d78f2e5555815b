"""The particle sensor Plantower PMS5003 on a UART (PMS7003, PMSA003 alike): frames as a parser, and the driver over it.

It must never judge a value; it is handed a machine.UART. Whatever bytes arrive, the parser raises nothing: it counts.
Spec: Plantower PMS5003 series data manual V2.5, appendix I (frame) and II (commands).

    42 4D | length u16 | length - 2 bytes of data | sum u16 of all bytes before it      big-endian

A frame that slipped, was cut or has a wrong sum is lost alone: the search goes on behind its first byte.
"""

import asyncio
from collections import namedtuple
from struct import unpack_from

from firmware.drivers.sensor_fault import SensorFault
from firmware.drivers.uart_reader import UartReader

START = b"\x42\x4d"
DATA_LENGTH = 28
ANSWER_LENGTH = 4
MAX_FRAME = 4 + DATA_LENGTH
OVERHEAD = 4

CHANGE_MODE = 0xE1
READ_IN_PASSIVE_MODE = 0xE2
SLEEP_SET = 0xE4
PASSIVE, WAKE_UP = 0, 1

CHUNK = 64
LINE_GONE_MS = 200
ANSWER_TIMEOUT_MS = 700  # 32 bytes at 9600 baud take 34 ms; in active mode a frame comes each 200 to 800 ms
WAKE_MS = 100
TRIES = 3

# The data of appendix I in its order: mass in ug/m3 for CF=1 (factory) and in the atmosphere, then how many particles
# larger than so many um are in 0.1 l of air.
Particles = namedtuple(
    "Particles",
    ("cf1_pm1", "cf1_pm2_5", "cf1_pm10", "pm1", "pm2_5", "pm10", "n0_3", "n0_5", "n1_0", "n2_5", "n5_0", "n10"),
)


class PmsReader:
    """Counters: frames (good ones), checksum (wrong ones), skipped (bytes that belong to no good frame)."""

    def __init__(self):
        self._frame = bytearray(MAX_FRAME)
        self._length = 0
        self.frames = 0
        self.checksum = 0
        self.skipped = 0

    def feed(self, data, size: int = -1):
        """Takes data (its first `size` bytes); the Particles of the frames that they complete, and (command, value)
        of answers: a list, or an empty tuple."""
        found = ()
        for index in range(len(data) if size < 0 else size):
            self._frame[self._length] = data[index]
            self._length += 1
            while self._length:
                wanted = self._wanted()
                if wanted > self._length:
                    break
                if wanted and self._sum_is_right(wanted):
                    self.frames += 1
                    found = found or []
                    found.append(self._content(wanted))
                    self._drop(wanted)
                    break
                if wanted:
                    self.checksum += 1
                self._drop(1)
                self.skipped += 1
        return found

    def _wanted(self):
        """How long the frame at the beginning is, as far as that is known; 0: there is none."""
        frame = self._frame
        if frame[0] != START[0] or (self._length > 1 and frame[1] != START[1]):
            return 0
        if self._length < OVERHEAD:
            return OVERHEAD
        length = frame[2] << 8 | frame[3]
        return OVERHEAD + length if length in (DATA_LENGTH, ANSWER_LENGTH) else 0

    def _sum_is_right(self, size):
        frame = self._frame
        return sum(frame[: size - 2]) == frame[size - 2] << 8 | frame[size - 1]

    def _content(self, size):
        if size == OVERHEAD + ANSWER_LENGTH:
            return self._frame[4], self._frame[5]
        return Particles(*unpack_from(">12H", self._frame, 4))

    def _drop(self, count):
        """The rest moves to the front: it may hold the beginning of the next frame."""
        self._length -= count
        self._frame[: self._length] = self._frame[count : count + self._length]


class Pms5003:
    """Kept in passive mode, so that it is read when the node wants it. Counters of bad bytes are in `reader`."""

    def __init__(self, uart, timeout_ms: int = ANSWER_TIMEOUT_MS):
        self._uart = uart
        self._line = UartReader(uart)
        self._timeout_ms = timeout_ms
        self._chunk = memoryview(bytearray(CHUNK))
        self.reader = PmsReader()

    async def open(self):
        """Wakes it and makes it passive, whatever state it is in. Raises SensorFault."""
        self._command(SLEEP_SET, WAKE_UP)
        await asyncio.sleep_ms(WAKE_MS)
        for _ in range(TRIES):
            self._command(CHANGE_MODE, PASSIVE)
            if await self._heard(lambda found: found == (CHANGE_MODE, PASSIVE)):
                return
        raise SensorFault("silent")

    async def read(self):
        """Particles of now. Raises SensorFault."""
        self._command(READ_IN_PASSIVE_MODE, 0)
        found = await self._heard(lambda found: isinstance(found, Particles))
        if not found:
            raise SensorFault("silent")
        return found

    def _command(self, command, value):
        head = START + bytes((command, 0, value))
        total = sum(head)
        self._uart.write(head + bytes((total >> 8, total & 0xFF)))

    async def _heard(self, wanted):
        """The first content that is `wanted`; None when none came in time."""
        try:
            return await asyncio.wait_for_ms(self._listen(wanted), self._timeout_ms)
        except asyncio.TimeoutError:
            return None

    async def _listen(self, wanted):
        while True:
            size = await self._line.readinto(self._chunk)
            if not size:  # readable, yet empty: the other end of the line has gone
                await asyncio.sleep_ms(LINE_GONE_MS)
            for found in self.reader.feed(self._chunk, size):
                if wanted(found):
                    return found

"""A particle sensor Plantower PMS5003 on a UART: active and passive mode, sleep, frames at the line's pace.
It must never know who reads it; what it counts is the weather's.
Specification: Plantower PMS5003 series data manual V2.5, appendices I and II. Its time until the first frame is our
reading of "stable data after 30 s": it speaks from the start, and the values of those seconds are not to be trusted.
"""

import struct
from collections.abc import Callable

from emulation.peripherals.ports import Alarm, Clock
from emulation.peripherals.weather import Weather

SECOND_US = 1_000_000
BITS_A_CHARACTER = 10  # 8N1
FRAME_EACH_US = 800_000  # active mode: 200 to 800 ms
START_US = 500_000
ANSWER_US = 5_000

CHANGE_MODE, READ, SLEEP = 0xE1, 0xE2, 0xE4
COMMAND_SIZE = 7
VERSION = 0x97  # of the captured frames


class Pms5003:
    """`silent` is a broken wire: nothing goes out, nothing comes in. `damage` changes a frame before it leaves."""

    def __init__(self, clock: Clock, weather: Weather, baud: int = 9600) -> None:
        self._clock = clock
        self._weather = weather
        self._character_us = SECOND_US * BITS_A_CHARACTER / baud
        self._line_free_us = 0
        self._next_frame: Alarm | None = None
        self._received = b""
        self._powered = False
        self.passive = False
        self.asleep = False
        self.silent = False
        self.damage: Callable[[bytes], bytes] = lambda frame: frame
        self.on_output: Callable[[bytes], None] = lambda _data: None

    def power(self, on: bool) -> None:
        self._powered = on
        self._received = b""
        self.passive = self.asleep = False
        self._begin_active(START_US)

    def feed(self, data: bytes) -> None:
        if not self._powered or self.silent:
            return
        self._received += data
        while (start := self._received.find(b"\x42\x4d")) >= 0 and len(self._received) - start >= COMMAND_SIZE:
            command = self._received[start : start + COMMAND_SIZE]
            self._received = self._received[start + COMMAND_SIZE :]
            if sum(command[:-2]) == command[5] << 8 | command[6]:
                self._obey(command[2], command[4])

    def inject(self, data: bytes) -> None:
        """Put any bytes on the line, behind what is being sent."""
        self._send(data)

    def _obey(self, command: int, value: int) -> None:
        if command == SLEEP:
            self.asleep = value == 0
            self.passive = False
            self._begin_active(START_US)
        elif self.asleep:
            return
        elif command == CHANGE_MODE:
            self.passive = value == 0
            self._clock.call_at(self._clock.now_us() + ANSWER_US, lambda: self._send(answer(command, value)))
            self._begin_active(FRAME_EACH_US)
        elif command == READ and self.passive:
            self._clock.call_at(self._clock.now_us() + ANSWER_US, self._speak)

    def _begin_active(self, after_us: int) -> None:
        if self._next_frame is not None:
            self._next_frame.cancel()
            self._next_frame = None
        if self._powered and not self.passive and not self.asleep:
            self._next_frame = self._clock.call_at(self._clock.now_us() + after_us, self._speak_again)

    def _speak_again(self) -> None:
        self._speak()
        self._begin_active(FRAME_EACH_US)

    def _speak(self) -> None:
        self._send(self.damage(frame(self._weather)))

    def _send(self, data: bytes) -> None:
        """A piece is handed over when its last character has left the line."""
        start_us = max(self._clock.now_us(), self._line_free_us)
        self._line_free_us = start_us + int(len(data) * self._character_us)
        self._clock.call_at(self._line_free_us, lambda: self._deliver(data))

    def _deliver(self, data: bytes) -> None:
        if self._powered and not self.silent:
            self.on_output(data)


def frame(weather: Weather) -> bytes:
    """Appendix I: mass twice (CF=1, atmosphere), numbers in 0.1 l in a usual proportion to the mass."""
    mass = [_word(ugm3) for ugm3 in (weather.pm1_ugm3, weather.pm2_5_ugm3, weather.pm10_ugm3)]
    numbers = [_word(weather.pm2_5_ugm3 * share) for share in (180, 55, 10, 2, 0.5, 0.2)]
    body = b"\x42\x4d" + struct.pack(">H12HBB", 28, *mass, *mass, *numbers, VERSION, 0)
    return body + struct.pack(">H", sum(body))


def answer(command: int, value: int) -> bytes:
    body = bytes((0x42, 0x4D, 0, 4, command, value))
    return body + struct.pack(">H", sum(body))


def _word(value: float) -> int:
    return min(max(round(value), 0), 0xFFFF)

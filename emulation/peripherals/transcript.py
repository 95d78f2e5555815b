"""What was said on a node's buses of late: time, bus, direction and bytes, noted where the wires meet the peripherals.
It must never know a chip nor a backend, nor change what it hears.
Specification: emulation/peripherals/ports.py. Direction is the node's: `>` it sends, `<` it hears.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from emulation.peripherals.ports import Clock, I2CDevice, SPIDevice, UartDevice

KEPT_US = 1_000_000
PAUSE_US = 3_000  # bytes that follow each other sooner stand in one line
LINE_BYTES = 64
SENT, HEARD = ">", "<"
NOBODY = "nobody answers"


@dataclass(slots=True)
class Passage:
    """Bytes that went one way without a pause."""

    at_us: int
    bus: str
    direction: str
    data: bytearray = field(default_factory=bytearray)
    remark: str = ""
    until_us: int = 0

    def __str__(self) -> str:
        words = [f"{self.at_us / 1e6:12.6f} s", f"{self.bus:<10}", self.direction, self.data.hex(" "), self.remark]
        return "  ".join(word for word in words if word)


class Transcript:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._passages: deque[Passage] = deque()
        self._last: dict[str, Passage] = {}
        self._digest = hashlib.sha256()
        self.bytes_on: Counter[str] = Counter()  # bus -> how many bytes have passed, either way
        self._breaks: dict[str, tuple[int, Callable[[], None]]] = {}

    def passages(self) -> list[Passage]:
        """The second up to the last of them."""
        return list(self._passages)

    def text(self) -> str:
        """The same, a line for each passage."""
        return "\n".join(map(str, self._passages))

    def digest(self) -> str:
        """SHA-256 of everything since the launch, with its times."""
        digest = self._digest.copy()
        for passage in self._passages:
            digest.update(str(passage).encode())
        return digest.hexdigest()

    def after_bytes(self, bus: str, count: int, action: Callable[[], None]) -> None:
        """Do that once when so many more bytes have passed on a bus."""
        self._breaks[bus] = (self.bytes_on[bus] + count, action)

    # For the wires

    def begin(self, bus: str, direction: str, remark: str = "") -> Passage:
        self._forget()
        now_us = self._clock.now_us()
        passage = self._last[bus] = Passage(now_us, bus, direction, remark=remark, until_us=now_us)
        self._passages.append(passage)
        return passage

    def note(self, bus: str, direction: str, data: bytes) -> None:
        now_us = self._clock.now_us()
        passage = self._last.get(bus)
        if (
            passage is None
            or passage.direction != direction
            or now_us - passage.until_us > PAUSE_US
            or len(passage.data) >= LINE_BYTES
        ):
            passage = self.begin(bus, direction)
        passage.data += data
        passage.until_us = now_us
        self.bytes_on[bus] += len(data)
        if bus in self._breaks and self.bytes_on[bus] >= self._breaks[bus][0]:
            self._breaks.pop(bus)[1]()

    def _forget(self) -> None:
        oldest_us = self._clock.now_us() - KEPT_US
        while self._passages and self._passages[0].until_us < oldest_us:
            self._digest.update(str(self._passages.popleft()).encode())


class I2cWire:
    """An I2CDevice: the wires between a bus and one device on it."""

    def __init__(self, device: I2CDevice, bus: str, transcript: Transcript) -> None:
        self._device = device
        self._bus = bus
        self._transcript = transcript

    def start(self, read: bool) -> bool:
        answered = self._device.start(read)
        self._transcript.begin(self._bus, HEARD if read else SENT, "" if answered else NOBODY)
        return answered

    def write_byte(self, byte: int) -> bool:
        acknowledged = self._device.write_byte(byte)
        self._transcript.note(self._bus, SENT, bytes((byte,)))
        return acknowledged

    def read_byte(self) -> int:
        byte = self._device.read_byte()
        self._transcript.note(self._bus, HEARD, bytes((byte,)))
        return byte

    def stop(self) -> None:
        self._device.stop()


class SpiWire:
    """An SPIDevice; what comes back is not noted: a panel has nothing to say."""

    def __init__(self, device: SPIDevice, bus: str, transcript: Transcript) -> None:
        self._device = device
        self._bus = bus
        self._transcript = transcript

    def select(self, active: bool) -> None:
        self._device.select(active)

    def exchange(self, data: bytes) -> bytes:
        self._transcript.note(self._bus, SENT, data)
        return self._device.exchange(data)


class UartWire:
    """A UartDevice: the lane sets `on_output`, the device behind it speaks through here."""

    def __init__(self, device: UartDevice, bus: str, transcript: Transcript) -> None:
        self._device = device
        self._bus = bus
        self._transcript = transcript
        self.on_output: Callable[[bytes], None] = lambda _data: None
        device.on_output = self._says

    def feed(self, data: bytes) -> None:
        self._transcript.note(self._bus, SENT, data)
        self._device.feed(data)

    def _says(self, data: bytes) -> None:
        self._transcript.note(self._bus, HEARD, data)
        self.on_output(data)

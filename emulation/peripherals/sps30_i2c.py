"""The I2C side of an SPS30: pointers, words with a CRC behind each, no acknowledgement while it sleeps.
It must never know a value; the chip behind it does.
Specification: Sensirion SPS30 datasheet 1.0, section 6.
"""

import struct
from collections.abc import Callable

from emulation.peripherals.sps30 import Sps30

FIRMWARE = b"\x02\x02"
PRODUCT_TYPE = b"00080000"
SERIAL_NUMBER = b"A1B2C3D4E5F60718".ljust(32, b"\0")
CLEANING_INTERVAL_S = struct.pack(">I", 604_800)


class Sps30OnI2C:
    """An I2CDevice. `damage` changes an answer before it is read."""

    ADDRESS = 0x69

    def __init__(self, chip: Sps30) -> None:
        self._chip = chip
        self._written = bytearray()
        self._answer = b""
        self._read_at: int | None = None
        self.damage: Callable[[bytes], bytes] = lambda answer: answer

    def start(self, read: bool) -> bool:
        if not self._chip.powered:
            return False
        if self._chip.asleep:  # 6.3.7: the start wakes the interface, the next WAKE_UP the sensor
            self._chip.asleep = False
            return False
        self._read_at = 0 if read else None
        self._written.clear()
        return True

    def write_byte(self, byte: int) -> bool:
        self._written.append(byte)
        return True

    def read_byte(self) -> int:
        at = self._read_at or 0
        self._read_at = at + 1
        return self._answer[at] if at < len(self._answer) else 0xFF

    def stop(self) -> None:
        if self._read_at is None and len(self._written) >= 2:
            self._obey(int.from_bytes(self._written[:2], "big"), bytes(self._written[2:]))

    def _obey(self, pointer: int, data: bytes) -> None:
        chip = self._chip
        if pointer == 0x0010 and len(data) == 3 and crc8(data[:2]) == data[2]:
            chip.start(data[0])
        elif pointer == 0x0104:
            chip.stop()
        elif pointer == 0x5607:
            chip.clean_fan()
        elif pointer == 0x1001 and not chip.measuring:
            chip.asleep = True
        elif pointer == 0xD304:
            chip.power(True)
        elif pointer == 0xD210:
            chip.status = 0
        else:
            self._answer = self.damage(with_crc(self._read(pointer)))

    def _read(self, pointer: int) -> bytes:
        answers: dict[int, Callable[[], bytes]] = {
            0x0202: lambda: bytes((0, self._chip.has_new_value)),
            0x0300: self._chip.last_value,
            0x8004: lambda: CLEANING_INTERVAL_S,
            0xD002: lambda: PRODUCT_TYPE,
            0xD033: lambda: SERIAL_NUMBER,
            0xD100: lambda: FIRMWARE,
            0xD206: lambda: struct.pack(">I", self._chip.status),
        }
        return answers[pointer]() if pointer in answers else b""


def with_crc(data: bytes) -> bytes:
    words = [data[at : at + 2] for at in range(0, len(data), 2)]
    return b"".join(word + bytes((crc8(word),)) for word in words)


def crc8(data: bytes) -> int:
    """6.2: polynomial 31, begins with FF."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1) ^ 0x131 if crc & 0x80 else crc << 1
    return crc

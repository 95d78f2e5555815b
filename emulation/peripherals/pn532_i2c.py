"""The I2C side of a PN532: each read begins with a status byte, 01 when a frame follows it.
It must never know a command; the chip behind it does.
Specification: UM0701-02, section 6.2.4; the address is fixed.
"""

from emulation.peripherals.pn532 import Pn532


class Pn532OnI2C:
    """An I2CDevice."""

    ADDRESS = 0x24

    def __init__(self, chip: Pn532) -> None:
        self._chip = chip
        self._written = bytearray()
        self._read_at: int | None = None
        self._frame: bytes | None = None

    def start(self, read: bool) -> bool:
        if not self._chip.powered:
            return False
        self._written.clear()
        self._read_at = 0 if read else None
        self._frame = self._chip.head() if read and self._chip.ready else None
        return True

    def write_byte(self, byte: int) -> bool:
        self._written.append(byte)
        return True

    def read_byte(self) -> int:
        at = self._read_at or 0
        self._read_at = at + 1
        if self._frame is None:
            return 0x00
        if at == 0:
            return 0x01
        return self._frame[at - 1] if at <= len(self._frame) else 0x00

    def stop(self) -> None:
        if self._read_at is None:
            self._chip.receive(bytes(self._written))
        elif self._frame is not None and self._read_at > 1:
            self._chip.take()
        self._read_at = None
        self._frame = None

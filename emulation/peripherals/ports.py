"""The seams between a modelled chip and whatever emulates the board: buses byte by byte, pins, and an injected clock.
It must never know a backend (process, emulator, socket) nor a particular chip.
Specification: UM10204 (I2C), the chips' data sheets (SPI mode 0), MicroPython's `machine` documentation.
"""

from collections.abc import Callable
from typing import Protocol


class Alarm(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """The only source of time of a peripheral. `utc_us` is what a satellite would tell: microseconds since 1970."""

    def now_us(self) -> int: ...

    def utc_us(self) -> int: ...

    def call_at(self, at_us: int, action: Callable[[], None]) -> Alarm: ...


class I2CDevice(Protocol):
    """A target on I2C. Every start is followed by bytes of one direction and, at the end, one stop."""

    def start(self, read: bool) -> bool:
        """The address was called; True acknowledges it."""
        ...

    def write_byte(self, byte: int) -> bool: ...

    def read_byte(self) -> int: ...

    def stop(self) -> None: ...


class SPIDevice(Protocol):
    def select(self, active: bool) -> None: ...

    def exchange(self, data: bytes) -> bytes:
        """Shift `data` in; as many bytes come out."""
        ...


class UartDevice(Protocol):
    on_output: Callable[[bytes], None]

    def feed(self, data: bytes) -> None: ...


class Powered(Protocol):
    """Something with a supply: `power(False)` forgets everything that the real part forgets."""

    def power(self, on: bool) -> None: ...


def i2c_write(device: I2CDevice, data: bytes) -> int | None:
    """A whole write transfer: the number of acknowledged bytes, None when nobody answers at the address."""
    if not device.start(read=False):
        return None
    acknowledged = 0
    for byte in data:
        if not device.write_byte(byte):
            break
        acknowledged += 1
    device.stop()
    return acknowledged


def i2c_read(device: I2CDevice, count: int) -> bytes | None:
    """A whole read transfer of `count` bytes, None when nobody answers at the address."""
    if not device.start(read=True):
        return None
    data = bytes([device.read_byte() for _ in range(count)])
    device.stop()
    return data

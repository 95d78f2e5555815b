"""A stand-in for CircuitPython under which Adafruit's unmodified drivers speak to models: busio, digitalio, time.

It must never know a chip: it carries transfers and lets the model's clock run while the driver sleeps.
Specification: CircuitPython's busio.I2C and digitalio; a bit on a 400 kHz bus takes 2.5 us.
"""

import importlib
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from emulation.peripherals.clock import ManualClock
from emulation.peripherals.ports import I2CDevice, i2c_read, i2c_write

BYTE_US = 23  # 9 bits at 400 kHz


class I2C:
    """busio.I2C on one device of a model."""

    def __init__(self, clock: ManualClock, address: int, device: I2CDevice) -> None:
        self._clock = clock
        self._address = address
        self._device = device

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None:
        pass

    def writeto(self, address: int, buffer: bytes, *, start: int = 0, end: int | None = None) -> None:
        data = bytes(buffer[start:end])
        self._clock.advance(BYTE_US * (1 + len(data)))
        if address != self._address or i2c_write(self._device, data) != len(data):
            raise OSError(5, "no acknowledgement")

    def readfrom_into(self, address: int, buffer: bytearray, *, start: int = 0, end: int | None = None) -> None:
        count = len(buffer[start:end])
        self._clock.advance(BYTE_US * (1 + count))
        data = i2c_read(self._device, count) if address == self._address else None
        if data is None:
            raise OSError(5, "no acknowledgement")
        buffer[start : start + count] = data

    def writeto_then_readfrom(
        self,
        address: int,
        out_buffer: bytes,
        in_buffer: bytearray,
        *,
        out_start: int = 0,
        out_end: int | None = None,
        in_start: int = 0,
        in_end: int | None = None,
    ) -> None:
        self.writeto(address, out_buffer, start=out_start, end=out_end)
        self.readfrom_into(address, in_buffer, start=in_start, end=in_end)


def adafruit_driver(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> Any:
    """The class PN532_I2C, imported over the stand-in; its sleep() and monotonic() are the model's clock."""
    driver, _ = adafruit_modules(monkeypatch, clock, "adafruit_pn532.i2c", "adafruit_pn532.adafruit_pn532")
    return driver.PN532_I2C


def adafruit_modules(monkeypatch: pytest.MonkeyPatch, clock: ManualClock, *names: str) -> list[Any]:
    """These modules, imported over the stand-in; what they know as time is the model's clock."""
    modules: dict[str, dict[str, Any]] = {
        "micropython": {"const": lambda value: value},
        "digitalio": {"Direction": SimpleNamespace(INPUT=0, OUTPUT=1), "DigitalInOut": object},
        "busio": {"I2C": I2C, "SPI": object, "UART": object},
    }
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    packages = ("adafruit_bus_device", *(name.partition(".")[0] for name in names))
    for name in [name for name in sys.modules if name.startswith(packages)]:
        monkeypatch.delitem(sys.modules, name)
    time = SimpleNamespace(
        monotonic=lambda: clock.now_us() / 1e6, sleep=lambda seconds: clock.advance(round(seconds * 1e6))
    )
    found = [importlib.import_module(name) for name in names]
    for module in found:
        monkeypatch.setattr(module, "time", time, raising=False)
        monkeypatch.setattr(module, "sleep", time.sleep, raising=False)
    return found

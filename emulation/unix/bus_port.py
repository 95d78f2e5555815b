"""The emulator's end of a node's bus as bytes: requests in, answers out, each transfer handed to the wiring.
It must never know sockets, processes or time.
Specification: emulation/unix/device/bus_frames.py.
"""

import struct
from collections.abc import Callable, Mapping, Sequence

from emulation.peripherals.flash import Flash
from emulation.peripherals.ports import i2c_read, i2c_write
from emulation.peripherals.wiring import Wiring
from emulation.unix.device import bus_frames as frames

_HEADER = struct.Struct(frames.HEADER)
_PWM = struct.Struct("<IH")
_I2C_READ = struct.Struct("<BH")
_RANGE = struct.Struct("<II")
_WORD = struct.Struct("<I")

OK = bytes((frames.STATUS_OK,))
NO_DEVICE = bytes((frames.STATUS_NO_DEVICE,))
OUT_OF_RANGE = bytes((frames.STATUS_OUT_OF_RANGE,))


class ProtocolBroken(Exception):
    """The node sent what no frame of ours is: it is not our `machine` that speaks."""


Handler = Callable[[int, bytes], bytes]


class BusPort:
    """`more` are handlers of operations that a lane adds: of the unit and the payload they make the answer."""

    def __init__(
        self,
        wiring: Wiring,
        partitions: Sequence[Flash],
        on_watchdog: Callable[[int], None],
        more: Mapping[int, Handler] | None = None,
    ) -> None:
        self._wiring = wiring
        self._partitions = partitions
        self._on_watchdog = on_watchdog
        self._pending = b""
        self._handlers: dict[int, Handler] = {
            frames.PIN_WRITE: self._pin_write,
            frames.PIN_READ: self.pin_read,
            frames.PWM: self._pwm,
            frames.I2C_WRITE: self._i2c_write,
            frames.I2C_READ: self.i2c_read,
            frames.SPI_WRITE: self._spi_write,
            frames.SPI_EXCHANGE: self._spi_exchange,
            frames.FLASH_READ: self._flash_read,
            frames.FLASH_WRITE: self._flash_write,
            frames.FLASH_ERASE: self._flash_erase,
            frames.WATCHDOG: self._watchdog,
            frames.PULSES: self._pulses,
            **(more or {}),
        }

    def feed(self, data: bytes) -> bytes:
        """Carry out every whole request; returns the answers. Raises PowerCut (flash) and ProtocolBroken."""
        if self._pending:
            data = self._pending + data
        answers = b""
        at = 0
        while len(data) - at >= frames.HEADER_SIZE:
            op, unit, length = _HEADER.unpack_from(data, at)
            end = at + frames.HEADER_SIZE + length
            if end > len(data):
                break
            handler = self._handlers.get(op)
            if handler is None:
                raise ProtocolBroken(f"operation {op}")
            try:
                answers += handler(unit, data[at + frames.HEADER_SIZE : end])
            except (struct.error, IndexError) as error:
                raise ProtocolBroken(f"operation {op} with {length} bytes") from error
            at = end
        self._pending = data[at:]
        return answers

    def _pin_write(self, pin: int, payload: bytes) -> bytes:
        output = self._wiring.outputs.get(pin)
        if output is not None:
            output(payload[0])
        return b""

    def pin_read(self, pin: int, _payload: bytes) -> bytes:
        level = self._wiring.inputs.get(pin)
        return OK + bytes((level() if level is not None else 0,))

    def _pwm(self, pin: int, payload: bytes) -> bytes:
        drive = self._wiring.pwms.get(pin)
        if drive is not None:
            drive(*_PWM.unpack(payload))
        return b""

    def _i2c_write(self, bus: int, payload: bytes) -> bytes:
        device = self._wiring.i2c.get((bus, payload[0]))
        acknowledged = None if device is None else i2c_write(device, payload[1:])
        return NO_DEVICE + bytes(2) if acknowledged is None else OK + acknowledged.to_bytes(2, "little")

    def i2c_read(self, bus: int, payload: bytes) -> bytes:
        address, count = _I2C_READ.unpack(payload)
        device = self._wiring.i2c.get((bus, address))
        data = None if device is None else i2c_read(device, count)
        return NO_DEVICE + bytes(count) if data is None else OK + data

    def _spi_write(self, bus: int, payload: bytes) -> bytes:
        device = self._wiring.spi.get(bus)
        if device is not None:
            device.exchange(payload)
        return b""

    def _spi_exchange(self, bus: int, payload: bytes) -> bytes:
        device = self._wiring.spi.get(bus)
        return OK + (device.exchange(payload) if device is not None else bytes(len(payload)))

    def _flash_read(self, partition: int, payload: bytes) -> bytes:
        offset, count = _RANGE.unpack(payload)
        try:
            return OK + self._partitions[partition].read(offset, count)
        except ValueError:
            return OUT_OF_RANGE + bytes(count)

    def _flash_write(self, partition: int, payload: bytes) -> bytes:
        (offset,) = _WORD.unpack_from(payload)
        try:
            return OK + _WORD.pack(self._partitions[partition].program(offset, payload[_WORD.size :]))
        except ValueError:
            return OUT_OF_RANGE + bytes(_WORD.size)

    def _flash_erase(self, partition: int, payload: bytes) -> bytes:
        (block,) = _WORD.unpack(payload)
        try:
            return OK + _WORD.pack(self._partitions[partition].erase(block))
        except ValueError:
            return OUT_OF_RANGE + bytes(_WORD.size)

    def _watchdog(self, _unit: int, payload: bytes) -> bytes:
        self._on_watchdog(_WORD.unpack(payload)[0])
        return b""

    def _pulses(self, pin: int, _payload: bytes) -> bytes:
        counter = self._wiring.counters.get(pin)
        return OK + _WORD.pack(counter() & 0xFFFFFFFF if counter is not None else 0)

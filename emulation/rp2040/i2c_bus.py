"""An I2C controller of the chip and the devices on its bus, each transfer as long as its bits.
It must never know a particular device. It corrects rp2040py, which reports TX_EMPTY before the byte has left and not
at all after an abort, so that a missing device would be a timeout instead of an error.
Specification: RP2040 datasheet, section 4.3 (DW_apb_i2c); UM10204: nine bits a byte, one for start and for stop.
"""

from collections.abc import Callable, Mapping

from rp2040py.peripherals.i2c import R_TX_EMPTY, RPI2C, I2CMode

from emulation.peripherals.ports import I2CDevice

CLK_SYS_HZ = 125_000_000
BYTE_BITS = 9
CONDITION_BITS = 1


class DesignWareI2C(RPI2C):
    _pulling = False

    def _next_command(self) -> None:
        self._pulling = True
        super()._next_command()
        self._pulling = False

    def _set_interrupts(self, mask: int) -> None:
        if mask == R_TX_EMPTY and self._pulling:
            return  # the shift register still holds the byte (IC_CON.TX_EMPTY_CTRL)
        super()._set_interrupts(mask)

    def _abort(self, reason: int) -> None:
        super()._abort(reason)
        self._byte_has_left()

    def complete_write(self, ack: bool) -> None:
        self._byte_has_left()
        super().complete_write(ack)

    def complete_read(self, value: int) -> None:
        self._byte_has_left()
        super().complete_read(value)

    def _byte_has_left(self) -> None:
        if self._tx_fifo.item_count <= self.tx_threshold:
            super()._set_interrupts(R_TX_EMPTY)

    @property
    def bit_ns(self) -> float:
        return 1e9 * (self.scl_low_period + self.scl_high_period) / CLK_SYS_HZ


class I2cBus:
    """One thing at a time is under way on a bus: one alarm is enough."""

    def __init__(self, block: DesignWareI2C, devices: Mapping[int, I2CDevice]) -> None:
        self._block = block
        self._devices = devices
        self._device: I2CDevice | None = None
        self._under_way: Callable[[], None] = lambda: None
        self._alarm = block.rp2040.clock.create_alarm(self._passed)
        block.on_start = self._start
        block.on_connect = self._connect
        block.on_write_byte = self._write
        block.on_read_byte = self._read
        block.on_stop = self._stop

    def reset(self) -> None:
        """The controller was reset in the middle of whatever it did: the bus is let go."""
        self._alarm.cancel()
        self._end_transfer()

    def _after(self, bits: int, action: Callable[[], None]) -> None:
        self._under_way = action
        self._alarm.schedule(bits * self._block.bit_ns)

    def _passed(self) -> None:
        self._under_way()

    def _start(self, _repeated: bool) -> None:
        self._end_transfer()
        self._after(CONDITION_BITS, self._block.complete_start)

    def _connect(self, address: int, mode: I2CMode) -> None:
        def called() -> None:
            device = self._devices.get(address)
            self._device = device if device is not None and device.start(mode == I2CMode.READ) else None
            self._block.complete_connect(self._device is not None)

        self._after(BYTE_BITS, called)

    def _write(self, value: int) -> None:
        def written() -> None:
            self._block.complete_write(self._device is not None and self._device.write_byte(value))

        self._after(BYTE_BITS, written)

    def _read(self, _acknowledged: bool) -> None:
        def read() -> None:
            self._block.complete_read(0xFF if self._device is None else self._device.read_byte())

        self._after(BYTE_BITS, read)

    def _stop(self) -> None:
        def stopped() -> None:
            self._end_transfer()
            self._block.complete_stop()

        self._after(CONDITION_BITS, stopped)

    def _end_transfer(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            device.stop()

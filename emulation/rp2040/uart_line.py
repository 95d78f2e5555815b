"""A UART of the chip and the line on its pins: characters take their time, FIFOs fill and overflow as they do.
It must never know who is on the line. It corrects rp2040py, which has no transmit FIFO, raises the transmit interrupt
again after it was cleared, has no receive timeout, no thresholds and no overrun.
Specification: RP2040 datasheet, section 4.2 (PL011); ARM DDI 0183, sections 2.4.2 and 3.3.
"""

from collections import deque
from collections.abc import Callable

from rp2040py.peripherals.uart import (
    RPUART,
    UARTDR,
    UARTICR,
    UARTRXINTR,
    UARTTXINTR,
)
from rp2040py.rp2040 import RP2040
from rp2040py.utils.fifo import FIFO

FIFO_CHARACTERS = 32
RECEIVE_TIMEOUT_BITS = 32
THRESHOLDS = (4, 8, 16, 24, 28)  # of 32: 1/8, 1/4, 1/2, 3/4, 7/8

# Registers and bits that rp2040py has no names for
UARTRSR = 0x04
UARTIFLS = 0x34
IFLS_AT_RESET = 0x12
BUSY, TXFF, RXFE, TXFE, RXFF = 1 << 3, 1 << 5, 1 << 4, 1 << 7, 1 << 6
RTINTR, OEINTR = 1 << 6, 1 << 10
PEN, STP2 = 1 << 1, 1 << 3


class Pl011(RPUART):
    """`on_byte` gets a character when its stop bit has left; `feed_byte` is called when one has arrived."""

    def __init__(self, rp2040: RP2040, template: RPUART) -> None:
        super().__init__(rp2040, template.name, template.irq, template.dreq)
        self.overruns = 0
        self._levels = IFLS_AT_RESET
        self._tx_fifo = FIFO(FIFO_CHARACTERS)
        self._shifting: int | None = None
        self._shift_alarm = rp2040.clock.create_alarm(self._shifted_out)
        self._timeout_alarm = rp2040.clock.create_alarm(self._receive_timeout)

    def reset(self) -> None:
        super().reset()
        self._levels = IFLS_AT_RESET
        self._tx_fifo.reset()
        self._shifting = None
        self._shift_alarm.cancel()
        self._timeout_alarm.cancel()

    @property
    def bit_ns(self) -> float:
        return 1e9 * 16 * self.baud_divider / self.rp2040.clk_peri

    @property
    def character_ns(self) -> float:
        """Start, data, parity and stop bits as the firmware has set them."""
        line = self._line_ctrl_register
        return self.bit_ns * (1 + self.word_length + bool(line & PEN) + (2 if line & STP2 else 1))

    @property
    def flags(self) -> int:
        depth = FIFO_CHARACTERS if self.fifos_enabled else 1
        return (
            (BUSY if self._shifting is not None else 0)
            | (TXFF if self._tx_fifo.item_count >= depth else 0)
            | (TXFE if self._tx_fifo.empty else 0)
            | (RXFF if self.rx_fifo.item_count >= depth else 0)
            | (RXFE if self.rx_fifo.empty else 0)
        )

    def check_interrupts(self) -> None:
        self.rp2040.set_interrupt(self.irq, bool(self._interrupt_status & self._interrupt_mask))

    # Receiving

    def feed_byte(self, value: int) -> None:
        if not (self.enabled and self.rx_enabled):
            return
        if self.flags & RXFF:
            self.overruns += 1
            self._interrupt_status |= OEINTR
        else:
            self.rx_fifo.push(value)
        threshold = THRESHOLDS[min(self._levels >> 3 & 7, 4)] if self.fifos_enabled else 1
        if self.rx_fifo.item_count >= threshold:
            self._interrupt_status |= UARTRXINTR
        self.check_interrupts()
        self._timeout_alarm.schedule(RECEIVE_TIMEOUT_BITS * self.bit_ns)

    def _receive_timeout(self) -> None:
        if not self.rx_fifo.empty:
            self._interrupt_status |= RTINTR
            self.check_interrupts()

    def _read_data(self) -> int:
        value = self.rx_fifo.pull()
        threshold = THRESHOLDS[min(self._levels >> 3 & 7, 4)] if self.fifos_enabled else 1
        if self.rx_fifo.item_count < threshold:
            self._interrupt_status &= ~UARTRXINTR
        if self.rx_fifo.empty:
            self._interrupt_status &= ~RTINTR
        self.check_interrupts()
        return value

    # Sending

    def _write_data(self, value: int) -> None:
        if not (self.enabled and self.tx_enabled):
            return
        if self._shifting is None:
            self._shift_out(value)
        elif not self.flags & TXFF:
            self._tx_fifo.push(value)
            if self._tx_fifo.item_count > self._tx_threshold:
                self._interrupt_status &= ~UARTTXINTR
                self.check_interrupts()

    @property
    def _tx_threshold(self) -> int:
        return THRESHOLDS[min(self._levels & 7, 4)] if self.fifos_enabled else 0

    def _shift_out(self, value: int) -> None:
        self._shifting = value
        self._shift_alarm.schedule(self.character_ns)

    def _shifted_out(self) -> None:
        value, self._shifting = self._shifting, None
        if not self._tx_fifo.empty:
            self._shift_out(self._tx_fifo.pull())
            if self._tx_fifo.item_count == self._tx_threshold:  # it fell to the level: once, until it was above again
                self._interrupt_status |= UARTTXINTR
                self.check_interrupts()
        if self.on_byte is not None and value is not None:
            self.on_byte(value)

    # Registers

    def read_uint32(self, offset: int) -> int:
        if offset == UARTDR:
            return self._read_data()
        if offset == UARTIFLS:
            return self._levels
        if offset == UARTRSR:
            return 0
        return super().read_uint32(offset)

    def write_uint32(self, offset: int, value: int) -> None:
        if offset == UARTDR:
            self._write_data(value & 0xFF)
        elif offset == UARTIFLS:
            self._levels = value
        elif offset == UARTICR:
            self._interrupt_status &= ~self.raw_write_value
            self.check_interrupts()
        elif offset != UARTRSR:
            super().write_uint32(offset, value)


class UartLine:
    """Both directions of one line. `send` takes as much as one likes: characters arrive at the line's pace."""

    def __init__(self, block: Pl011) -> None:
        self._block = block
        self._queue: deque[int] = deque()
        self._alarm = block.rp2040.clock.create_alarm(self._arrived)
        self.on_output: Callable[[bytes], None] = lambda _data: None
        block.on_byte = lambda value: self.on_output(bytes((value,)))

    @property
    def overruns(self) -> int:
        """Characters that were lost because nobody emptied the FIFO in time."""
        return self._block.overruns

    def send(self, data: bytes) -> None:
        idle = not self._queue
        self._queue.extend(data)
        if idle and data:
            self._wait_for_next()

    def _arrived(self) -> None:
        self._block.feed_byte(self._queue.popleft())
        if self._queue:
            self._wait_for_next()

    def _wait_for_next(self) -> None:
        self._alarm.schedule(self._block.character_ns)

"""An SPI controller of the chip and the device on its bus, each word as long as its bits.
It must never know chip select: that is a pin of its own (pins.py), as on the board.
Specification: RP2040 datasheet, section 4.4 (PL022): SCK is clk_peri / (CPSDVSR * (1 + SCR)).
"""

from rp2040py.peripherals.spi import RPSPI

from emulation.peripherals.ports import SPIDevice


class SpiBus:
    def __init__(self, block: RPSPI, device: SPIDevice) -> None:
        self._block = block
        self._device = device
        self._word = 0
        self._alarm = block.rp2040.clock.create_alarm(self._shifted)
        block.on_transmit = self._transmit

    def reset(self) -> None:
        self._alarm.cancel()

    def _transmit(self, word: int) -> None:
        self._word = word
        frequency_hz = self._block.clock_frequency
        self._alarm.schedule(1e9 * self._block.data_bits / frequency_hz if frequency_hz else 0.0)

    def _shifted(self) -> None:
        self._block.complete_transmit(self._device.exchange(bytes((self._word & 0xFF,)))[0])

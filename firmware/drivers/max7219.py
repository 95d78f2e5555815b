"""A 1-bit panel of 8×8 LED modules, a MAX7219 on each, all in one chain on SPI: draw into `canvas`, then show().

It must never know fonts or texts; it is handed a machine.SPI and the chip-select pin.
Spec: Maxim 19-4452 (MAX7219 data sheet), tables 2 to 10. The chain runs row by row from the top left module, which is
the first; digit n of a module is its row n from the top, D7 its left column.
"""

import binascii

import framebuf

DIGIT_0 = 0x01  # table 2, register address map
DECODE_MODE = 0x09
INTENSITY = 0x0A
SCAN_LIMIT = 0x0B
SHUTDOWN = 0x0C
DISPLAY_TEST = 0x0F
NO_DECODE = 0x00
ALL_DIGITS = 0x07
NORMAL_OPERATION = 0x01
TEST_OFF = 0x00

MODULE = 8
DIM = 3  # a panel that was not told otherwise


class Max7219Panel:
    """`width` × `height` pixels, multiples of 8. `canvas`: a framebuf.FrameBuffer (MONO_HLSB) over `buffer`."""

    def __init__(self, spi, chip_select, width: int, height: int):
        self._spi = spi
        self._chip_select = chip_select
        self._stride = width // MODULE
        self._modules = self._stride * (height // MODULE)
        self._burst = bytearray(2 * self._modules)
        self._intensity = DIM
        self._repeat = 0
        self.width = width
        self.height = height
        self.buffer = bytearray(self._stride * height)
        self._shown = bytearray(len(self.buffer))
        self.canvas = framebuf.FrameBuffer(self.buffer, width, height, framebuf.MONO_HLSB)

    def open(self):
        """Brings every module from any state to a dark, running one, then shows the buffer."""
        self._chip_select.value(1)
        for number in range(5):
            self._control(number)
        for digit in range(MODULE):
            self._show_row(digit, True)

    def show(self):
        """Sends the rows that have changed.

        Each call also repeats one control register and one row, changed or not: a module that a glitch on the wires
        has put to sleep, into test or out of step is back after eight calls.
        """
        self._control(self._repeat % 5)
        changed = self.buffer != self._shown
        for digit in range(MODULE):
            repeated = digit == self._repeat
            if changed or repeated:
                self._show_row(digit, repeated)
        self._repeat = (self._repeat + 1) % MODULE

    def intensity(self, level: int):
        """0 (1/32 of the time lit) to 15 (31/32)."""
        self._intensity = max(0, min(15, level))
        self._send_to_all(INTENSITY, self._intensity)

    def crc(self) -> int:
        """CRC-32 of the buffer: rows from the top, eight pixels a byte, the left one in the highest bit."""
        return binascii.crc32(self.buffer)

    def _control(self, number):
        if number == 0:
            self._send_to_all(DISPLAY_TEST, TEST_OFF)
        elif number == 1:
            self._send_to_all(SCAN_LIMIT, ALL_DIGITS)
        elif number == 2:
            self._send_to_all(DECODE_MODE, NO_DECODE)
        elif number == 3:
            self._send_to_all(INTENSITY, self._intensity)
        else:
            self._send_to_all(SHUTDOWN, NORMAL_OPERATION)

    def _send_to_all(self, register, value):
        self._burst[:] = bytes((register, value)) * self._modules
        self._send()

    def _show_row(self, digit, always):
        """One burst: row `digit` of every module. The last module's bytes go first: they are shifted the farthest."""
        burst = self._burst
        buffer = self.buffer
        shown = self._shown
        stride = self._stride
        register = DIGIT_0 + digit
        index = len(burst) - 1
        changed = always
        for left in range(digit * stride, len(buffer), MODULE * stride):
            for source in range(left, left + stride):
                pixels = buffer[source]
                if pixels != shown[source]:
                    shown[source] = pixels
                    changed = True
                burst[index] = pixels
                burst[index - 1] = register
                index -= 2
        if changed:
            self._send()

    def _send(self):
        self._chip_select.value(0)
        self._spi.write(self._burst)
        self._chip_select.value(1)  # the rising edge latches

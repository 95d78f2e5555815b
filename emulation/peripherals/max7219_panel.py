"""A 1-bit panel of 8x8 modules, each with a MAX7219, all in one chain: shift register, latch, registers, what is seen.
It must never know a font, a frame buffer or a bus: bytes are shifted in, chip select rises, the picture is read back.
Specification: Maxim 19-4452 (MAX7219/MAX7221), tables 1 to 10. Chip 0 is the first of the chain, at the top left.
"""

import io

MODULE_PIXELS = 8

# Register addresses (table 2). Digit n is row n of a module, its bit 7 is the left column.
NO_OP = 0x0
DIGIT_0 = 0x1
DIGIT_7 = 0x8
DECODE_MODE = 0x9
INTENSITY = 0xA
SCAN_LIMIT = 0xB
SHUTDOWN = 0xC
DISPLAY_TEST = 0xF

# Code B font (table 5) as segments A..G in bits 6..0: what a driver sees that forgets to switch decoding off.
CODE_B = (0x7E, 0x30, 0x6D, 0x79, 0x33, 0x5B, 0x5F, 0x70, 0x7F, 0x7B, 0x01, 0x4F, 0x37, 0x0E, 0x67, 0x00)
DECIMAL_POINT = 0x80


class Max7219Panel:
    def __init__(self, width: int, height: int) -> None:
        if width % MODULE_PIXELS or height % MODULE_PIXELS or not (width and height):
            raise ValueError(f"a panel is whole modules of 8x8 pixels, not {width}x{height}")
        self.width = width
        self.height = height
        self.chips = (width // MODULE_PIXELS) * (height // MODULE_PIXELS)
        self._selected = False
        self.power(True)

    def power(self, on: bool) -> None:
        """Power-up state (page 5): blank, shut down, one digit scanned, no decoding, the lowest intensity."""
        self._powered = on
        self._shift = bytearray(2 * self.chips)  # the last bytes shifted in; the oldest of them is in the last chip
        self._digits = [bytearray(self.chips) for _ in range(MODULE_PIXELS)]
        self._control = {
            DECODE_MODE: bytearray(self.chips),
            INTENSITY: bytearray(self.chips),
            SCAN_LIMIT: bytearray(self.chips),
            SHUTDOWN: bytearray(self.chips),
            DISPLAY_TEST: bytearray(self.chips),
        }
        self.latches = 0

    # The bus: SPIDevice

    def select(self, active: bool) -> None:
        if self._selected and not active:
            self._latch()
        self._selected = active

    def exchange(self, data: bytes) -> bytes:
        """DIN is shifted in whether or not the chip is selected (page 6); DOUT of the last chip comes out."""
        shifted = self._shift + data
        self._shift = shifted[len(data) :]
        return bytes(shifted[: len(data)])

    def _latch(self) -> None:
        self.latches += 1
        words = self._shift[::-1]  # chip 0 holds what was shifted in last, low byte first in this order
        values = words[0::2]
        addresses = bytes(byte & 0x0F for byte in words[1::2])  # D15..D12 are "don't care" (table 1)
        first = addresses[0]
        if addresses.count(first) == self.chips:  # one register in every chip: the way a driver writes a row
            if (register := self._register(first)) is not None:
                register[:] = values
            return
        for chip, address in enumerate(addresses):
            if (register := self._register(address)) is not None:
                register[chip] = values[chip]

    def _register(self, address: int) -> bytearray | None:
        if DIGIT_0 <= address <= DIGIT_7:
            return self._digits[address - DIGIT_0]
        return self._control.get(address)

    # What a person sees

    def intensity(self, chip: int = 0) -> int:
        """0 (1/32 of the current, table 7) to 15 (31/32)."""
        return self._control[INTENSITY][chip] & 0x0F

    def picture(self) -> list[list[int]]:
        """Rows from the top, in each a 1 for every lit pixel from the left."""
        across = self.width // MODULE_PIXELS
        rows = []
        for y in range(self.height):
            first_chip = y // MODULE_PIXELS * across
            row: list[int] = []
            for chip in range(first_chip, first_chip + across):
                shown = self._shown(chip, y % MODULE_PIXELS)
                row.extend(shown >> bit & 1 for bit in range(7, -1, -1))
            rows.append(row)
        return rows

    def packed(self) -> bytes:
        """The picture with 1 bit a pixel: rows from the top, 8 pixels a byte, the left one in the highest bit."""
        across = self.width // MODULE_PIXELS
        return bytes(
            self._shown(y // MODULE_PIXELS * across + column, y % MODULE_PIXELS)
            for y in range(self.height)
            for column in range(across)
        )

    def png(self, scale: int = 4) -> bytes:
        """The picture as a PNG, `scale` screen pixels a module pixel, amber on black as bright as the intensity."""
        from PIL import Image

        lit = 255 * (2 * self.intensity() + 1) // 32 // 2 + 127  # a dim panel is still readable
        image = Image.frombytes("1", (self.width, self.height), self.packed()).convert("L")
        image = image.resize((self.width * scale, self.height * scale), Image.Resampling.NEAREST)
        dark = Image.new("L", image.size, 0)
        coloured = Image.merge(
            "RGB", (image.point(lambda v: lit if v else 8), image.point(lambda v: lit * 5 // 8 if v else 8), dark)
        )
        out = io.BytesIO()
        coloured.save(out, "PNG")
        return out.getvalue()

    def _shown(self, chip: int, digit: int) -> int:
        if not self._powered:
            return 0
        if self._control[DISPLAY_TEST][chip] & 1:
            return 0xFF  # overrides every other register, shutdown included (page 8)
        if not self._control[SHUTDOWN][chip] & 1 or digit > self._control[SCAN_LIMIT][chip] & 0x07:
            return 0
        value = self._digits[digit][chip]
        if self._control[DECODE_MODE][chip] >> digit & 1:
            return CODE_B[value & 0x0F] | value & DECIMAL_POINT
        return value

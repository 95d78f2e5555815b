# ruff: noqa: T201 (it runs on MicroPython)
# mypy: ignore-errors
"""Runs on a display's board: lights every second column of the whole panel, in one long burst a row.

It must never use a driver. Specification: emulation/tests/test_machine_on_micropython.py looks at the panel.
"""

import sys

from boards.unix import hal

chips = int(sys.argv[1])
spi, chip_select = hal.panel_bus()


def write(register, value):
    chip_select.off()
    spi.write(bytes([register, value]) * chips)
    chip_select.on()


for register, value in ((0x9, 0), (0xA, 8), (0xB, 7), (0xC, 1), (0xF, 0)):
    write(register, value)
for digit in range(8):
    write(digit + 1, 0b10101010)
print("drawn", spi.read(2))

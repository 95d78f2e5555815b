"""Checks of what every board has and people look at: flash, light, beeper, panel.

Never erases what somebody may want: the flash is tried in a file of its own, the journal is only read.
Specification: run.py; boards/README.md, "Roles".
"""

import asyncio
import os

from firmware.drivers.beeper import HALF
from firmware.drivers.rgb_light import RgbLight
from firmware.selftest.run import GOOD, SEEN_BY_A_PERSON, bad

PATTERN = b"\x55\xaa\x0f\xf0" * 256
TONE_HZ, TONE_MS = 2_700, 400
PAGE_BYTES = 256


async def flash(hal, _provided, _given):
    try:
        same = _keeps(hal.settings_path().replace("settings.json", "selftest.tmp"))
        hal.journal_flash().readblocks(0, bytearray(PAGE_BYTES), 0)
    except OSError as fault:
        return bad("flash_fails", fault=str(fault))
    return GOOD if same else bad("flash_forgets")


def _keeps(path):
    with open(path, "wb") as file:
        file.write(PATTERN)
    with open(path, "rb") as file:
        same = file.read() == PATTERN
    os.remove(path)
    return same


async def light(hal, _provided, given):
    """`colour` is shown, and stays."""
    RgbLight(*hal.light()).set(given["colour"])
    return SEEN_BY_A_PERSON


async def beeper(hal, _provided, _given):
    pwm = hal.beeper()
    pwm.freq(TONE_HZ)
    pwm.duty_u16(HALF)
    await asyncio.sleep_ms(TONE_MS)
    pwm.duty_u16(0)
    return SEEN_BY_A_PERSON


async def panel(hal, provided, _given):
    """A frame round the whole glass and both diagonals: every module shows something, each another thing."""
    from firmware.drivers.max7219 import Max7219Panel

    width, height = provided.config["width"], provided.config["height"]
    spi, chip_select = hal.panel_bus()
    glass = Max7219Panel(spi, chip_select, width, height)
    glass.canvas.rect(0, 0, width, height, 1)
    glass.canvas.line(0, 0, width - 1, height - 1, 1)
    glass.canvas.line(0, height - 1, width - 1, 0, 1)
    glass.open()
    glass.show()
    return SEEN_BY_A_PERSON

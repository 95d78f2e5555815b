"""A board program for the tests of the panel: draws what it is told, as an endless list of steps that repeats its last.

It must never judge the picture: the tests compare it with the modelled panel's.
Spec: firmware/tests/test_driver_max7219.py. Arguments: width, height, then one word a step: random, text, dark, bright.
"""

import asyncio
import json
import sys

from boards.unix import hal
from firmware import fonts
from firmware.drivers.font import Font
from firmware.drivers.max7219 import Max7219Panel

STEP_MS = 20


def noise(panel, seed):
    state = seed
    for index in range(len(panel.buffer)):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        panel.buffer[index] = state >> 24


def texts(panel):
    font = Font(fonts.path(fonts.SIGN_12))
    font.open()
    panel.canvas.fill(0)
    for row in range(panel.height // font.height):
        font.draw(panel.canvas, "3 Площа Визволення 5 хв", 0, row * font.height, panel.width)
    font.close()


async def main(width, height, steps):
    spi, chip_select = hal.panel_bus()
    panel = Max7219Panel(spi, chip_select, width, height)
    panel.open()
    number = 0
    while True:
        step = steps[min(number, len(steps) - 1)]
        if number < len(steps):
            if step == "random":
                noise(panel, number)
            elif step == "text":
                texts(panel)
            elif step == "dark":
                panel.canvas.fill(0)
            elif step == "bright":
                panel.intensity(15)
        panel.show()
        print(
            json.dumps(
                {"step": number, "crc": panel.crc(), "picture": panel.buffer.hex() if number < len(steps) else ""}
            )
        )
        number += 1
        await asyncio.sleep_ms(STEP_MS)


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))

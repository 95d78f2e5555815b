"""A board program for the tests of light, beeper and button: each press plays the next of a list of steps.

It must never judge: the tests see the modelled light and hear the modelled beeper.
Spec: firmware/tests/test_driver_signals.py. Arguments: for each press colours, patterns, wait or stop, joined by +.
"""

import asyncio
import json
import sys

from boards.unix import hal
from firmware.drivers.beeper import PATTERNS, Beeper
from firmware.drivers.button import Button
from firmware.drivers.rgb_light import RgbLight


async def main(steps):
    light = RgbLight(*hal.light())
    beeper = Beeper(hal.beeper())
    button = Button(hal.cash_button())
    sounding = asyncio.create_task(beeper.run())
    print(json.dumps({"waiting": True}))
    presses = 0
    while True:
        await button.pressed()
        presses += 1
        for step in steps[0].split("+") if steps else ():
            if step in PATTERNS:
                beeper.play(step)
            elif step == "wait":
                await asyncio.sleep_ms(100)
            elif step == "stop":
                sounding.cancel()
            else:
                light.set(step)
        del steps[:1]
        print(json.dumps({"presses": presses, "colour": light.colour}))


asyncio.run(main(sys.argv[1:]))

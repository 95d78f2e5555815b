"""Loads the drivers of one kind of node and prints what each has added to the heap, in bytes, after a collection.

It must never do I/O beyond opening: what is measured stays loaded.
Spec: architecture, "flash and memory are budgets". Argument: a kind of KINDS.
"""

import asyncio  # noqa: F401 - every node has it loaded before the first driver
import gc
import json
import sys

from boards.unix import hal


class Scale:
    def __init__(self):
        self.total = 0
        self._last = self._now()

    def _now(self):
        gc.collect()
        return gc.mem_alloc()

    def weigh(self, name):
        now = self._now()
        print(json.dumps({"part": name, "bytes": now - self._last}))
        self.total += now - self._last
        self._last = self._now()


def fare_validator(scale):
    from firmware.drivers import pn532

    scale.weigh("pn532, its module")
    reader = pn532.PN532(hal.reader_bus())
    scale.weigh("pn532")
    from firmware.drivers import iso14443

    scale.weigh("iso14443, its module")
    from firmware.drivers import gnss

    scale.weigh("gnss and nmea, their modules")
    receiver = gnss.Gnss(hal.gnss_uart())
    scale.weigh("gnss and nmea")
    from firmware.drivers import beeper, button, rgb_light

    scale.weigh("light, beeper, button, their modules")
    parts = rgb_light.RgbLight(*hal.light()), beeper.Beeper(hal.beeper()), button.Button(hal.cash_button())
    scale.weigh("light, beeper, button")
    return reader, receiver, parts, iso14443


def stop_display(scale):
    from firmware.drivers import max7219

    scale.weigh("max7219, its module")
    bus = hal.panel_bus()
    scale.weigh("the bus")
    panel = max7219.Max7219Panel(*bus, 128, 64)
    scale.weigh("max7219, 128x64")
    large = max7219.Max7219Panel(*bus, 384, 64)
    scale.weigh("max7219, 384x64")
    from firmware import fonts
    from firmware.drivers import font

    scale.weigh("font, its module")
    opened = [
        font.Font(fonts.path(name)) for name in (fonts.SIGN_12, fonts.SIGN_16, fonts.SIGN_16_BOLD, fonts.SIGN_24_BOLD)
    ]
    for each in opened:
        each.open()
        scale.weigh("font")
    return panel, large, opened


def air_sensor(scale):
    from firmware.drivers import pms5003

    scale.weigh("pms5003, its module")
    particles = pms5003.Pms5003(hal.particles_uart())
    scale.weigh("pms5003")
    from firmware.drivers import sps30

    scale.weigh("sps30, its module")
    bus = hal.sensor_bus()
    scale.weigh("the bus")
    from firmware.drivers import ads1115

    scale.weigh("ads1115, its module")
    from firmware.drivers import bme280

    scale.weigh("bme280, its module")
    sensors = bme280.Bme280(bus), sps30.Sps30(bus), [ads1115.Ads1115(bus, address) for address in range(0x48, 0x4C)]
    scale.weigh("bme280, sps30, four ads1115")
    from firmware.drivers import electrochemical, wind

    scale.weigh("electrochemical, wind, their modules")
    return particles, sensors, electrochemical, wind


KINDS = {"fare_validator": fare_validator, "stop_display": stop_display, "air_sensor": air_sensor}

scale = Scale()
kept = KINDS[sys.argv[1]](scale)
print(json.dumps({"total": scale.total}))

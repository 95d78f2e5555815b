"""A board program for the tests of the air sensors' drivers: opens one, reads it each second, tells all as JSON lines.

It must never judge: the tests damage the models and look at what is told.
Spec: firmware/tests/test_driver_air_sensors.py. Argument: pms5003, sps30, sps30_uart, ads1115, bme280.
"""

import asyncio
import json
import sys

from boards.unix import hal
from firmware.drivers.ads1115 import Ads1115
from firmware.drivers.bme280 import Bme280
from firmware.drivers.pms5003 import Pms5003
from firmware.drivers.sensor_fault import SensorFault
from firmware.drivers.sps30 import Sps30
from firmware.drivers.sps30_uart import Sps30OnUart


class Converter:
    """Input 1, on two scales."""

    def __init__(self, converter):
        self._converter = converter

    async def open(self):
        pass

    async def read(self):
        return await self._converter.read_uv(1), await self._converter.read_uv(1, 256)


SENSORS = {
    "pms5003": lambda: Pms5003(hal.particles_uart()),
    "sps30": lambda: Sps30(hal.sensor_bus()),
    "sps30_uart": lambda: Sps30OnUart(hal.particles_uart()),
    "ads1115": lambda: Converter(Ads1115(hal.sensor_bus(), 0x48)),
    "bme280": lambda: Bme280(hal.sensor_bus()),
}


def bad(sensor):
    """What the driver has counted."""
    if hasattr(sensor, "crc_errors"):
        return sensor.crc_errors
    return sensor.reader.checksum if hasattr(sensor, "reader") else 0


async def main(name):
    sensor = SENSORS[name]()
    while True:
        try:
            await sensor.open()
            print(json.dumps({"opened": True}))
            while True:
                values = await sensor.read()
                told = {"values": list(values), "bad": bad(sensor)}
                if name == "sps30":
                    told["status"] = sensor.status()
                print(json.dumps(told))
                await asyncio.sleep_ms(1000)
        except SensorFault as fault:
            print(json.dumps({"fault": fault.reason, "bad": bad(sensor)}))
        await asyncio.sleep_ms(500)


asyncio.run(main(sys.argv[1]))

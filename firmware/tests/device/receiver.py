"""A board program for the tests of the GNSS reader: tells each fix, and silence, as JSON lines.

It must never judge: the tests move the modelled receiver.
Spec: firmware/tests/test_driver_gnss.py. Argument: milliseconds without a fix that are silence.
"""

import asyncio
import json
import sys

from boards.unix import hal
from firmware.drivers.gnss import Gnss


async def main(silence_ms):
    gnss = Gnss(hal.gnss_uart(), silence_ms)
    while True:
        fix = await gnss.next()
        if fix is None:
            print(json.dumps({"silence": True}))
        else:
            place = [fix.lat_e7, fix.lon_e7, fix.speed_cmps, fix.course_cdeg] if fix.valid else []
            sky = [fix.satellites, fix.hdop_c]
            bad = gnss.nmea.checksum + gnss.nmea.malformed + gnss.nmea.overlong
            print(json.dumps({"place": place, "sky": sky, "utc_ms": fix.utc_ms, "bad": bad}))


asyncio.run(main(int(sys.argv[1])))

"""Reads recorded logs and prints JSON lines: a list for each fix, and a table at the end of each log.

It must never judge them: firmware/tests/test_driver_nmea.py compares them with what gpsd made of the same logs.
Spec: firmware/drivers/nmea.py; the logs' SOURCES.md.
"""

import json
import sys

from firmware.drivers.nmea import NmeaReader

CHUNK = 61  # sentences are cut anywhere


def main(paths):
    buffer = bytearray(CHUNK)
    for path in paths:
        reader = NmeaReader()
        with open(path, "rb") as log:
            while size := log.readinto(buffer):
                for fix in reader.feed(buffer, size):
                    print(json.dumps([fix.valid, fix.lat_e7, fix.lon_e7, fix.speed_cmps, fix.utc_ms]))
        bad = [reader.checksum, reader.malformed, reader.overlong]
        print(json.dumps({"log": path, "sentences": reader.sentences, "bad": bad}))


main(sys.argv[1:])

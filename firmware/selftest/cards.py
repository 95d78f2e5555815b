"""Checks of a validator's reader and of its GNSS receiver.

Never reads a card: that the chip answers and can be set up is what its wires are for.
Specification: run.py; firmware/drivers/pn532.py, nmea.py.
"""

import asyncio

from firmware.drivers.nmea import NmeaReader
from firmware.drivers.pn532 import ADDRESS, PN532, ReaderFault
from firmware.drivers.uart_reader import UartReader
from firmware.selftest.run import Finding, bad

LISTEN_MS = 2_500  # receivers speak once a second
CHUNK = 64


async def reader(hal, _provided, _given):
    chip = PN532(hal.reader_bus())
    try:
        await chip.open()
    except ReaderFault as fault:
        if fault.reason == "bus":
            return bad("i2c_silent", address=ADDRESS)
        return bad("i2c_garbled", address=ADDRESS, reason=fault.reason)
    return Finding(True, "", {"version": "%d.%d" % chip.firmware})


async def gnss(hal, _provided, _given):
    heard = NmeaReader()
    chunk = memoryview(bytearray(CHUNK))
    counts = [0, 0]  # bytes, fixes

    async def listen(line):
        while True:
            size = await line.readinto(chunk) or 0  # None: the line has gone
            counts[0] += size
            counts[1] += len([fix for fix in heard.feed(chunk, size) if fix.lat_e7 is not None])
            if not size:
                await asyncio.sleep_ms(LISTEN_MS)

    try:
        await asyncio.wait_for_ms(listen(UartReader(hal.gnss_uart())), LISTEN_MS)
    except asyncio.TimeoutError:
        pass
    if not counts[0]:
        return bad("uart_silent")
    if not heard.sentences:
        return bad("uart_garbled")
    return Finding(True, "" if counts[1] else "no_fix", {"sentences": heard.sentences})

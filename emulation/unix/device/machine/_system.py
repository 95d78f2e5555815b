"""`machine`'s reset, watchdog and identity for a node that is a process.
It must never end or restart the process by itself in another way than a board would: the emulator starts it anew.
Specification: MicroPython's `machine`; the RP2's watchdog (8388 ms at most, it cannot be stopped).
"""

import binascii
import os
import struct
import sys

import bus_frames
import bus_link

PWRON_RESET = 1
HARD_RESET = 2  # machine.reset()
WDT_RESET = 3
_MAX_TIMEOUT_MS = 8388


def reset():
    sys.exit(bus_frames.RESET_EXIT_STATUS)


def hold_watchdog():
    """What a debugger does: it bites no more until someone starts it anew."""
    bus_link.post(bus_frames.WATCHDOG, 0, struct.pack("<I", 0))


def reset_cause():
    return int(os.getenv("VUZOL_RESET_CAUSE") or PWRON_RESET)


def unique_id():
    return binascii.unhexlify(os.getenv("VUZOL_UNIQUE_ID") or "0000000000000000")


class WDT:
    """The emulator holds the clock of it: a node that hangs in a loop is bitten too."""

    def __init__(self, id=0, timeout=5000):
        if not 1 <= timeout <= _MAX_TIMEOUT_MS:
            raise ValueError("timeout must be from 1 to %d ms" % _MAX_TIMEOUT_MS)
        self._payload = struct.pack("<I", timeout)
        self.feed()

    def feed(self):
        bus_link.post(bus_frames.WATCHDOG, 0, self._payload)

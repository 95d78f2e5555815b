"""Read IEC 62056-21 readouts, a file each, on whatever runs this file: CPython or MicroPython.

Prints a line of JSON a file: [intact, [[address, [[text, unit], …]], …]], or why it is none.

    micropython protocols/tests/run_iec62056.py FILE …
"""

import json
import sys

from protocols.wire.errors import MalformedFrame
from protocols.wire.iec62056 import Readout


def read(path, size):
    """The readout, fed in pieces of `size` bytes."""
    readout = Readout()
    sets = []
    try:
        with open(path, "rb") as file:
            piece = file.read(size)
            while piece:
                sets.extend(readout.feed(piece))
                piece = file.read(size)
        readout.end()
    except MalformedFrame as wrong:
        return str(wrong)
    return [readout.intact, [[found.address, [list(pair) for pair in found.values]] for found in sets]]


for path in sys.argv[1:]:
    whole, by_byte = read(path, 4096), read(path, 1)
    assert whole == by_byte, path
    print(json.dumps(whole))

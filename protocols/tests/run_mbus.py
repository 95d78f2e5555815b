"""Decode M-Bus frames, a line of hexadecimal digits each, on whatever runs this file: CPython or MicroPython.

Prints a line of JSON a frame: its records, or why it has none. Anything else that happens ends it with a traceback.

    micropython protocols/tests/run_mbus.py FILE
"""

import json
import sys
from binascii import unhexlify

from protocols.wire.errors import MalformedFrame
from protocols.wire.mbus import frame, records, telegram


def decoded(data):
    """Rows of (function, storage, tariff, device, quantity, unit, value), or the error's text."""
    try:
        found = frame.parse(data)
        if found is None or found.ci is None:
            return []
        rows = []
        for record in telegram.parse(found).records:
            rows.append(list(record[:6]) + [records.value(record)])
        return rows
    except MalformedFrame as wrong:
        return str(wrong)
    except telegram.MeterRefused as refused:
        return "refused: " + str(refused)


with open(sys.argv[1]) as lines:
    for line in lines:
        print(json.dumps(decoded(unhexlify(line.strip()))))

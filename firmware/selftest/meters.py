"""The check of a meter node's bus: every meter of its settings is asked once.

Never records a reading. One that is silent among others has a wrong address; when all are, it is what they share.
Specification: run.py; firmware/nodes/README.md, "A meter node".
"""

from collections import namedtuple

from firmware.nodes import utility_meter
from firmware.nodes.meter_reading import MeterReading
from firmware.selftest.run import NOT_FITTED, Finding, bad
from protocols.wire.errors import EncodeError, MalformedFrame
from protocols.wire.mbus.master import NoAnswer
from protocols.wire.mbus.telegram import MeterRefused

_NobodyElse = namedtuple("_NobodyElse", ("clock", "journal", "health"))


async def meters(hal, provided, _given):
    wired = provided.config["meters"]
    if not wired:
        return NOT_FITTED
    node = utility_meter.create(hal, provided, _NobodyElse(None, None, None))
    garbled, silent = [], []
    for meter in wired:
        named = "%s (%s)" % (meter.number, meter.address)
        try:
            await node.ask(meter, MeterReading(meter.values), _nothing)
        except NoAnswer as nobody:
            (garbled if nobody.garbled else silent).append(named)
        except (MalformedFrame, MeterRefused, EncodeError):
            garbled.append(named)
    if garbled:
        return bad("meter_garbled", meters=", ".join(garbled))
    if silent:
        return bad("bus_silent" if len(silent) == len(wired) > 1 else "meter_silent", meters=", ".join(silent))
    return Finding(True, "", {"meters": len(wired)})


def _nothing():
    pass

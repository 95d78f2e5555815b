"""The check of a meter node's bus: every meter of its settings is asked once.

Never records a reading.
Specification: run.py; firmware/nodes/README.md, "A meter node".
"""

from collections import namedtuple

from firmware.nodes import utility_meter
from firmware.nodes.meter_reading import MeterReading
from firmware.selftest.run import Finding, bad
from protocols.wire.errors import EncodeError, MalformedFrame
from protocols.wire.mbus.master import NoAnswer
from protocols.wire.mbus.telegram import MeterRefused

_NobodyElse = namedtuple("_NobodyElse", ("clock", "journal", "health"))


async def meters(hal, provided, _given):
    node = utility_meter.create(hal, provided, _NobodyElse(None, None, None))
    for meter in provided.config["meters"]:
        try:
            await node.ask(meter, MeterReading(meter.values), _nothing)
        except NoAnswer as nobody:
            return bad(
                "meter_garbled" if nobody.garbled else "meter_silent", number=meter.number, address=meter.address
            )
        except (MalformedFrame, MeterRefused, EncodeError):
            return bad("meter_garbled", number=meter.number, address=meter.address)
    return Finding(True, "", {"meters": len(provided.config["meters"])})


def _nothing():
    pass

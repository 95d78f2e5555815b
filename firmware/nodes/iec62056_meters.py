"""Meters with an IEC 62056-21 port: carries the sign-on and the readout over a line.

Never knows what a data set means. Specification: protocols/wire/iec62056.py; IEC 62056-21, 6.4.4 (times).
"""

from protocols.wire.errors import MalformedFrame
from protocols.wire.iec62056 import BITS, FIRST_BAUD, PARITY_EVEN, DataSet, End, ModeC, Send, SetBaud
from protocols.wire.mbus.master import NoAnswer

ANSWER_MS = 2_200  # a meter answers within 1.5 s, and a readout has no longer pause
TURN_MS = 250  # a meter has to have been silent for 200 ms before it is spoken to
CHUNK = 32


class Iec62056Meters:
    """`await meters.read(address, take, beat)`: take(DataSet) for each of them."""

    def __init__(self, line):
        self._line = line
        self._chunk = memoryview(bytearray(CHUNK))

    async def read(self, address, take, beat):
        """Raises NoAnswer and MalformedFrame."""
        meter = ModeC(address)
        self._line.open(FIRST_BAUD, BITS, PARITY_EVEN)
        steps, heard = meter.start(), False
        while True:
            for step in steps:
                if await self._do(step, take):
                    return
            beat()
            count = await self._line.receive(self._chunk, ANSWER_MS)
            if not count and not heard:
                raise NoAnswer(False)
            heard = True
            steps = meter.feed(self._chunk[:count]) if count else meter.end()

    async def _do(self, step, take):
        """True at the end of the readout."""
        if isinstance(step, Send):
            await self._line.pause(TURN_MS)
            await self._line.send(step.data)
        elif isinstance(step, SetBaud):
            self._line.open(step.baud, BITS, PARITY_EVEN)
        elif isinstance(step, DataSet):
            take(step)
        elif isinstance(step, End):
            if step.intact is False:
                raise MalformedFrame("malformed", "the readout's check is wrong")
            return True
        return False

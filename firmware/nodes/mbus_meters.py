"""Meters on M-Bus: carries what the master wants to ask over a line, and gives it what came back.

Never knows what an answer means. Specification: protocols/wire/mbus/master.py; EN 13757-2, section 4 (times).
"""

from protocols.wire.errors import MalformedFrame
from protocols.wire.mbus import frame
from protocols.wire.mbus.master import GARBLED, SILENCE

ANSWER_BITS = 330  # EN 13757-2, 5.5.2: a meter answers within 330 bit times and 50 ms
ANSWER_MS = 50
PATIENCE_MS = 100  # for a converter, and for a node that erases flash
GAP_CHARACTERS = 3  # a frame has no pauses


class MBusMeters:
    """Drives the generators of master.py: `header = await meters.run(master.read(5, take))`."""

    def __init__(self, line, baud):
        self._line = line
        self._baud = baud
        self._frame = memoryview(bytearray(frame.MAX_SIZE))

    async def run(self, steps, beat):
        """What the generator returns; it raises what the generator raises."""
        self._line.open(self._baud)
        answer = None
        try:
            while True:
                request = steps.send(answer)
                beat()
                await self._line.send(request)
                answer = await self._listen()
        except StopIteration as done:
            return done.value

    async def _listen(self):
        """A frame, None for an acknowledgement, SILENCE or GARBLED. Our own frames, which converters echo, pass."""
        within_ms = ANSWER_BITS * 1000 // self._baud + ANSWER_MS + PATIENCE_MS
        have = 0
        while True:
            try:
                size = frame.size(self._frame, have)
                if size and have >= size:
                    heard = frame.parse(self._frame[:size])
                    if heard is None or not heard.control & frame.MASTER:
                        return heard if have == size else await self._garbled()
                    self._frame[: have - size] = bytes(self._frame[size:have])
                    have -= size
                    continue
            except MalformedFrame:
                return await self._garbled()
            count = await self._line.receive(self._frame[have:], within_ms)
            if not count:
                return GARBLED if have else SILENCE
            have += count
            within_ms = self._line.character_ms(GAP_CHARACTERS) + PATIENCE_MS

    async def _garbled(self):
        """Wait until the line is quiet: whoever speaks is not spoken over."""
        while await self._line.receive(self._frame, self._line.character_ms(GAP_CHARACTERS) + PATIENCE_MS):
            pass
        return GARBLED

"""The Modbus link on RS-485: requests are heard on a UART, and the direction pin is up while the node speaks.

Never knows what a request means. Specification: Modbus over serial line V1.02; MicroPython's machine.UART.

A UART that tells when its line has fallen silent (IRQ_RXIDLE, 32 bit times after the last stop bit) wakes the node once
a burst, and its interrupt leaves the line to the others when the last stop bit is out: a task, or a garbage collection,
could be too late for that. A process has a descriptor instead, sleeps in poll(), and its line has no direction.
"""

import asyncio
from time import sleep_us, ticks_add, ticks_diff, ticks_us

from firmware.comms.modbus_link import ModbusLink
from protocols.wire import modbus_rtu

PARITIES = {"none": None, "even": 0, "odd": 1}
BEAT_MS = 10_000
PATIENCE_MS = 50  # inside a request: USB adapters hold characters back for 16 ms
LINE_GONE_MS = 200
RXIDLE_BITS = 32
TXIDLE_CHARACTERS = 5  # IRQ_TXIDLE comes when so many are still to leave, not for a frame that has no more
LONGEST_SPIN_US = 6_000
MOST = 512  # of a burst: a line that never pauses must not fill the memory


def create(hal, settings, node):
    """The link of a node on the board's RS-485 line."""
    options = settings.uplink
    uart, direction = hal.uplink()
    line = RtuLine(uart, direction, options["baud"], options["parity"])
    return ModbusLink(RtuServer(line, options["unit"]), settings.kind, node)


class RtuServer:
    """Answers the requests to one unit; everybody else's traffic passes in silence."""

    def __init__(self, line, unit):
        self._line = line
        self._unit = unit

    async def run(self, link, beat):
        """Never returns."""
        receiver = modbus_rtu.Receiver(self._unit)
        self._line.open()
        while True:
            beat()
            burst = await self._line.burst(receiver.waits and PATIENCE_MS)
            request = None
            if burst:
                request = receiver.feed(burst)
            elif receiver.waits:
                receiver.give_up()
            link.slave.crc_errors = receiver.crc_errors
            if request:
                self._line.say(modbus_rtu.build(self._unit, link.answer(request)))
                link.settle()
                await self._line.said()


class RtuLine:
    """One two-wire line: what is said on it, burst by burst, and our own turn to speak."""

    def __init__(self, uart, direction, baud, parity):
        self._uart = uart
        self._direction = direction
        self._baud = baud
        self._parity = PARITIES[parity]
        self._gap_us = modbus_rtu.t35_us(baud)
        self._has_irq = hasattr(uart, "IRQ_TXIDLE")  # not every port of MicroPython has it
        self._silence = asyncio.ThreadSafeFlag()
        self._ticker = None
        self._silent_since_us = 0
        self._speaks = False
        self._leaves_us = 0  # when the last stop bit is out
        self._echo = 0  # characters of our own that some transceivers hear

    def open(self):
        self._direction(0)
        self._uart.init(self._baud, 8, self._parity, 1)
        if self._has_irq:
            triggers = self._uart.IRQ_RXIDLE | self._uart.IRQ_TXIDLE
            self._uart.irq(self._interrupted, triggers, True)
            if not self._ticker:
                self._ticker = asyncio.create_task(self._tick())
        else:
            self._stream = asyncio.StreamReader(self._uart)

    async def _tick(self):
        """A line where nothing is said is alive too. A time-out for every burst would be two more tasks for each."""
        while True:
            await asyncio.sleep_ms(BEAT_MS)
            self._silence.set()

    async def burst(self, patience_ms):
        """What was said before a silence; b"" when nothing was within patience_ms (0: BEAT_MS)."""
        heard = b""
        try:
            if self._has_irq and not patience_ms:
                await self._silence.wait()
            elif self._has_irq:
                await asyncio.wait_for_ms(self._silence.wait(), patience_ms)
            else:
                heard = await asyncio.wait_for_ms(self._stream.read(1), patience_ms or BEAT_MS) or b""
                await asyncio.sleep_ms(self._gap_us // 1000 + 1 if heard else LINE_GONE_MS)
        except asyncio.TimeoutError:
            pass
        while self._uart.any() and len(heard) < MOST:
            heard += self._uart.read(min(self._uart.any(), MOST))
            if not self._has_irq:
                await asyncio.sleep_ms(self._gap_us // 1000 + 1)
        echo, self._echo = self._echo, 0
        return heard[echo:]

    def say(self, frame):
        """Begin to speak, after a silence of t3.5; said() when it may take its time."""
        silent_us = ticks_diff(ticks_us(), self._silent_since_us)
        if self._has_irq and 0 <= silent_us < self._gap_us:
            sleep_us(self._gap_us - silent_us)
        self._direction(1)
        self._speaks = True
        self._uart.write(frame)
        self._leaves_us = ticks_add(ticks_us(), len(frame) * modbus_rtu.character_us(self._baud))
        if len(frame) <= TXIDLE_CHARACTERS:
            self._leave(LONGEST_SPIN_US)

    async def said(self):
        """When the line is the others' again."""
        while self._speaks and not self._uart.txdone():
            await asyncio.sleep_ms(max(1, ticks_diff(self._leaves_us, ticks_us()) // 1000))
        self._leave(0)

    def _leave(self, spin_us):
        """Leave the line once the last stop bit is out, within spin_us. It allocates nothing: interrupts do it."""
        begun_us = ticks_us()
        while self._speaks:
            if self._uart.txdone():
                if self._has_irq:
                    self._echo = self._uart.any()
                self._direction(0)
                self._speaks = False
            elif ticks_diff(ticks_us(), begun_us) > spin_us:
                return

    def _interrupted(self, uart):
        if uart.irq().flags() & uart.IRQ_RXIDLE:
            self._silent_since_us = ticks_add(ticks_us(), -RXIDLE_BITS * 1_000_000 // self._baud)
            self._silence.set()
        else:
            self._leave(LONGEST_SPIN_US)

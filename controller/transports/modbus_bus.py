"""One bus: whose turn it is, what is waited for, what is remembered of it; one task, one request at a time.

Never knows what is said: conversations do. The clock is the event loop's, so that a virtual one serves as well.
Specification: README.md here, "Buses"; a poll that is due goes before a backlog, which still has every fourth turn.
"""

import asyncio
import zlib
from collections.abc import Mapping
from typing import Protocol

import structlog

from controller.transports.modbus import Garbled, LinkLost, NoAnswer
from controller.transports.modbus_unit import SILENT_S, Conversation, Unit
from protocols.wire.modbus_pdu import EXCEPTION

FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 30.0
GATEWAY_EXCEPTIONS = (0x0A, 0x0B)  # "path unavailable", "target device failed to respond": the unit said nothing
TURN_OF_BACKLOG = 4

log = structlog.get_logger("modbus")


class Link(Protocol):
    """What a bus needs of a connection; modbus.py has the real one."""

    async def open(self) -> None:
        """Connect. Raises LinkLost."""

    def close(self) -> None:
        """Disconnect."""

    def line_s(self, pdu: bytes) -> float:
        """What the line itself takes for this request and its answer."""

    async def request(self, unit: int, pdu: bytes, timeout_s: float) -> bytes:
        """The answer's PDU. Raises NoAnswer, Garbled, LinkLost."""


class Bus:
    """`run` belongs to the process's task group."""

    def __init__(self, name: str, link: Link, timeout_s: float, conversations: Mapping[int, Conversation]) -> None:
        self.name = name
        self.units: tuple[Unit, ...] = ()
        self.connected = False
        self._link = link
        self._timeout_s = timeout_s
        self._conversations = conversations
        self._wake = asyncio.Event()
        self._woken: dict[Unit, None] = {}  # in order, so that every run does the same
        self._turn = 0
        self._is_doubtful = False  # the last request found no answer: a gateway may still be waiting for it

    async def run(self) -> None:
        """Connect, ask, and connect again, for ever."""
        loop = asyncio.get_running_loop()
        self.units = tuple(self._make_unit(*one, loop.time()) for one in self._conversations.items())
        pause_s = FIRST_PAUSE_S
        lost_s = loop.time()
        while True:
            try:
                await self._link.open()
                self.connected = True
                pause_s = FIRST_PAUSE_S
                await self._serve(loop)
            except LinkLost as why:
                if pause_s == FIRST_PAUSE_S:  # what goes on is not told again and again
                    log.warning("bus lost", bus=self.name, why=str(why))
            finally:
                if self.connected:
                    self.connected = False
                    lost_s = loop.time()
                self._link.close()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, MAX_PAUSE_S)
            if loop.time() - lost_s > SILENT_S:
                for unit in self.units:
                    unit.fall_silent()

    def _make_unit(self, address: int, conversation: Conversation, now_s: float) -> Unit:
        # Spread, so that what starts together is not all due at the same moment; but every run does the same.
        share = zlib.crc32(f"{self.name}/{address}".encode()) / (1 << 32)
        unit = Unit(address, conversation, now_s + share * min(conversation.period_s, 1.0), self._timeout_s)

        def wake() -> None:
            self._woken[unit] = None
            self._wake.set()

        conversation.wake = wake
        return unit

    async def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            while self._woken:
                self._woken.popitem()[0].resume()
            now_s = loop.time()
            unit = self._choose(now_s)
            if unit is None:
                await self._rest(loop)
                continue
            unit.resume()
            if unit.request is not None:
                await self._ask(unit, unit.request, loop)
            elif unit.due_s <= now_s:
                unit.due_s = now_s + unit.conversation.period_s

    async def _rest(self, loop: asyncio.AbstractEventLoop) -> None:
        """Until a poll is due, or somebody has something to say."""
        next_s = min((min(one.due_s, one.again_s) for one in self.units), default=loop.time() + MAX_PAUSE_S)
        timer = loop.call_at(next_s, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
        self._wake.clear()

    def _choose(self, now_s: float) -> Unit | None:
        """The unit whose turn it is. Due polls first, then who has more to say, then silent units."""
        due: list[Unit] = []
        pressing: list[Unit] = []
        silent: list[Unit] = []
        for unit in self.units:
            if unit.failures > 1:
                if unit.due_s <= now_s:
                    silent.append(unit)
            elif unit.due_s <= now_s:
                due.append(unit)
            elif unit.request is not None or unit.again_s <= now_s:
                pressing.append(unit)
        self._turn = (self._turn + 1) % TURN_OF_BACKLOG
        order = (due, pressing, silent) if self._turn else (pressing, silent, due)
        return min(next(filter(None, order), ()), key=_asked, default=None)

    async def _ask(self, unit: Unit, pdu: bytes, loop: asyncio.AbstractEventLoop) -> None:
        line_s = self._link.line_s(pdu)
        others_s = [other.usual_s for other in self.units if other.usual_s is not None] if unit.usual_s is None else []
        timeout_s = unit.timeout_s(max(others_s, default=None))
        if self._is_doubtful and unit.failures <= 1:
            timeout_s = self._timeout_s
        began_s = unit.asked_s = loop.time()
        unit.requests += 1
        self._is_doubtful = True
        try:
            answer = await self._link.request(unit.address, pdu, line_s + timeout_s)
        except NoAnswer as why:
            if isinstance(why, Garbled):
                unit.garbled += 1
            else:
                unit.timeouts += 1
            unit.unanswered(loop.time())
            return
        self._is_doubtful = False
        now_s = loop.time()
        if answer[0] & EXCEPTION:
            if answer[1] in GATEWAY_EXCEPTIONS:
                unit.timeouts += 1
                unit.unanswered(now_s)
                return
            unit.exceptions += 1
        unit.answered(answer, now_s, max(0.0, now_s - began_s - line_s))


def _asked(unit: Unit) -> float:
    return unit.asked_s

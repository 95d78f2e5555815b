"""A two-wire line in virtual time: nodes that are Modbus slaves, and the controller's end of it as a Link of its bus.
It must never know what a request means. A node whose link is down is off the line.
Specification: controller/transports/modbus_bus.py (Link); emulation/rs485.py; Modbus over serial line V1.02.
"""

import asyncio

from controller.transports.modbus import Garbled, NoAnswer
from emulation.peripherals.uplink import Uplink
from emulation.rs485 import Rs485Bus
from emulation.sim.faults import FaultyLink
from emulation.sim.trace import Trace
from emulation.virtual.lane import VirtualNode
from emulation.virtual.world import World
from protocols.wire import modbus_rtu
from protocols.wire.errors import MalformedFrame

BAUD = 115_200
WHOLE_US = 1_000_000  # a frame is handed over when its last character is there: each piece would wake every node
SILENCE_US = 278  # behind it, of 32 bit times: then a UART tells that the line has fallen silent (IRQ_RXIDLE)


class ModbusLine:
    def __init__(self, world: World, trace: Trace, spoiling: FaultyLink) -> None:
        self._world = world
        self._trace = trace
        self._spoiling = spoiling
        self._bus = Rs485Bus(world, BAUD, piece_us=WHOLE_US)
        self._say = self._bus.join("master", self._hear)
        self._answer: asyncio.Future[bytes] | None = None

    def join(self, node: VirtualNode, name: str, link: FaultyLink) -> None:
        """A node's uplink hangs on the line."""
        uplink = node.wiring.uplink
        assert isinstance(uplink, Uplink)

        def hear(data: bytes) -> None:
            if link.is_up(self._world.now_us()):
                self._world.call_at(self._world.now_us() + SILENCE_US, lambda: node.call(lambda: uplink.hear(data)))

        def said(data: bytes) -> None:
            if link.is_up(self._world.now_us()):
                self._trace.note(self._world.now_us(), name, len(data))
                say(self._spoiling.spoil(data))

        say = self._bus.join(name, hear)
        uplink.on_said = said

    def _hear(self, data: bytes) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(data)

    # Link

    async def open(self) -> None:
        """It is always there."""

    def close(self) -> None:
        """It stays."""

    def line_s(self, pdu: bytes) -> float:
        """The longest of frames, and back."""
        return (256 + len(pdu)) * modbus_rtu.character_us(BAUD) / 1e6

    async def request(self, unit: int, pdu: bytes, timeout_s: float) -> bytes:
        """The answer's PDU. Raises NoAnswer, Garbled."""
        answer = self._answer = asyncio.get_running_loop().create_future()
        self._trace.note(self._world.now_us(), "master", len(pdu))
        self._say(self._spoiling.spoil(modbus_rtu.build(unit, pdu)))
        try:
            async with asyncio.timeout(timeout_s):
                frame = await answer
        except TimeoutError:
            raise NoAnswer from None
        try:
            answered, found = modbus_rtu.check(frame)
        except MalformedFrame:
            raise Garbled from None
        if answered != unit:
            raise Garbled
        return found

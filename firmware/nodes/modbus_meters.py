"""Meters that speak Modbus RTU: reads the registers that a template names.

Never knows what a register means. Specification: protocols/wire/modbus_rtu.py; Modbus Application Protocol V1.1b3.
"""

import struct

from firmware.nodes.meter_settings import WORDS
from protocols.wire import modbus_rtu
from protocols.wire.errors import EncodeError, MalformedFrame
from protocols.wire.mbus.master import NoAnswer
from protocols.wire.mbus.telegram import MeterRefused

ANSWER_MS = 1_000
GAP_MS = 100
ATTEMPTS = 3
MAX_ANSWER = 16
NO_PARITY = None
_CODES = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "f32": ">f"}


class ModbusMeters:
    """`await meters.read(unit, function, registers, take, beat)`: take(register, raw) for each row of the template."""

    def __init__(self, line, baud):
        self._line = line
        self._baud = baud
        self._answer = memoryview(bytearray(MAX_ANSWER))

    async def read(self, unit, function, registers, take, beat):
        """Raises NoAnswer, MalformedFrame, MeterRefused; EncodeError for a unit that is none."""
        if type(unit) is not int:
            raise EncodeError(f"unit {unit!r}: a number")
        self._line.open(self._baud, 8, NO_PARITY)
        for register in registers:
            beat()
            pdu = struct.pack(">BHH", function, register.address, WORDS[register.type])
            answer = await self._ask(modbus_rtu.build(unit, pdu))
            if answer[0] & 0x80:
                raise MeterRefused(f"exception {answer[1]}")
            if len(answer) != 2 + 2 * WORDS[register.type]:
                raise MalformedFrame("malformed", f"{len(answer)} bytes for register {register.address}")
            take(register, struct.unpack(_CODES[register.type], answer[2:])[0])

    async def _ask(self, request):
        garbled = False
        for _ in range(ATTEMPTS):
            await self._line.send(request)
            have, within_ms = 0, ANSWER_MS
            while have < MAX_ANSWER:
                count = await self._line.receive(self._answer[have:], within_ms)
                if not count:
                    break
                have, within_ms = have + count, GAP_MS
                if modbus_rtu.response_length(bytes(self._answer[:have])) == have:
                    break
            if not have:
                continue
            try:
                found, pdu = modbus_rtu.check(bytes(self._answer[:have]))
                if found == request[0]:
                    return pdu
            except MalformedFrame:
                pass
            garbled = True
        raise NoAnswer(garbled)

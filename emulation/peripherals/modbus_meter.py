"""A meter that speaks Modbus RTU on a UART: a table of registers, read by functions 0x03 and 0x04.
It must never know a node, nor what a register means.
Specification: Modbus Application Protocol V1.1b3, sections 6.3 and 6.4; over serial line V1.02.
"""

import struct
from collections.abc import Callable, Mapping

from emulation.peripherals.ports import Clock
from protocols.wire import modbus_rtu
from protocols.wire.errors import MalformedFrame

SECOND_US = 1_000_000
THINKING_US = 20_000
CHARACTER_BITS = 11
REQUEST_SIZE = 8
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2


class ModbusMeter:
    """`registers()` gives the words by address. Faults: `silent`, `wrong_checksum`."""

    def __init__(self, clock: Clock, unit: int, registers: Callable[[], Mapping[int, int]], baud: int = 9600) -> None:
        self._clock = clock
        self._unit = unit
        self._registers = registers
        self._character_us = CHARACTER_BITS * SECOND_US / baud
        self._heard = bytearray()
        self._heard_us = 0
        self.silent = self.wrong_checksum = False
        self.on_output: Callable[[bytes], None] = lambda _data: None

    def feed(self, data: bytes) -> None:
        now_us = self._clock.now_us()
        if now_us - self._heard_us > SECOND_US // 20:
            self._heard.clear()
        self._heard_us = now_us
        self._heard += data
        if len(self._heard) < REQUEST_SIZE:
            return
        request, self._heard = bytes(self._heard), bytearray()
        try:
            unit, pdu = modbus_rtu.check(request)
        except MalformedFrame:
            return
        if unit == self._unit and not self.silent:
            self._say(modbus_rtu.build(unit, self._answer(pdu)))

    def _answer(self, pdu: bytes) -> bytes:
        if pdu[0] not in (0x03, 0x04):
            return bytes((pdu[0] | 0x80, ILLEGAL_FUNCTION))
        first, count = struct.unpack(">HH", pdu[1:5])
        registers = self._registers()
        if any(address not in registers for address in range(first, first + count)):
            return bytes((pdu[0] | 0x80, ILLEGAL_ADDRESS))
        words = [registers[address] for address in range(first, first + count)]
        return bytes((pdu[0], 2 * count)) + struct.pack(f">{count}H", *words)

    def _say(self, answer: bytes) -> None:
        if self.wrong_checksum:
            answer = answer[:-1] + bytes((answer[-1] ^ 0x55,))
        took_us = THINKING_US + int(len(answer) * self._character_us)
        self._clock.call_at(self._clock.now_us() + took_us, lambda: self.on_output(answer))

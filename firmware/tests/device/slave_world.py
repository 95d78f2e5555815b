"""A node as a Modbus slave and a small master above it: what the cases of Modbus are played with.

It must never need a line: frames are handed over as bytes, time is a number.
Spec: protocols/README.md, "Modbus"; protocols/wire/modbus_slave.py, mailbox_node.py.
"""

import struct

from firmware.tests.device.session_world import KEY, NODE, NOW_S, Node
from protocols.wire import mailbox, modbus_rtu, registers, state, topics
from protocols.wire.mailbox_node import NodeMailbox
from protocols.wire.modbus_slave import ModbusSlave, identity

UNIT = 7
KIND = "stop_display"
FIRMWARE = (1, 2, 3)
OWN = (1, 2, 3, 0xDEADBEEF, 128, 64, 8)
TRIES = 60
MAX_WRITE_WORDS = 122  # of one 0x15: 7 + 244 of 251 bytes


class Silence(Exception):
    """No answer came."""


class Refusal(Exception):
    """The answer was an exception; its code is the argument."""


class Slave:
    """A node of session_world behind a slave, as firmware/comms/modbus_link.py puts them together."""

    def __init__(self):
        self.node = Node()
        self.mailbox = NodeMailbox(self.node.session)
        self.own = OWN
        self.slave = ModbusSlave(self.mailbox, KIND, identity(KIND, FIRMWARE, topics.node_name(NODE)), self.live)
        self.receiver = modbus_rtu.Receiver(UNIT)
        self.taken = []
        for name, what in (("will", state.OFFLINE), ("online", state.ONLINE)):
            told = state.build(KEY, NODE, self.node.journal.boot_id, state.State(what, 2, FIRMWARE))
            setattr(self.mailbox, name, told)
        self.mailbox.open(self.node.journal.boot_id)

    def live(self):
        return (2, self.node.journal.boot_id, self.node.now_ms // 1000, None, 0, 4096, 1, 2, 0, 0, 0), self.own

    def ask(self, request):
        """PDU to PDU, as the link does it."""
        answer = self.slave.answer(request, self.node.now_ms)
        envelope = self.slave.take_complete()
        if envelope:
            self.taken.append(envelope)
            self.node.hears(envelope, NOW_S)
        self.mailbox.prepare(self.node.now_ms)
        return answer

    def hear(self, burst):
        """Bytes of the line to the bytes of the answer, b"" for silence."""
        request = self.receiver.feed(burst)
        return modbus_rtu.build(UNIT, self.ask(request)) if request else b""


def read_registers(address, count, function=0x03):
    return struct.pack(">BHH", function, address, count)


def read_file(number, word, count):
    return b"\x14" + sub_requests((number, word, count))


def sub_requests(*asked):
    data = b"".join([struct.pack(">B3H", 6, *one) for one in asked])
    return bytes((len(data),)) + data


def write_down(chunk):
    return struct.pack(">BHHB", 0x10, mailbox.DOWN_ADDRESS, len(chunk) // 2, len(chunk)) + chunk


def a_file(envelope):
    """An envelope as a file: its length, itself, a zero if that makes whole words."""
    return struct.pack(">H", len(envelope)) + envelope + bytes(len(envelope) % 2)


def write_file(number, word, data):
    return b"\x15" + bytes((7 + len(data),)) + struct.pack(">B3H", 6, number, word, len(data) // 2) + data


class Master:
    """Takes envelopes from a node and brings others, whatever happens to frames. `exchange(frame)` gives the answer."""

    def __init__(self, exchange):
        self._exchange = exchange
        self._number = None
        self._down = None

    def ask(self, request):
        """One request, repeated while it has no good answer. Raises Refusal, Silence."""
        for _ in range(TRIES):
            frame = self._exchange(modbus_rtu.build(UNIT, request))
            if len(frame) >= modbus_rtu.MIN_FRAME and not modbus_rtu.crc16(frame) and frame[0] == UNIT:
                if frame[1] == request[0] | 0x80:
                    raise Refusal(frame[2])
                if frame[1] == request[0]:
                    return frame[2:-2]
        raise Silence

    def status(self):
        return mailbox.unpack_status(self.ask(read_registers(mailbox.STATUS_ADDRESS, mailbox.STATUS_WORDS))[1:])

    def live(self, rows, address):
        size = len(registers.pack(rows, (None,) * len(rows)))
        return registers.unpack(rows, self.ask(read_registers(address, size // 2))[1:])

    def file(self, number):
        """The envelope in a file, b"" when it is empty. Raises Refusal."""
        data = self.ask(read_file(number, 0, mailbox.MAX_READ_WORDS))[3:]
        length = data[0] << 8 | data[1]
        words = mailbox.file_words(length)
        while len(data) < 2 * words:
            at = len(data) // 2
            data += self.ask(read_file(number, at, min(words - at, mailbox.MAX_READ_WORDS)))[3:]
        return data[mailbox.LENGTH_SIZE : mailbox.LENGTH_SIZE + length]

    def take(self):
        """The next envelope that waits, None when none does; asking for the one after it is what lets it go."""
        try:
            if self._number is None:
                self._number = self.status().up_number
            envelope = self.file(self._number)
        except Refusal:  # it has other numbers by now
            self._number = None
            return None
        if envelope:
            self._number = mailbox.next_number(self._number)
        return envelope or None

    def bring(self, envelope, chunk=mailbox.MAX_DOWN_DATA):
        """Deliver an envelope; after a refusal it begins again with a new number."""
        for _ in range(TRIES):
            if self._down is None:
                self._down = self.status().down_number
            self._down = mailbox.next_number(self._down)
            try:
                for offset in range(0, len(envelope), chunk):
                    part = mailbox.pack_down(envelope, self._down, offset)
                    self.ask(write_down(part[: mailbox.DOWN_HEADER_SIZE + chunk]))
                return
            except Refusal:
                self._down = None
        raise Silence

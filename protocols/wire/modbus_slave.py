"""A node as a Modbus slave: a request's PDU in, the answer's PDU out.

Never performs I/O and never raises on what a master sent: that is an exception in the answer, and counted.
Specification: Modbus Application Protocol V1.1b3; protocols/README.md, "Modbus". Time is monotonic milliseconds.

Live values are read-only to everybody: whatever changes a node comes as an envelope through the mailbox, by its MAC.
"""

import struct

from protocols.wire import mailbox, modbus_pdu, registers
from protocols.wire.errors import MalformedFrame
from protocols.wire.mailbox_node import NodeMailbox
from protocols.wire.modbus_pdu import ILLEGAL_DATA_ADDRESS, ILLEGAL_DATA_VALUE, ILLEGAL_FUNCTION, Refused

SNAPSHOT_MS = 1_000  # so old the live values may be
VENDOR = b"Vuzol"
CONFORMITY = 0x82  # regular identification, by stream and one by one
_SUB_REQUEST = ">B3H"
_SUB_SIZE = 7


class ModbusSlave:
    """`live()` gives two tuples: the values of registers.COMMON from node_kind to refused_envelopes, and the kind's.

    `identity` are the objects of 0x2B/0x0E, {id: bytes}; identity() makes them.
    """

    def __init__(self, node_mailbox: NodeMailbox, kind: str, identity: dict[int, bytes], live) -> None:
        self._mailbox = node_mailbox
        self._rows = registers.rows_of(kind)
        self._identity = identity
        self._live = live
        self._snapshot = b""
        self._snapshot_number = 0
        self._snapshot_ms = 0
        self._now_ms = 0
        self._complete: bytes | None = None
        self._functions = {
            modbus_pdu.READ_HOLDING_REGISTERS: self._read,
            modbus_pdu.READ_INPUT_REGISTERS: self._read,
            modbus_pdu.WRITE_SINGLE_REGISTER: self._write_single,
            modbus_pdu.WRITE_MULTIPLE_REGISTERS: self._write,
            modbus_pdu.READ_FILE_RECORD: self._read_files,
            modbus_pdu.WRITE_FILE_RECORD: self._write_files,
            modbus_pdu.READ_WRITE_REGISTERS: self._read_write,
            modbus_pdu.ENCAPSULATED_INTERFACE: self._identify,
        }
        self.failure: Exception | None = None  # the last one of our own
        self.messages = 0
        self.crc_errors = 0  # counted by who hears them
        self.exceptions = 0
        self.refused_writes = 0

    def answer(self, request: bytes, now_ms: int) -> bytes:
        """The PDU of the answer to a PDU of one byte at least."""
        self.messages += 1
        self._now_ms = now_ms
        function = request[0]
        try:
            if function not in self._functions:
                raise Refused(ILLEGAL_FUNCTION)
            return request[:1] + self._functions[function](request)
        except Refused as refused:
            code = refused.code
        except Exception as failure:  # a kind's live() or the journal: the master hears of it, the bus goes on
            self.failure = failure
            code = modbus_pdu.SERVER_DEVICE_FAILURE
        self.exceptions += 1
        return bytes((function | modbus_pdu.EXCEPTION, code))

    def take_complete(self) -> bytes | None:
        """The envelope that the last request completed."""
        complete, self._complete = self._complete, None
        return complete

    # Registers.

    def _read(self, request: bytes) -> bytes:
        _sized(request, 5)
        data = self._registers(*struct.unpack(">HH", request[1:]))
        return bytes((len(data),)) + data

    def _write_single(self, request: bytes) -> bytes:
        _sized(request, 5)
        raise self._refused_write(ILLEGAL_DATA_ADDRESS)

    def _write(self, request: bytes) -> bytes:
        self._write_mailbox(request, 1, modbus_pdu.MAX_WRITE_REGISTERS)
        return request[1:5]

    def _read_write(self, request: bytes) -> bytes:
        _sized(request[:5], 5)
        asked = struct.unpack(">HH", request[1:5])
        self._registers(*asked)  # what cannot be answered writes nothing
        self._write_mailbox(request, 5, modbus_pdu.MAX_READ_WRITE_REGISTERS)
        data = self._registers(*asked)
        return bytes((len(data),)) + data

    def _registers(self, address: int, count: int) -> bytes:
        if not 0 < count <= modbus_pdu.MAX_READ_REGISTERS:
            raise Refused(ILLEGAL_DATA_VALUE)
        if address < mailbox.STATUS_ADDRESS:
            block = self._live_block()
        else:
            block = self._mailbox.status(self._now_ms)
            address -= mailbox.STATUS_ADDRESS
        data: bytes = block[2 * address : 2 * (address + count)]
        if len(data) != 2 * count:
            raise Refused(ILLEGAL_DATA_ADDRESS)
        return data

    def _live_block(self) -> bytes:
        """Every live register of one moment."""
        if not self._snapshot or self._now_ms - self._snapshot_ms >= SNAPSHOT_MS:
            common, own = self._live()
            self._snapshot_number = self._snapshot_number + 1 & 0xFFFF
            counters = (self.messages, self.crc_errors, self.exceptions, self.refused_writes)
            values = (self._snapshot_number, registers.VERSION) + common + tuple([one & 0xFFFF for one in counters])
            block = registers.pack(registers.COMMON, values)
            block += bytes(2 * registers.KIND_ADDRESS - len(block))
            self._snapshot = block + registers.pack(self._rows, own)
            self._snapshot_ms = self._now_ms
        return self._snapshot

    def _write_mailbox(self, request: bytes, at: int, most: int) -> None:
        """The address, count and values of a write that begin at `at`."""
        if len(request) < at + 5:
            raise Refused(ILLEGAL_DATA_VALUE)
        address, count, size = struct.unpack(">HHB", request[at : at + 5])
        data = request[at + 5 :]
        if not 0 < count <= most or size != 2 * count or len(data) != size:
            raise self._refused_write(ILLEGAL_DATA_VALUE)
        if address != mailbox.DOWN_ADDRESS:
            raise self._refused_write(ILLEGAL_DATA_ADDRESS)
        try:
            self._complete = self._mailbox.write(mailbox.unpack_down(data), self._now_ms)
        except (MalformedFrame, Refused):
            raise self._refused_write(ILLEGAL_DATA_VALUE)

    def _refused_write(self, code: int) -> Refused:
        self.refused_writes += 1
        return Refused(code)

    # Files.

    def _read_files(self, request: bytes) -> bytes:
        size = request[1] if len(request) > 1 else 0
        if not size or size % _SUB_SIZE or len(request) != 2 + size:
            raise Refused(ILLEGAL_DATA_VALUE)
        data = b""
        for at in range(2, len(request), _SUB_SIZE):
            reference, number, word, count = struct.unpack(_SUB_REQUEST, request[at : at + _SUB_SIZE])
            if reference != mailbox.REFERENCE_TYPE:
                raise Refused(ILLEGAL_DATA_ADDRESS)
            if not count or len(data) + 2 + 2 * count > modbus_pdu.MAX_FILE_RESPONSE:
                raise Refused(ILLEGAL_DATA_VALUE)
            part = self._mailbox.read(number, word, count, self._now_ms)
            data += bytes((1 + len(part), reference)) + part
        return bytes((len(data),)) + data

    def _write_files(self, request: bytes) -> bytes:
        size = request[1] if len(request) > 1 else 0
        if not size or size > modbus_pdu.MAX_FILE_REQUEST or len(request) != 2 + size:
            raise Refused(ILLEGAL_DATA_VALUE)
        at = 2
        while at < len(request):
            if at + _SUB_SIZE > len(request):
                raise Refused(ILLEGAL_DATA_VALUE)
            reference, number, word, count = struct.unpack(_SUB_REQUEST, request[at : at + _SUB_SIZE])
            at += _SUB_SIZE
            data = request[at : at + 2 * count]
            at += 2 * count
            if reference != mailbox.REFERENCE_TYPE:
                raise self._refused_write(ILLEGAL_DATA_ADDRESS)
            if not count or len(data) != 2 * count:
                raise self._refused_write(ILLEGAL_DATA_VALUE)
            try:
                self._complete = self._mailbox.write_file(number, word, data, self._now_ms) or self._complete
            except Refused as refused:
                raise self._refused_write(refused.code)
        return request[1:]

    # Identification.

    def _identify(self, request: bytes) -> bytes:
        if len(request) < 2 or request[1] != modbus_pdu.READ_DEVICE_IDENTIFICATION:
            raise Refused(ILLEGAL_FUNCTION)
        _sized(request, 4)
        code, first = request[2], request[3]
        if not 1 <= code <= 4:
            raise Refused(ILLEGAL_DATA_VALUE)
        known = self._identity
        if code == 4:
            if first not in known:
                raise Refused(ILLEGAL_DATA_ADDRESS)
            wanted = [first]
        else:
            last = 2 if code == 1 else 0x7F
            wanted = [one for one in sorted(known) if one <= last]
            wanted = [one for one in wanted if one >= first] if first in wanted else wanted
        answer = request[1:3] + bytes((CONFORMITY, 0, 0, len(wanted)))
        for one in wanted:
            answer += bytes((one, len(known[one]))) + known[one]
        return answer


def identity(kind: str, firmware: tuple[int, int, int], node_name: str) -> dict[int, bytes]:
    """Section 6.21's objects: vendor, product code, revision; product name and, as user application name, the node."""
    revision = ".".join([str(one) for one in firmware])
    return {
        0: VENDOR,
        1: kind.encode(),
        2: revision.encode(),
        4: (VENDOR.decode() + " " + kind).encode(),
        6: node_name.encode(),
    }


def _sized(request: bytes, size: int) -> None:
    if len(request) != size:
        raise Refused(ILLEGAL_DATA_VALUE)

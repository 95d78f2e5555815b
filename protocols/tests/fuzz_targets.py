"""What hostile bytes are thrown at: every parser of protocols.wire, as a function from bytes to what came out.

Runs on CPython and on MicroPython, and must give the same on both. Nothing but a refusal may be raised.
Specification: protocol.md, guarantee G9; tests/test_fuzz.py and tools/fuzz.py throw.
"""

from binascii import hexlify

from protocols.wire import (
    batch,
    command,
    document,
    envelope,
    iec62056,
    journal_format,
    mailbox,
    modbus_rtu,
    modbus_tcp,
    picture,
    receipt,
    record,
    registers,
    state,
    topics,
)
from protocols.wire.command_window import CommandWindow
from protocols.wire.errors import EncodeError, MalformedFrame
from protocols.wire.mailbox_node import NodeMailbox
from protocols.wire.mbus import frame as mbus_frame
from protocols.wire.mbus import telegram
from protocols.wire.messages.index import KINDS
from protocols.wire.modbus_slave import ModbusSlave, identity
from protocols.wire.session import Session

try:
    from collections.abc import Callable, Iterator
    from types import ModuleType
except ImportError:  # MicroPython does not look at annotations
    pass

KEY = bytes(range(32))
NODE = b"\0\0\0\0\0\0\0\xa1"
MAX_PDU = 253
UP_TO = 40


def message_module(name: str) -> ModuleType:
    module: ModuleType = getattr(__import__("protocols.wire.messages." + name).wire.messages, name)
    return module


MESSAGES = [message_module(name) for _, name in KINDS]


class Journal:
    """What a session needs of a journal: 40 records, none of them receipted."""

    boot_id = 7
    last_seq = UP_TO

    def __init__(self) -> None:
        self.receipted = 0
        self.commands = CommandWindow()

    def read(self, first: int, last: int, count: int, size: int) -> tuple[list[tuple[int, bytes]], int]:
        last = min(last, first + count - 1)
        return [(seq, record.build(77, 1, 1, seq, seq * 1000, b"")) for seq in range(first, last + 1)], last

    def trim(self, up_to: int) -> None:
        assert up_to <= self.last_seq
        self.receipted = max(self.receipted, up_to)

    def take_command(self, command_id: int) -> bool:
        self.commands.take(command_id)
        return True

    def gap_declared(self, first: int, last: int) -> int:
        return 0

    def declare(self, first: int, last: int) -> None:
        raise AssertionError("every record can be read")

    def note(self, message: ModuleType, body: object) -> int:
        message.build(body)
        return 1


def make_session() -> Session:
    session = Session(KEY, NODE, Journal(), (144,), lambda: 0)
    session.link_up(0)
    session.next_batch(0)
    return session


def pieces(data: bytes) -> Iterator[bytes]:
    """Several inputs in one: a byte of length before each."""
    while data:
        yield data[1 : 1 + data[0]]
        data = data[1 + data[0] :]


def envelope_as_it_came(data: bytes) -> object:
    return envelope.unseal(KEY, data)


def session_from_outside(data: bytes) -> object:
    """Nothing without the key does anything."""
    session = make_session()
    assert session.received(data, 1000, 1_792_310_400) == []
    return session.refused_total


def session_with_the_key(data: bytes) -> object:
    """A controller that has gone mad: right MACs around anything. What comes out must still be bounded."""
    session = make_session()
    told = []
    for piece in pieces(data):
        sealed = envelope.seal(KEY, piece[0] if piece else 0, NODE, 7, piece[1:])
        told.append(len(session.received(sealed, 1000, 1_792_310_400)))
        while (sent := session.next_batch(60_000)) is not None:
            assert len(sent) <= envelope.MAX_SIZE
    return told, session.refused_total


def message_bodies(data: bytes) -> object:
    """The first byte chooses the message, its lowest bit whether a newer one is read."""
    if not data:
        return None
    module = MESSAGES[(data[0] >> 1) % len(MESSAGES)]
    found = module.parse(data[1:], bool(data[0] & 1))
    try:
        again = module.build(found)
    except EncodeError:  # a value that only a newer peer knows
        return found
    assert data[1:].startswith(again)
    return found


def topic(data: bytes) -> object:
    return topics.parse_topic("".join([chr(byte) for byte in data]))


def journal(data: bytes) -> object:
    """A sector of anything, and a journal whose second sector is anything."""
    sector = (data + b"\xff" * journal_format.SECTOR_SIZE)[: journal_format.SECTOR_SIZE]
    image = journal_format.read_image(sector)
    seqs = [record.parse(one)[0].seq for one in image.records if one[0] and one[0] <= record.MAX_KIND]
    return seqs, image.receipted, image.boot_id, image.bad_entries


def serial_line(data: bytes) -> object:
    """What a node on a bus hears, in bursts."""
    receiver = modbus_rtu.Receiver(17)
    heard = [receiver.feed(piece) for piece in pieces(data) if piece]
    receiver.give_up()
    return heard, receiver.crc_errors


def modbus_frame(data: bytes) -> object:
    return modbus_rtu.check(data), modbus_rtu.request_length(data), modbus_rtu.response_length(data)


def modbus_tcp_header(data: bytes) -> object:
    """Who reads it reads just so many bytes."""
    return modbus_tcp.parse_header((data + bytes(modbus_tcp.HEADER_SIZE))[: modbus_tcp.HEADER_SIZE])


def modbus_slave(data: bytes) -> object:
    """A master that asks for anything: an answer of a legal size, and no failure of our own behind it."""
    session = make_session()
    slave = ModbusSlave(NodeMailbox(session), "fare_validator", identity("fare_validator", (0, 1, 0), "a1"), live)
    slave._mailbox.open(7)
    said = []
    for piece in pieces(data):
        if not piece:
            continue
        answer = slave.answer(piece, 1000)
        assert 1 < len(answer) <= MAX_PDU
        said.append(answer)
        complete = slave.take_complete()
        if complete is not None:
            assert len(complete) <= envelope.MAX_SIZE
            session.received(complete, 1000, 1_792_310_400)
    assert slave.failure is None, slave.failure
    return said


def live() -> tuple[tuple[None, ...], tuple[None, ...]]:
    """Values that nobody knows."""
    names = [row[0] for row in registers.COMMON]
    count = names.index("refused_envelopes") + 1 - names.index("node_kind")
    return (None,) * count, (None,) * len(registers.rows_of("fare_validator"))


def mbus(data: bytes) -> object:
    frame = mbus_frame.parse(data)
    if frame is None:
        return None
    try:
        found = telegram.parse(frame)
    except telegram.MeterRefused as refused:
        return str(refused)
    return [found.header, [one[:10] for one in found.records]]


def optical_readout(data: bytes) -> object:
    readout = iec62056.Readout()
    found = []
    for piece in pieces(data):
        found += readout.feed(piece)
    readout.end()
    return found


def flat(value: object) -> str:
    """The same text for the same value on every interpreter."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return hexlify(bytes(value)).decode()
    if isinstance(value, (list, tuple)):
        return "(" + " ".join([flat(one) for one in value]) + ")"
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def outcome(target: Callable[[bytes], object], data: bytes) -> str:
    """What the target makes of the bytes, in words. Raises whatever is no refusal."""
    try:
        return flat(target(data))
    except MalformedFrame as refusal:
        return "refused: " + refusal.reason


def joined(*parts: bytes) -> bytes:
    return b"".join([bytes((len(part),)) + part for part in parts])


RECORDS = [record.build(77, 1, 3, seq, 1_792_310_400_123, bytes(seq)) for seq in (1, 2, 40)]
SECTOR = journal_format.build_header(journal_format.SectorHeader(0, 1, 3, 0)) + b"".join(
    [journal_format.build_entry(one) for one in RECORDS] + [journal_format.build_mark(2)]
)
RECEIPT = receipt.build(KEY, NODE, 7, 40, 1_792_310_400_123, [(3, 5), (9, 9)])
FORGED = receipt.build(bytes(32), NODE, 7, 40, 1_792_310_400_123, [])
COMMAND = command.build(KEY, NODE, command.Command(5, 1_792_310_400, 60, 144, 1, bytes(12)))
STATE = state.build(KEY, NODE, 7, state.State(state.ONLINE, 1, (0, 1, 0)))
PICTURE = picture.build(KEY, NODE, 7, picture.Picture(10, 2, bytes(4)))
OFFER = document.build_offer(KEY, NODE, document.Offer(document.FONT, 3, 4000, bytes(32), b""))
CHUNK = document.build_chunk(KEY, NODE, 7, document.Chunk(document.FONT, 3, 1024, bytes(100)))
METER = bytes.fromhex("0413155b00000c78785634120f")
METER_ANSWER = mbus_frame.build_long(8, 1, 0x72, bytes.fromhex("785634129315330755000000") + METER)


def payload(sealed: bytes) -> bytes:
    return sealed[envelope.HEADER_SIZE : -16]


# name, target, whole inputs to begin with
TARGETS = (
    ("envelope", envelope_as_it_came, (RECEIPT, COMMAND)),
    ("session from outside", session_from_outside, (FORGED, b"")),
    (
        "session with the key",
        session_with_the_key,
        (joined(b"\x02" + payload(RECEIPT), b"\x03" + payload(COMMAND), b"\x02" + payload(RECEIPT)),),
    ),
    ("batch", batch.parse, (payload(batch.build(KEY, NODE, 7, RECORDS)),)),
    ("record", record.parse, tuple(RECORDS)),
    ("receipt", receipt.parse, (payload(RECEIPT),)),
    ("command", command.parse, (payload(COMMAND),)),
    ("state", state.parse, (payload(STATE),)),
    ("picture", picture.parse, (payload(PICTURE),)),
    ("document offer", document.parse_offer, (payload(OFFER), payload(OFFER) + bytes(64))),
    ("document request", document.parse_request, (document.build_request(document.Request(4, 3, 1024, 1024)),)),
    ("document chunk", document.parse_chunk, (payload(CHUNK),)),
    ("message bodies", message_bodies, tuple([bytes((number,)) + bytes(45) for number in range(2 * len(MESSAGES))])),
    ("topic", topic, (b"vuzol/1/demo/00000000000000a1/up",)),
    ("journal", journal, (SECTOR,)),
    ("serial line", serial_line, (joined(modbus_rtu.build(17, b"\x03\0\0\0\x10"), b"\x11\x10\xf1\0\0"),)),
    ("modbus frame", modbus_frame, (modbus_rtu.build(17, b"\x14\x07\x06\0\x01\0\0\0\x79"),)),
    ("modbus tcp header", modbus_tcp_header, (modbus_tcp.build(1, 17, b"\x03\0\0\0\x10"),)),
    (
        "modbus slave",
        modbus_slave,
        (
            joined(b"\x03\xf0\0\0\x08", b"\x14\x07\x06\0\x01\0\0\0\x79", b"\x2b\x0e\x01\0"),
            joined(b"\x10\xf1\0\0\x05\x0a\0\x01\0\x04\0\0abcd", b"\x15\x0b\x06\0\x02\0\0\0\x02\0\x02ab"),
            joined(b"\x17\xf0\0\0\x08\xf1\0\0\x03\x06\0\x01\0\x04\0\0", b"\x06\0\0\0\x01", b"\x04\0\0\0\x20"),
        ),
    ),
    ("mailbox status", mailbox.unpack_status, (mailbox.pack_status(mailbox.Status(1, 2, 34, 0, 0, 0, 7)),)),
    ("mailbox chunk", mailbox.unpack_down, (mailbox.pack_down(STATE, 5, 0),)),
    ("mbus", mbus, (METER_ANSWER,)),
    ("optical readout", optical_readout, (joined(b"\x02" + b"1.8.0(0001.5*kWh)\r\n!\r\n\x03\x60"),)),
)

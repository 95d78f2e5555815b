"""The master's side of a node's mailbox: envelopes fetched by 0x14, delivered by 0x10; requests out, answers in.

Never opens an envelope (its clear header names node and boot) and knows no line: whoever drives `talk` carries PDUs.
Specification: protocols/README.md, "Modbus"; protocols/wire/mailbox.py is the node's half of the same tables.
"""

import struct
from collections import deque
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import TypeVar

from controller.transports.modbus_unit import Talk
from protocols.wire import envelope, mailbox
from protocols.wire.errors import MalformedFrame
from protocols.wire.modbus_pdu import EXCEPTION, READ_FILE_RECORD, READ_HOLDING_REGISTERS, WRITE_MULTIPLE_REGISTERS

# A backlog comes with pauses of up to 0.3 s (session.py, BACKLOG_SPACING_MS): polls alone would drain it slowly.
BACKLOG_SIZE = 512  # an envelope above it holds history, not what happens now
AGAIN_S = 0.03
LOOKS = 12
REQUEST_S = 0.1  # a node needs so long for a piece of a document, then asks for the next; the line is the others'
REQUEST_WORDS = mailbox.file_words(len(envelope.seal(b"", envelope.DOCUMENT_REQUEST, bytes(8), 0, bytes(11))))
MAX_WAITING = 32  # envelopes on their way down; more than that a node does not get in a minute
ATTEMPTS = 3  # to deliver one envelope

T = TypeVar("T")
Asking = Generator[bytes | None, bytes, T]


class _Refused(Exception):
    """The node answered with an exception, or with what makes no sense: where it stands has to be asked again."""


class _StartedAnew(Exception):
    """The node has another boot id, or was silent: whatever was begun is over."""


class Mailbox:
    """One node behind a bus; a conversation of modbus_unit.py.

    `introduced(node, will, online)` comes first and after every restart of the node, `arrived(envelope)` for each
    envelope; the next one is not fetched before `taken()`. `lost()`: the node has fallen silent.
    """

    def __init__(
        self,
        period_s: float,
        introduced: Callable[[bytes, bytes, bytes], None],
        arrived: Callable[[bytes], None],
        lost: Callable[[], None],
    ) -> None:
        self.period_s = period_s
        self.wake: Callable[[], None] = lambda: None
        self.is_open = False  # somebody takes what arrives
        self._introduced = introduced
        self._arrived = arrived
        self._lost = lost
        self._down: deque[bytes] = deque(maxlen=MAX_WAITING)
        self._down_number = 0
        self._boot_id: int | None = None
        self._next_number = 0
        self._is_untaken = False
        self._is_hungry = False  # the last look found an envelope, so there may be more
        self._looks = 0  # how often to look again soon
        self._is_asked_soon = False  # for the next piece: the last one went down
        self._owes_piece = False
        self._was_silent = False

    @property
    def again_s(self) -> float:
        """How soon to go on although no poll is due; 0: not before the next poll."""
        if not self._looks:
            return 0.0
        return REQUEST_S if self._is_asked_soon else AGAIN_S

    def open(self, is_open: bool) -> None:
        """Envelopes are taken from now on, or are not."""
        self.is_open = is_open
        self.wake()

    def send(self, data: bytes) -> bool:
        """Put an envelope on its way down; a newer receipt takes the place of an older one. False: dropped."""
        if self._boot_id is None or len(data) > envelope.MAX_SIZE or len(data) < envelope.HEADER_SIZE:
            return False
        if data[3] == envelope.RECEIPT:
            for waiting in self._down:
                if waiting[3] == envelope.RECEIPT:
                    self._down.remove(waiting)
                    break
        self._down.append(data)
        self.wake()
        return True

    def taken(self) -> None:
        """The envelope that arrived is in safe hands."""
        self._is_untaken = False
        if not self._owes_piece:  # else that is what comes next
            self.wake()

    def silent(self) -> None:
        """The unit answers no more: what comes next is a new conversation."""
        self._was_silent = True
        self._boot_id = None
        self._down.clear()
        self._lost()

    def talk(self) -> Talk:
        """The conversation, for ever."""
        while True:
            try:
                self._was_silent = False
                yield from self._get_acquainted()
                while True:
                    yield from self._exchange()
            except _StartedAnew:
                pass
            except (_Refused, MalformedFrame):
                self._boot_id = None
                yield None

    def _get_acquainted(self) -> Asking[None]:
        status = yield from self._status()
        will = yield from self._file(mailbox.WILL_FILE, mailbox.MAX_READ_WORDS)
        online = yield from self._file(mailbox.ONLINE_FILE, mailbox.MAX_READ_WORDS)
        _, node, _ = envelope.peek(will)
        self._boot_id = status.boot_id
        self._next_number = status.up_number
        self._down_number = status.down_number
        self._is_untaken = False
        self._introduced(node, will, online)

    def _exchange(self) -> Asking[None]:
        """One envelope down, or one up, or a look whether the node is there; what happens now goes first."""
        if self._down:
            sent = self._down.popleft()
            yield from self._deliver(sent)
            if sent[3] == envelope.DOCUMENT_CHUNK:
                self._is_asked_soon, self._looks, self._owes_piece = True, LOOKS, False
        elif not self.is_open or self._is_untaken:
            self._looks = 0
            yield from self._look()
            yield None
        else:
            try:
                found = yield from self._file(self._next_number, self._first_words())
            except _Refused:
                self._next_number = (yield from self._look()).up_number
                found = b""
            self._owes_piece = found[3:4] == bytes((envelope.DOCUMENT_REQUEST,))
            self._is_hungry = len(found) > BACKLOG_SIZE
            self._looks = LOOKS if len(found) > BACKLOG_SIZE else max(0, self._looks - 1)
            if self._owes_piece:
                self._is_asked_soon, self._looks = False, 0
            if not found:
                yield None
                return
            with suppress(MalformedFrame):  # what is no envelope is for the controller to count
                if envelope.peek(found)[2] != self._boot_id:
                    raise _StartedAnew
            self._next_number = mailbox.next_number(self._next_number)
            self._is_untaken = True
            self._arrived(found)
            if self._is_untaken or self._owes_piece:
                yield None

    def _first_words(self) -> int:
        """How much of what may wait is read at once."""
        if self._is_hungry:
            return mailbox.MAX_READ_WORDS
        return REQUEST_WORDS if self._looks and self._is_asked_soon else 1

    def _look(self) -> Asking[mailbox.Status]:
        status = yield from self._status()
        if status.boot_id != self._boot_id:
            raise _StartedAnew
        return status

    def _status(self) -> Asking[mailbox.Status]:
        asked = struct.pack(">BHH", READ_HOLDING_REGISTERS, mailbox.STATUS_ADDRESS, mailbox.STATUS_WORDS)
        return mailbox.unpack_status((yield from self._ask(asked))[2:])

    def _file(self, number: int, first_words: int) -> Asking[bytes]:
        """An envelope from its file, beginning with `first_words` words; empty when nothing waits."""
        data = yield from self._words(number, 0, first_words)
        length = int.from_bytes(data[: mailbox.LENGTH_SIZE], "big")
        if length > envelope.MAX_SIZE:
            raise _Refused
        size = 2 * mailbox.file_words(length)
        while len(data) < size:
            wanted = min((size - len(data)) // 2, mailbox.MAX_READ_WORDS)
            data += yield from self._words(number, len(data) // 2, wanted)
        return data[mailbox.LENGTH_SIZE : mailbox.LENGTH_SIZE + length]

    def _words(self, number: int, at: int, count: int) -> Asking[bytes]:
        asked = struct.pack(">BBBHHH", READ_FILE_RECORD, 7, mailbox.REFERENCE_TYPE, number, at, count)
        return (yield from self._ask(asked))[4:]

    def _deliver(self, data: bytes) -> Asking[None]:
        for _ in range(ATTEMPTS):
            self._down_number = mailbox.next_number(self._down_number)
            try:
                for offset in range(0, len(data), mailbox.MAX_DOWN_DATA):
                    chunk = mailbox.pack_down(data, self._down_number, offset)
                    head = struct.pack(
                        ">BHHB", WRITE_MULTIPLE_REGISTERS, mailbox.DOWN_ADDRESS, len(chunk) // 2, len(chunk)
                    )
                    yield from self._ask(head + chunk)
            except _Refused:
                continue
            return

    def _ask(self, pdu: bytes) -> Asking[bytes]:
        answer = yield pdu
        if self._was_silent:
            raise _StartedAnew
        if answer[0] & EXCEPTION:
            raise _Refused
        return answer

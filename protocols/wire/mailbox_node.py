"""The node's side of the mailbox: one envelope waits for the master at a time, one comes from it piece by piece.

Never performs I/O, never opens an envelope, and never calls one delivered: only the controller's receipt does.
Specification: protocols/wire/mailbox.py; protocols/README.md, "Modbus". Time is an argument: monotonic milliseconds.

`session` is protocols/wire/session.py's. `will` and `online` are the node's STATE envelopes; set them before open().
"""

from protocols.wire import mailbox
from protocols.wire.envelope import MAX_SIZE
from protocols.wire.modbus_pdu import ILLEGAL_DATA_ADDRESS, ILLEGAL_DATA_VALUE, Refused
from protocols.wire.session import Session


class NodeMailbox:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._boot_id = 0
        self._polled_ms: int | None = None
        self._latest: bytes | None = None
        self._up_number = mailbox.FIRST_NUMBER
        self._up = b""
        self._up_is_read = False  # to its end
        self._up_next = b""
        self._down_number = 0
        self._down = bytearray()
        self._down_have = 0
        self._down_last = 0  # where the last chunk began
        self.will = b""
        self.online = b""
        self.connects = 0

    def open(self, boot_id: int) -> None:
        """Before the first request. Transfers of another boot have other numbers: nobody goes on with those."""
        if boot_id != self._boot_id:
            self._boot_id = boot_id
            self._up_number = mailbox.FIRST_NUMBER + boot_id * 251 % mailbox.LAST_NUMBER

    def is_polled(self, now_ms: int) -> bool:
        """Whether somebody looks for envelopes."""
        return self._polled_ms is not None and now_ms - self._polled_ms <= mailbox.SILENCE_MS

    def offer(self, envelope: bytes) -> None:
        """Send this envelope when no batch waits, unless a newer one is offered before: it is not journalled."""
        self._latest = envelope

    # Up.

    def status(self, now_ms: int) -> bytes:
        """The registers of the status block."""
        self._polled(now_ms)
        self._load(now_ms)
        return mailbox.pack_status(
            mailbox.Status(
                mailbox.VERSION,
                self._up_number,
                len(self._up),
                self._down_number,
                self._down_have,
                len(self._down),
                self._boot_id,
            )
        )

    def read(self, number: int, word: int, count: int, now_ms: int) -> bytes:
        """`count` words of a file. The next file's beginning says that this one was taken. Raises Refused."""
        self._polled(now_ms)
        if number == mailbox.WILL_FILE:
            return _part(self.will, word, count)
        if number == mailbox.ONLINE_FILE:
            return _part(self.online, word, count)
        if word == 0 and self._up and number == mailbox.next_number(self._up_number):
            self._drop()
            self._session.still_waits(now_ms)
        if number != self._up_number:
            raise Refused(ILLEGAL_DATA_ADDRESS)
        if word == 0:
            self._load(now_ms)
        self._up_is_read = word + count >= mailbox.file_words(len(self._up))
        return _part(self._up, word, count)

    def prepare(self, now_ms: int) -> None:
        """Once a file was read to its end, have the next one ready: to build a batch takes a while."""
        if self._up and self._up_is_read and not self._up_next:
            self._session.still_waits(now_ms)
            self._up_next = self._next(now_ms)

    def _polled(self, now_ms: int) -> None:
        """After a silence the link is a new one: what waits here goes out by the session again, as another number."""
        if not self.is_polled(now_ms):
            if self._up:
                self._drop()
            self._up_next = b""
            self._session.link_up(now_ms)
            self.connects += 1
        self._polled_ms = now_ms

    def _drop(self) -> None:
        self._up_number = mailbox.next_number(self._up_number)
        self._up = b""

    def _load(self, now_ms: int) -> None:
        if not self._up:
            self._up, self._up_next = self._up_next or self._next(now_ms), b""
            self._up_is_read = False

    def _next(self, now_ms: int) -> bytes:
        batch: bytes | None = self._session.next_batch(now_ms)
        if batch:
            return batch
        latest, self._latest = self._latest, None
        return latest or b""

    # Down.

    def write(self, chunk: mailbox.Chunk, now_ms: int) -> bytes | None:
        """Take a chunk; the whole envelope when it was the last one. Raises Refused."""
        self._polled(now_ms)
        number, length, offset, data = chunk
        if not (mailbox.FIRST_NUMBER <= number <= mailbox.LAST_NUMBER and 0 < length <= MAX_SIZE):
            raise Refused(ILLEGAL_DATA_VALUE)
        known = number == self._down_number and length == len(self._down)
        if known and offset == self._down_last and data == self._down[offset : self._down_have]:
            return None  # its answer was lost
        if offset == 0:
            self._down_number, self._down, self._down_have = number, bytearray(length), 0
        elif not known or offset != self._down_have:
            raise Refused(ILLEGAL_DATA_VALUE)
        end = offset + len(data)
        self._down[offset:end] = data
        self._down_have, self._down_last = end, offset
        return bytes(self._down) if end == length else None

    def write_file(self, number: int, word: int, data: bytes, now_ms: int) -> bytes | None:
        """The same, as a record of the transfer's file. Raises Refused."""
        length = len(self._down)
        offset = 2 * word - mailbox.LENGTH_SIZE
        if word == 0:
            length = data[0] << 8 | data[1]
            offset = 0
            data = data[mailbox.LENGTH_SIZE :]
        if offset + len(data) > length + 1:
            raise Refused(ILLEGAL_DATA_VALUE)
        return self.write(mailbox.Chunk(number, length, offset, data[: length - offset]), now_ms)


def _part(envelope: bytes, word: int, count: int) -> bytes:
    """Words of the file of an envelope, zeros behind its end, without building the whole file."""
    start = 2 * word - mailbox.LENGTH_SIZE
    if word:
        data = envelope[start : start + 2 * count]
    else:
        data = len(envelope).to_bytes(mailbox.LENGTH_SIZE, "big") + envelope[: start + 2 * count]
    return data + bytes(2 * count - len(data))

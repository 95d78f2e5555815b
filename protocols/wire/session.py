"""The device's side of the conversation: batches up, receipts and commands down.

Never performs I/O, never reads a clock, and never raises on what the peer sent: that is counted in `refused`.
Specification: protocols/README.md, G1 to G9. Time is an argument: monotonic milliseconds, Unix seconds.

A record leaves the node's care only by a receipt. What went out is remembered as ranges of sequence numbers, not as
bytes: a batch is read from the journal again when it has to be sent again.
"""

from collections import namedtuple

from protocols.wire import batch, command, command_window, receipt
from protocols.wire.envelope import (
    ANY_BOOT,
    COMMAND,
    DOCUMENT_CHUNK,
    DOCUMENT_OFFER,
    DOCUMENT_REQUEST,
    RECEIPT,
    seal,
    unseal,
)
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import result

MAX_RECORDS = 32  # of one batch
WINDOW = 4  # batches without a receipt
SHARE = 3  # of them, while there is a backlog: neither it nor what happens now waits for the other (G7)
BACKLOG_SPACING_MS = 200  # half as much to half as much again, by chance
BACKLOG_START_MS = 2_000  # after an outage the nodes of a city do not all begin at once
RESEND_MS = 8_000
MAX_RESEND_MS = 60_000
DECLARE_AGAIN_MS = 60_000
NEVER_MS = 60_000
LEAST_BATCH_SIZE = 512  # holds the largest record

TimeTold = namedtuple("TimeTold", ("time_ms",))
CommandReceived = namedtuple("CommandReceived", ("command_id", "kind", "body"))


class _Sent:
    """Sequence numbers on their way, and when to lose patience."""

    def __init__(self, first: int, last: int, due_ms: int, is_backlog: bool) -> None:
        self.first = first
        self.last = last
        self.due_ms = due_ms
        self.is_backlog = is_backlog


def _without(ranges: list[tuple[int, int]], sent: list[_Sent]) -> list[tuple[int, int]]:
    """`ranges` without the numbers that are on their way."""
    for one in sent:
        left = []
        for first, last in ranges:
            if one.last < first or last < one.first:
                left.append((first, last))
                continue
            if first < one.first:
                left.append((first, one.first - 1))
            if one.last < last:
                left.append((one.last + 1, last))
        ranges = left
    return ranges


class Session:
    """One node's session, from boot to boot. `jitter()` gives a number of 0 to 255 by chance.

    Commands of other kinds than `command_kinds` are refused here. Of `journal` (firmware/journal.py is one; its numbers
    begin at 1) the session needs boot_id, receipted and last_seq, and
        read(first, last, count, size): at most `count` records of first..last, together at most `size` bytes, as
            [(seq, record in wire form)], and how far that looked
        trim(up_to): everything up to `up_to` is in the controller's database
        declare(first, last): first..last cannot be read any more, record that
        gap_declared(first, last): the sequence number of the record that declared it, 0 when there is none
        note(message, body): append a record; 0 when there was no room
        commands, take_command(command_id): the CommandWindow, and a durable mark in it; False when there was no room
    `documents` (firmware/documents.py), if any: take_offer, take_chunk, next_request, wait_ms, link_up.
    """

    def __init__(
        self, key: bytes, node: bytes, journal, command_kinds: tuple[int, ...], jitter, documents=None
    ) -> None:
        self._key = key
        self._node = node
        self._journal = journal
        self._command_kinds = command_kinds
        self._jitter = jitter
        self._documents = documents
        self._next = 1  # the lowest number that was not yet sent on this link
        self._sent: list[_Sent] = []
        self._backlog: list[tuple[int, int]] = []
        self._backlog_at_ms = 0
        self._resend_ms = RESEND_MS
        self._batch_size = batch.MAX_RECORDS_SIZE
        self._receipt_time_ms = 0
        self._up_to = 0
        self._missing: list[tuple[int, int]] = []
        self._declared_again_ms = -DECLARE_AGAIN_MS
        self.refused: dict[str, int] = {}
        self.receipts = 0

    # Up.

    def link_up(self, now_ms: int) -> None:
        """A link was made: whatever has no receipt goes out again, the newest first."""
        journal = self._journal
        waiting = journal.receipted + 1
        self._next = max(waiting, journal.last_seq - MAX_RECORDS + 1)
        self._backlog = [(waiting, self._next - 1)] if waiting < self._next else []
        self._backlog_at_ms = now_ms + (BACKLOG_START_MS * self._chance() >> 8 if self._backlog else 0)
        self._sent = []
        self._resend_ms = RESEND_MS
        if self._documents:
            self._documents.link_up(now_ms)

    def next_batch(self, now_ms: int) -> bytes | None:
        """The next envelope to send, None when there is nothing to send now. Documents come behind all records."""
        self._lose_patience(now_ms)
        found = None
        if len(self._sent) < WINDOW:
            try:
                found = self._next_records(now_ms)
            except MemoryError:  # of a fragmented heap: nothing was taken yet, and less at a time may fit
                if self._batch_size == LEAST_BATCH_SIZE:
                    raise
                self._batch_size = max(self._batch_size // 2, LEAST_BATCH_SIZE)
                return None
        return found or self._document_request(now_ms)

    def _next_records(self, now_ms: int) -> bytes | None:
        found = None
        if not self._backlog or len(self._sent) - self._backlog_sent() < SHARE:
            found = self._fresh(now_ms)
        return found or self._from_backlog(now_ms)

    def _document_request(self, now_ms: int) -> bytes | None:
        request = self._documents.next_request(now_ms) if self._documents else None
        return request and seal(self._key, DOCUMENT_REQUEST, self._node, self._journal.boot_id, request)

    def still_waits(self, now_ms: int) -> None:
        """The last batch is only now on its way: a slow link is no reason to lose patience with it or those before."""
        for one in self._sent:
            one.due_ms = max(one.due_ms, now_ms + self._resend_ms)

    def wait_ms(self, now_ms: int) -> int:
        """How long next_batch() has nothing to give unless a record or a receipt comes."""
        wait = NEVER_MS
        for one in self._sent:
            wait = min(wait, one.due_ms - now_ms)
        if self._backlog and self._backlog_sent() < SHARE and len(self._sent) < WINDOW:
            wait = min(wait, self._backlog_at_ms - now_ms)
        if self._documents:
            wait = min(wait, self._documents.wait_ms(now_ms))
        return max(0, wait)

    def _fresh(self, now_ms: int) -> bytes | None:
        first, last = self._next, self._journal.last_seq
        if first > last:
            return None
        found, looked_at = self._read(first, last)
        sealed = self._seal(first, found, now_ms, False)
        self._next = looked_at + 1
        return sealed

    def _from_backlog(self, now_ms: int) -> bytes | None:
        while self._backlog and self._backlog_sent() < SHARE and now_ms >= self._backlog_at_ms:
            first, last = self._backlog[0]
            found, covered = self._read(first, last)
            sealed = self._seal(first, found, now_ms, True)
            self._backlog[:1] = [(covered + 1, last)] if covered < last else []
            expected = first
            for seq, _ in found:
                self._declare(expected, seq - 1, now_ms)
                expected = seq + 1
            self._declare(expected, covered, now_ms)
            if sealed:
                self._backlog_at_ms = now_ms + BACKLOG_SPACING_MS * (128 + self._chance()) // 256
                return sealed
        return None

    def _read(self, first: int, last: int) -> tuple[list[tuple[int, bytes]], int]:
        read: tuple[list[tuple[int, bytes]], int] = self._journal.read(first, last, MAX_RECORDS, self._batch_size)
        return read

    def _seal(self, first: int, found: list[tuple[int, bytes]], now_ms: int, is_backlog: bool) -> bytes | None:
        if not found:
            return None
        sealed = batch.build(self._key, self._node, self._journal.boot_id, [data for _, data in found])
        due_ms = now_ms + self._resend_ms + (self._resend_ms * self._chance() >> 10)
        self._sent.append(_Sent(first, found[-1][0], due_ms, is_backlog))
        return sealed

    def _lose_patience(self, now_ms: int) -> None:
        late = [one for one in self._sent if now_ms >= one.due_ms]
        if late:
            self._sent = [one for one in self._sent if now_ms < one.due_ms]
            self._backlog = sorted(self._backlog + [(one.first, one.last) for one in late])
            self._resend_ms = min(2 * self._resend_ms, MAX_RESEND_MS)

    def _declare(self, first: int, last: int, now_ms: int) -> None:
        """first..last cannot be read: say so, unless a record that says it is still on its way."""
        if first > last:
            return
        declared_by = self._journal.gap_declared(first, last)
        if declared_by:
            stored = declared_by <= self._up_to and not any(a <= declared_by <= b for a, b in self._missing)
            if not stored or now_ms - self._declared_again_ms < DECLARE_AGAIN_MS:
                return
            self._declared_again_ms = now_ms
        self._journal.declare(first, last)

    def _backlog_sent(self) -> int:
        return sum(1 for one in self._sent if one.is_backlog)

    def _chance(self) -> int:
        chance: int = self._jitter()
        return chance

    # Down.

    def received(self, data: bytes, now_ms: int, utc_s: int | None) -> list[object]:
        """Take one envelope; returns what happened: TimeTold, CommandReceived. `utc_s` is None while unknown."""
        try:
            envelope_type, node, boot_id, payload = unseal(self._key, data)
            if node != self._node:
                raise MalformedFrame("wrong_node")
            if envelope_type == RECEIPT:
                return self._take_receipt(boot_id, payload, now_ms)
            if envelope_type == COMMAND:
                return self._take_command(boot_id, payload, utc_s)
            if envelope_type == DOCUMENT_OFFER and self._documents:
                self._documents.take_offer(payload, now_ms)
            elif envelope_type == DOCUMENT_CHUNK and self._documents and boot_id == self._journal.boot_id:
                self._documents.take_chunk(payload, now_ms)
            else:
                raise MalformedFrame("unexpected_type")
            return []
        except MalformedFrame as fault:
            self.count_refused(fault.reason)
            return []

    def count_refused(self, reason: str) -> None:
        """One more envelope that was not believed."""
        self.refused[reason] = self.refused.get(reason, 0) + 1

    @property
    def refused_total(self) -> int:
        return sum(self.refused.values())

    def _take_receipt(self, boot_id: int, payload: bytes, now_ms: int) -> list[object]:
        if boot_id != self._journal.boot_id:
            raise MalformedFrame("stale_boot_id")
        told = receipt.parse(payload)
        if told.time_ms < self._receipt_time_ms and told.up_to <= self._up_to:  # more than ever is no replay
            raise MalformedFrame("stale_receipt")
        if told.up_to > self._journal.last_seq:
            raise MalformedFrame("receipt_ahead")
        self._receipt_time_ms = told.time_ms
        self._up_to, self._missing = told.up_to, told.missing
        self._resend_ms = RESEND_MS
        self._batch_size = min(2 * self._batch_size, batch.MAX_RECORDS_SIZE)
        self.receipts += 1
        self._journal.trim(told.missing[0][0] - 1 if told.missing else told.up_to)
        asked = [one for one in told.missing if one[0] <= self._next]
        # What was sent again is still on its way; anything else up to `up_to` has arrived or has to be sent again.
        self._sent = [
            one
            for one in self._sent
            if one.last > told.up_to
            or (one.is_backlog and any(one.first <= last and first <= one.last for first, last in asked))
        ]
        later = [(max(first, told.up_to + 1), last) for first, last in self._backlog if last > told.up_to]
        self._backlog = _without(asked, self._sent) + later
        self._backlog_at_ms = min(self._backlog_at_ms, now_ms + BACKLOG_START_MS)
        return [TimeTold(told.time_ms)]

    def _take_command(self, boot_id: int, payload: bytes, utc_s: int | None) -> list[object]:
        """Mark it on flash before anything is done about it: also when the power fails, it ends in one result (G6)."""
        if boot_id not in (ANY_BOOT, self._journal.boot_id):
            raise MalformedFrame("stale_boot_id")
        asked = command.parse(payload)
        verdict = self._journal.commands.verdict(asked.command_id)
        if verdict == command_window.REPEATED:
            raise MalformedFrame("repeated_command")
        if not self._journal.take_command(asked.command_id):
            raise MalformedFrame("journal_full")
        if verdict == command_window.LATE:
            return self._finish(asked, result.OUTCOME_REFUSED, result.REASON_SUPERSEDED)
        if utc_s is None:
            return self._finish(asked, result.OUTCOME_REFUSED, result.REASON_CLOCK_UNSET)
        if utc_s > asked.issued_s + asked.ttl_s:
            return self._finish(asked, result.OUTCOME_EXPIRED, result.REASON_NONE)
        if asked.kind not in self._command_kinds:
            return self._finish(asked, result.OUTCOME_REFUSED, result.REASON_UNKNOWN_COMMAND)
        return [CommandReceived(asked.command_id, asked.kind, asked.body)]

    def _finish(self, asked: command.Command, outcome: int, reason: int) -> list[object]:
        self._journal.note(result, result.Result(asked.command_id, outcome, reason))
        return []

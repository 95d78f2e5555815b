"""Documents on their way to this node: what was offered is pulled chunk by chunk, verified whole, put in force.

Never knows what carries the envelopes, never sleeps, and never believes a byte before the whole hash is right.
Specification: protocols/WIRE.md, "Documents"; protocols/wire/document.py. Time is an argument: monotonic milliseconds.

The session hands over what comes down and asks for what goes up; the board's idle moments do the rest, one flash
operation or one sector of hashing a step.
"""

import hashlib

from firmware.document_store import PAGE_SIZE, PAGES, DocumentStore, FlashFault
from protocols.wire import document as wire
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import document

SPACING_MS = 200  # half as much to half as much again, by chance: live records go first (G7)
RETRY_MS = 10_000
MAX_RETRY_MS = 300_000
NEVER_MS = 60_000
MAX_ANSWERED = 32  # refusals that are recorded in one boot; a replayed offer must not fill the journal

IDLE, PREPARING, PULLING, VERIFYING = range(4)


class Documents:
    """`jitter()` gives a number of 0 to 255 by chance; `journal.note()` takes what became of each offer."""

    def __init__(self, flash, journal, jitter):
        self._store = DocumentStore(flash)
        self._journal = journal
        self._jitter = jitter
        self._state = IDLE
        self._offset = 0  # of the next chunk, or of what is hashed next
        self._hash = hashlib.sha256()
        self._due_ms = 0
        self._retry_ms = RETRY_MS
        self._answered = []  # (type, version) of offers that were refused or failed in this boot

    def open(self):
        """Find what a power cut left, say what is in force, and go on where the last document was."""
        self._store.open()
        for held in self._store.held.values():
            self._tell(held, document.OUTCOME_HELD)
        if self._store.partial:
            self._pull_from(self._store.written())

    def held(self, type_id):
        """The document in force of a type (firmware.document_store.Document), or None."""
        return self._store.held.get(type_id)

    def read(self, held, offset, buffer):
        """Fill `buffer` with its bytes from `offset` on, a multiple of 256; how many there were."""
        return self._store.read(held, offset, buffer)

    # From and to the session.

    def link_up(self, now_ms):
        """A link was made, or there is something new to ask for on it."""
        self._retry_ms = RETRY_MS
        self._due_ms = self._spaced(now_ms)

    def take_offer(self, payload, now_ms):
        """Raises MalformedFrame for what is only counted; every other refusal becomes a record too."""
        offer = wire.parse_offer(payload)
        held, partial = self._store.held.get(offer.type), self._store.partial
        for known in (held, partial):
            if known and (known.type, known.version) == (offer.type, offer.version):
                if known.sha256 != offer.sha256:
                    raise MalformedFrame("document_conflict")
                if known is held:
                    raise MalformedFrame("repeated_offer")
                self.link_up(now_ms)  # whoever offers it again has it: ask soon
                return
        other = partial and (partial.type != offer.type or offer.version < partial.version)
        if other and self._retry_ms < MAX_RETRY_MS:  # after long silence nobody seems to have the rest of that one
            raise MalformedFrame("document_busy")
        reason = self._refusal(offer, held)
        if reason == document.REASON_NONE and not self._store.begin(offer):
            reason = document.REASON_NO_SPACE
        if reason != document.REASON_NONE:
            self._answer(offer, document.OUTCOME_REFUSED, reason)
            raise MalformedFrame("document_refused")
        self._state = PREPARING
        self.link_up(now_ms)

    def take_chunk(self, payload, now_ms):
        """Raises MalformedFrame."""
        chunk = wire.parse_chunk(payload)
        wanted = self._request() if self._state == PULLING else None
        if wanted is None or (chunk.type, chunk.version, chunk.offset, len(chunk.data)) != tuple(wanted):
            raise MalformedFrame("unexpected_chunk")
        try:
            self._store.write(chunk.offset, chunk.data)
        except FlashFault:
            self._fail(document.REASON_FLASH_FAULT)
            return
        self._pull_from(chunk.offset + len(chunk.data))
        self.link_up(now_ms)

    def next_request(self, now_ms):
        """The payload of a request that is due, else None."""
        if self._state != PULLING or now_ms < self._due_ms:
            return None
        self._due_ms = now_ms + self._retry_ms + (self._retry_ms * self._jitter() >> 10)
        self._retry_ms = min(2 * self._retry_ms, MAX_RETRY_MS)
        return wire.build_request(self._request())

    def wait_ms(self, now_ms):
        """How long next_request() has nothing to give."""
        return max(0, self._due_ms - now_ms) if self._state == PULLING else NEVER_MS

    # In idle moments.

    def work(self):
        """One step: at most one erase, or the hash of one sector; True when there is more to do."""
        try:
            if self._state == PREPARING:
                if self._store.prepare():
                    self._pull_from(0)
            elif self._state == VERIFYING:
                self._verify()
            else:
                return self._store.tidy()
        except FlashFault:
            self._fail(document.REASON_FLASH_FAULT)
        return True

    def _verify(self):
        partial = self._store.coming()
        page = bytearray(PAGE_SIZE)  # small: a heap in use has no large piece left
        for _ in range(PAGES):
            size = self._store.read(partial, self._offset, page)
            self._hash.update(memoryview(page)[:size])
            self._offset += size
            if self._offset == partial.size:
                break
        else:
            return
        if self._hash.digest() != partial.sha256:
            self._fail(document.REASON_WRONG_HASH)
            return
        self._store.finish()
        self._state = IDLE
        self._tell(partial, document.OUTCOME_STORED)

    def _pull_from(self, offset):
        """Go on with the chunk that `offset` lies in, or with the hash when nothing is missing."""
        self._offset = offset // wire.CHUNK_SIZE * wire.CHUNK_SIZE
        self._state = PULLING
        if offset >= self._store.coming().size:
            self._offset, self._state, self._hash = 0, VERIFYING, hashlib.sha256()

    def _request(self):
        partial = self._store.coming()
        size = min(wire.CHUNK_SIZE, partial.size - self._offset)
        return wire.Request(partial.type, partial.version, self._offset, size)

    def _refusal(self, offer, held):
        signed = wire.must_be_signed(offer.type)
        if signed is None:
            return document.REASON_UNKNOWN_TYPE
        if held and offer.version < held.version:
            return document.REASON_OLDER
        return document.REASON_UNVERIFIED if signed else document.REASON_NONE  # this firmware verifies no signature

    def _fail(self, reason):
        failed = self._store.coming()
        self._store.drop()
        self._state = IDLE
        self._answer(failed, document.OUTCOME_FAILED, reason)

    def _answer(self, offer, outcome, reason):
        """Record how an offer ended, once for each in a boot."""
        asked = (offer.type, offer.version)
        if asked not in self._answered and len(self._answered) < MAX_ANSWERED:
            self._answered.append(asked)
            self._tell(offer, outcome, reason)

    def _tell(self, one, outcome, reason=document.REASON_NONE):
        held = self._store.held.get(one.type)
        told = document.Document(one.type, one.version, outcome, reason, held.version if held else 0)
        self._journal.note(document, told)

    def _spaced(self, now_ms):
        return now_ms + SPACING_MS * (128 + self._jitter()) // 256

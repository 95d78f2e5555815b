"""Documents on their way to this node: what was offered is authenticated, pulled chunk by chunk, put in force.

Never knows what carries the envelopes, never sleeps, and takes nothing that has to be signed before a publisher's
signature was found right. Specification: protocols/WIRE.md, "Documents"; protocols/wire/document.py.
Time is an argument: monotonic milliseconds.

The session hands over what comes down and asks for what goes up; idle moments do the rest, a short step each.
"""

from firmware.boot_record import FlashFault
from firmware.document_store import DocumentStore, StoreFault
from protocols.wire import document as wire
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import document

SPACING_MS = 100  # half as much to half as much again, by chance: live records go first (G7)
RETRY_MS = 10_000
MAX_RETRY_MS = 300_000
NEVER_MS = 60_000
MAX_ANSWERED = 32  # refusals that are recorded in one boot; a replayed offer must not fill the journal
FAILURES = (document.REASON_WRONG_HASH, document.REASON_FLASH_FAULT)  # of what could be right another time


class Documents:
    """`jitter()` gives a number of 0 to 255 by chance; `journal.note()` takes what became of each offer.

    `publishers` (firmware/publishers.py) judges signatures; `updates` (firmware/update_store.py) takes firmware.
    """

    def __init__(self, flash, journal, jitter, publishers=None, updates=None):
        self._documents = DocumentStore(flash)
        self._updates = updates
        self._journal = journal
        self._jitter = jitter
        self._publishers = publishers
        self._judged = None  # (an offer, the steps that judge its signature)
        self._due_ms = 0
        self._retry_ms = RETRY_MS
        self._answered = []  # (type, version) of offers that were refused or failed in this boot
        self.on_work = _nothing  # called when there is something for work()
        self.spacing_ms = SPACING_MS  # 0 where a master asks: it paces

    def open(self):
        """Find what a power cut left, say what is in force, and go on where the last document was."""
        self._documents.open()
        if self._updates:
            self._updates.open()
        for held in self._documents.held.values():
            self.tell(held.type, held.version, document.OUTCOME_HELD)

    def held(self, type_id):
        """The document in force of a type (firmware.document_store.Document), or None."""
        return self._documents.held.get(type_id)

    def read(self, held, offset, buffer):
        """Fill `buffer` with its bytes from `offset` on, a multiple of 256; how many there were."""
        return self._documents.read(held, offset, buffer)

    # From and to the session.

    def link_up(self, now_ms):
        """A link was made, or there is something new to ask for on it."""
        self._retry_ms = RETRY_MS
        self._due_ms = now_ms + self.spacing_ms * (128 + self._jitter()) // 256

    def take_offer(self, payload, now_ms):
        """Raises MalformedFrame for what is only counted; every other refusal becomes a record too."""
        offer = wire.parse_offer(payload)
        signed = wire.must_be_signed(offer.type)
        store = self._store_of(offer.type)
        if signed is None or (signed and not self._publishers):
            self._refuse(offer, document.REASON_UNKNOWN_TYPE if signed is None else document.REASON_UNVERIFIED)
            raise MalformedFrame("document_refused")
        busy = self._busy()
        partial = busy.partial if busy else None
        for known in (store.known(offer.type), partial):
            if known and (known.type, known.version) == (offer.type, offer.version):
                if known.sha256 != offer.sha256:
                    raise MalformedFrame("document_conflict")
                if known is not partial:
                    raise MalformedFrame("repeated_offer")
                self.link_up(now_ms)  # whoever offers it again has it: ask soon
                return
        other = partial and (partial.type != offer.type or offer.version < partial.version)
        if self._judged or (other and self._retry_ms < MAX_RETRY_MS):  # after long silence nobody has the rest of it
            raise MalformedFrame("document_busy")
        reason = store.refusal(offer)
        if reason != document.REASON_NONE:
            self._refuse(offer, reason)
            raise MalformedFrame("document_refused")
        if signed:
            self._judged = offer, self._publishers.judge(wire.signed_part(offer), offer.signature)
            self.on_work()
        elif not self._begin(store, offer):
            raise MalformedFrame("document_refused")
        self.link_up(now_ms)

    def take_chunk(self, payload, now_ms):
        """Raises MalformedFrame."""
        chunk = wire.parse_chunk(payload)
        store = self._busy()
        wanted = store and self._request(store)
        if wanted is None or (chunk.type, chunk.version, chunk.offset, len(chunk.data)) != tuple(wanted):
            raise MalformedFrame("unexpected_chunk")
        self._try(store, lambda: store.write(chunk.offset, chunk.data))
        self.link_up(now_ms)
        if not store.wanted:
            self.on_work()

    def next_request(self, now_ms):
        """The payload of a request that is due, else None."""
        store = self._busy()
        if not store or not store.wanted or now_ms < self._due_ms:
            return None
        self._due_ms = now_ms + self._retry_ms + (self._retry_ms * self._jitter() >> 10)
        self._retry_ms = min(2 * self._retry_ms, MAX_RETRY_MS)
        return wire.build_request(self._request(store))  # pyright: ignore[reportArgumentType] - it wants one

    def wait_ms(self, now_ms):
        """How long next_request() has nothing to give."""
        store = self._busy()
        return max(0, self._due_ms - now_ms) if store and store.wanted else NEVER_MS

    # In idle moments.

    def work(self):
        """One step: at most one erase, or the hash of one sector; True when there is more to do."""
        if self._judged:
            self._judge()
            return True
        store = self._busy() or self._documents
        done = self._try(store, store.work)
        if done not in (True, False, None):
            self.tell(done.type, done.version, document.OUTCOME_STORED)
        return done is not False

    def _judge(self):
        offer, steps = self._judged  # pyright: ignore[reportGeneralTypeIssues] - work() has looked
        verdict = next(steps)
        if verdict is None:
            return
        self._judged = None
        if verdict == document.REASON_NONE:
            self._begin(self._store_of(offer.type), offer)
        else:
            self._refuse(offer, verdict)

    def _begin(self, store, offer):
        """Whether there is room for it; what was on its way before gives way."""
        other = self._busy()
        if other and other is not store:
            other.drop()
        try:
            if store.begin(offer):
                self.on_work()
                return True
            self._refuse(offer, document.REASON_NO_SPACE)
        except FlashFault:
            self._answer(offer, document.OUTCOME_FAILED, document.REASON_FLASH_FAULT)
        return False

    def _try(self, store, step):
        """A step that may end what is on its way."""
        coming = store.partial
        try:
            return step()
        except StoreFault as fault:
            reason = fault.reason
        except FlashFault:
            reason = document.REASON_FLASH_FAULT
        if coming:
            store.drop()
            failed = reason in FAILURES
            self._answer(coming, document.OUTCOME_FAILED if failed else document.OUTCOME_REFUSED, reason)
        return True

    def _busy(self):
        """The store that has something on its way, None when nothing is."""
        for store in (self._documents, self._updates):
            if store and store.partial:
                return store
        return None

    def _store_of(self, type_id):
        return self._updates if type_id == wire.FIRMWARE else self._documents

    def _request(self, store):
        if not store.wanted:
            return None
        return wire.Request(store.partial.type, store.partial.version, *store.wanted)

    def _refuse(self, offer, reason):
        self._answer(offer, document.OUTCOME_REFUSED, reason)

    def _answer(self, offer, outcome, reason):
        """Record how an offer ended, once for each in a boot."""
        asked = (offer.type, offer.version)
        if asked not in self._answered and len(self._answered) < MAX_ANSWERED:
            self._answered.append(asked)
            self.tell(*asked, outcome, reason)

    def tell(self, type_id, version, outcome, reason=document.REASON_NONE):
        """Record what became of a document, and which one is in force."""
        store = self._store_of(type_id)
        held = store.held_version(type_id) if store else 0
        self._journal.note(document, document.Document(type_id, version, outcome, reason, held))


def _nothing():
    pass

"""A node that pulls documents, for the cases about them: its flash in memory, its controller a method call away.

It must never need a link or a board: envelopes are handed over as bytes, the flash is in memory and can be torn.
Spec: firmware/documents.py, firmware/document_store.py; protocol.md, "Document".
"""

import hashlib

from firmware.documents import RETRY_MS, Documents
from firmware.publishers import Publishers
from firmware.tests.device import session_world as world
from firmware.tests.device.ram_flash import RamFlash
from protocols.wire import document as wire
from protocols.wire import record
from protocols.wire.envelope import DOCUMENT_REQUEST, unseal
from protocols.wire.messages import document

SIZE = 5_000  # two sectors
FONT = wire.FONT


def content(version, size=SIZE):
    """Bytes of which no two places look the same; with a blank page in the middle, as a sparse file has it."""
    data = bytearray(size)
    for i in range(size):
        data[i] = (version * 101 + i + i // 251) & 0xFF
    for i in range(1024, min(1280, size)):
        data[i] = 0xFF
    return data


class Node(world.Node):
    """A node with documents; `publisher` holds what it can be offered."""

    def __init__(self, flash=None, journal_flash=None, publishers=((), ())):
        super().__init__(journal_flash or RamFlash(4))
        self.documents_flash = flash or RamFlash(6)
        self.documents = Documents(self.documents_flash, self.journal, lambda: 0, Publishers(*publishers))
        self.session._documents = self.documents
        self.documents.open()
        self.session.link_up(0)
        self.asked = []

    def offered(self, version=1, type_id=FONT, data=None, signature=b""):
        data = content(version) if data is None else data
        offer = wire.Offer(type_id, version, len(data), hashlib.sha256(data).digest(), signature)
        return self.hears(wire.build_offer(world.KEY, world.NODE, offer))

    def pulls(self, data, lose=lambda: False):
        """Answer requests until nothing more is asked; erases and hashes go on between them."""
        for _ in range(3000):
            worked = self.documents.work()
            request = self.request()
            if request and not lose():
                self.answers(request, data)
            elif not request and not worked and self.documents.wait_ms(self.now_ms) > RETRY_MS:
                return
            elif not request:
                self.now_ms += 50
        raise AssertionError("it never ends")

    def request(self):
        """What goes up now: records first, which nobody looks at here; then perhaps a request."""
        while True:
            envelope = self.session.next_batch(self.now_ms)
            if envelope is None:
                return None
            kind, _, _, payload = unseal(world.KEY, envelope)
            if kind == DOCUMENT_REQUEST:
                self.asked.append(wire.parse_request(payload))
                return self.asked[-1]

    def answers(self, request, data):
        chunk = wire.Chunk(request.type, request.version, request.offset, data[request.offset :][: request.size])
        self.hears(wire.build_chunk(world.KEY, world.NODE, self.journal.boot_id, chunk))

    def told(self):
        found = []
        for _, data in self.journal.records(1):
            one = record.parse(data)[0]
            if one.kind == document.KIND:
                found.append(tuple(document.parse(one.body)))
        return found

    def has(self, type_id=FONT):
        """(version, content) of what is in force, (0, b"") when nothing is."""
        held = self.documents.held(type_id)
        if held is None:
            return 0, bytearray()
        whole = bytearray(held.size + 3)
        assert self.documents.read(held, 0, whole) == held.size
        assert hashlib.sha256(whole[: held.size]).digest() == held.sha256, "half a document is in force"
        return held.version, whole[: held.size]

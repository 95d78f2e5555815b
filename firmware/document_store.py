"""Where documents lie on raw flash: sectors of their own, whole or not at all, through any power cut.

Never knows where a document comes from nor what it says. One operation on flash a call, so that nobody waits for two.
Specification: protocols/WIRE.md, "Documents on flash"; MicroPython's extended block protocol.

    first page of the first sector: magic "VZD1" | type u8 | version u32 | size u32 | SHA-256 | signature length u8 |
                                    signature 64 | sectors u8 | their numbers, 0xFF behind them | CRC-32
                                    and at its end, programmed when the whole document was verified: "VZD1DONE"
    all other pages of those sectors, in that order: the document

The newest version of a type that is done is the one in force, so the mark is the swap. A sector is used again only when
no header that could name it is left.
"""

import struct
from binascii import crc32
from collections import namedtuple
from hashlib import sha256

from protocols.wire.document import CHUNK_SIZE
from protocols.wire.messages import document as told

SECTOR_SIZE = 4096
PAGE_SIZE = 256
PAGES = SECTOR_SIZE // PAGE_SIZE
IOCTL_BLOCK_COUNT = 4
IOCTL_ERASE_BLOCK = 6
MAX_SECTORS = 64
_MAGIC = b"VZD1"
_HEADER = ">4sBII32sB64sB64s"
_HEADER_SIZE = 175
_DONE = b"VZD1DONE"
_DONE_AT = PAGE_SIZE - len(_DONE)
_BLANK_PAGE = b"\xff" * PAGE_SIZE

# `sectors` are their numbers in order, as bytes
Document = namedtuple("Document", ("type", "version", "size", "sha256", "signature", "sectors"))


class StoreFault(Exception):
    """What was on its way cannot come in force; `reason` is one of the record `document`."""

    def __init__(self, reason=told.REASON_FLASH_FAULT):
        super().__init__(reason)
        self.reason = reason


class DocumentStore:
    """`flash` is like the journal's. `held` has the document in force of each type, `partial` one on its way.

    `wanted` is (offset, size) of the chunk that is needed next, None while there is something to do by work() first.
    """

    def __init__(self, flash):
        self._flash = flash
        self._count = min(flash.ioctl(IOCTL_BLOCK_COUNT, 0), MAX_SECTORS)
        self._page = bytearray(PAGE_SIZE)
        self._stale = []  # sectors that begin with a header of no use any more
        self._to_erase = []
        self._hashed = 0
        self._hash = None
        self.held = {}
        self.partial = None
        self.wanted = None

    def open(self):
        """Find what is there, after whatever a power cut left."""
        for sector in range(self._count):
            self._flash.readblocks(sector, self._page, 0)
            document, done = _parse(self._page)
            if document is None or document.sectors[0] != sector:
                continue
            if done and self._is_newer(document, self.held.get(document.type)):
                self._put_in_force(document)
            elif not done and self.partial is None:
                self.partial = document
            else:
                self._stale.append(sector)
        if self.partial and not self._is_newer(self.partial, self.held.get(self.partial.type)):
            self.drop()
        if self.partial:
            self._want(self._written())

    def held_version(self, type_id):
        """Of the document in force of that type, 0 when there is none."""
        held = self.held.get(type_id)
        return held.version if held else 0

    def known(self, type_id):
        """What an offer of that type may be a repetition of."""
        return self.held.get(type_id)

    def refusal(self, offer):
        """The reason why an offer is refused, REASON_NONE when it is not."""
        held = self.held.get(offer.type)
        return told.REASON_OLDER if held and offer.version < held.version else told.REASON_NONE

    def begin(self, offer):
        """Reserve sectors for an offered document; False when there is not enough room."""
        taken = b"".join([one.sectors for one in self.held.values()])
        free = [sector for sector in range(self._count) if sector not in taken]
        needed = (PAGE_SIZE + offer.size + SECTOR_SIZE - 1) // SECTOR_SIZE
        if needed > len(free):
            return False
        if self.partial:
            self.drop()
        chosen = free[:needed]
        self.partial = Document(offer.type, offer.version, offer.size, offer.sha256, offer.signature, bytes(chosen))
        self._to_erase = self._stale + [sector for sector in chosen if sector not in self._stale]
        self._stale = []
        self._hash = self.wanted = None
        return True

    def work(self):
        """One step: at most an erase, or the hash of a sector. True when there is more to do, False when nothing,
        or a chunk to wait for; the document when it has come in force. Raises StoreFault."""
        if self.partial is None:
            return self._tidy()
        if self.wanted:
            return False
        if self._hash:
            return self._verify()
        while self._to_erase:
            sector = self._to_erase.pop(0)
            if not self._is_blank(sector):
                self._flash.ioctl(IOCTL_ERASE_BLOCK, sector)
                return True
        self._program(self.partial.sectors[0], 0, _build(self.partial))
        self._want(0)
        return True

    def write(self, offset, data):
        """The chunk that was wanted: whole pages, the last may be shorter. Raises StoreFault."""
        for at in range(0, len(data), PAGE_SIZE):
            self._program(*_place(self.partial, offset + at), data[at : at + PAGE_SIZE])
        self._want(offset + len(data))

    def _want(self, offset):
        """Go on with the chunk that `offset` lies in, or with the hash when nothing is missing."""
        left = self.partial.size - offset
        if left > 0:
            offset = offset // CHUNK_SIZE * CHUNK_SIZE
            self.wanted = offset, min(CHUNK_SIZE, self.partial.size - offset)
        else:
            self.wanted = None
            self._hashed, self._hash = 0, sha256()

    def _verify(self):
        page = bytearray(PAGE_SIZE)  # small: a heap in use has no large piece left
        for _ in range(PAGES):
            size = self.read(self.partial, self._hashed, page)
            self._hash.update(memoryview(page)[:size])
            self._hashed += size
            if self._hashed == self.partial.size:
                break
        else:
            return True
        if self._hash.digest() != self.partial.sha256:
            raise StoreFault(told.REASON_WRONG_HASH)
        done = self.partial
        self._program(done.sectors[0], _DONE_AT, _DONE)
        self._hash = self.partial = None
        self._put_in_force(done)
        return done

    def _written(self):
        """How far the partial document has come for sure, in bytes: before the last page that is not blank."""
        partial = self.partial
        for offset in range((partial.size - 1) // PAGE_SIZE * PAGE_SIZE, 0, -PAGE_SIZE):
            self._read_page(*_place(partial, offset))
            if self._page != _BLANK_PAGE:
                return offset
        return 0

    def drop(self):
        """Give the partial document up."""
        self._stale.append(self.partial.sectors[0])
        self._to_erase = []
        self.partial = self.wanted = self._hash = None

    def _tidy(self):
        """Erase one header of no use any more; True when that took an erase."""
        if not self._stale:
            return False
        self._flash.ioctl(IOCTL_ERASE_BLOCK, self._stale.pop(0))
        return True

    def read(self, document, offset, buffer):
        """Fill `buffer` with the document's bytes from `offset` on, which begins a page; how many there were."""
        size = min(len(buffer), document.size - offset)
        for at in range(0, size, PAGE_SIZE):
            self._read_page(*_place(document, offset + at))
            end = min(at + PAGE_SIZE, size)
            buffer[at:end] = self._page[: end - at]
        return size

    def _put_in_force(self, document):
        before = self.held.get(document.type)
        if before:
            self._stale.append(before.sectors[0])
        self.held[document.type] = document

    def _is_newer(self, document, other):
        return other is None or document.version > other.version

    def _is_blank(self, sector):
        for number in range(PAGES):
            self._read_page(sector, number * PAGE_SIZE)
            if self._page != _BLANK_PAGE:
                return False
        return True

    def _read_page(self, sector, offset):
        self._flash.readblocks(sector, self._page, offset)

    def _program(self, sector, offset, data):
        """One page program; what stands there already stays, so the same bytes may be programmed again."""
        start = offset % PAGE_SIZE
        self._page[:] = _BLANK_PAGE
        self._page[start : start + len(data)] = data
        self._flash.writeblocks(sector, self._page, offset - start)
        self._read_page(sector, offset - start)
        if self._page[start : start + len(data)] != data:
            raise StoreFault()


def _place(document, offset):
    """(sector, offset in it) of a page of a document; its very first page is the header."""
    page = offset // PAGE_SIZE + 1
    return document.sectors[page // PAGES], page % PAGES * PAGE_SIZE


def _build(document):
    fields = struct.pack(
        _HEADER,
        _MAGIC,
        document.type,
        document.version,
        document.size,
        document.sha256,
        len(document.signature),
        document.signature + bytes(64 - len(document.signature)),
        len(document.sectors),
        document.sectors + b"\xff" * (MAX_SECTORS - len(document.sectors)),
    )
    return fields + struct.pack(">I", crc32(fields))


def _parse(page):
    """(Document or None, whether it is done) of a first page."""
    if page[: len(_MAGIC)] != _MAGIC:
        return None, False
    fields = bytes(page[:_HEADER_SIZE])
    if struct.unpack_from(">I", page, _HEADER_SIZE)[0] != crc32(fields):
        return None, False
    _, type_id, version, size, sha256, signature_size, signature, count, sectors = struct.unpack(_HEADER, fields)
    document = Document(type_id, version, size, sha256, signature[:signature_size], sectors[:count])
    return document, page[_DONE_AT:] == _DONE

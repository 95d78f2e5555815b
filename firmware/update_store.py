"""A set of modules on its way into the slot that does not run: piece by piece, only those that the running set lacks.

Never starts a set and never judges a signature: whoever begins here was told by the publisher's. One short step a call.
Specification: firmware/UPDATES.md; protocols/wire/manifest.py; firmware/document_store.py has the same shape.

    a slot: the manifest from its first page on | the image from the next page on
"""

import io
from collections import namedtuple
from hashlib import sha256

import deflate

from firmware import boot_record
from firmware.boot_record import PAGE_SIZE, PAGES, SECTOR_SIZE, FlashFault, image_at
from firmware.document_store import StoreFault
from protocols.wire import document as wire
from protocols.wire import manifest
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import document

IOCTL_BLOCK_COUNT = 4
IOCTL_ERASE_BLOCK = 6
_BLANK_PAGE = b"\xff" * PAGE_SIZE

Coming = namedtuple("Coming", ("type", "version", "size", "sha256"))
Target = namedtuple("Target", ("board", "kind", "image"))  # what a set has to be for


class UpdateStore:
    """`slot_flash(number)` gives a slot; `running` is the one whose set runs, None for the factory set."""

    def __init__(self, record, slot_flash, running, target):
        self._record = record
        self._target = target
        self._number = self._free_slot(running)
        self._flash = slot_flash(self._number)
        self._old = None if running is None else slot_flash(running)
        self._old_manifest_size = 0 if running is None else record.slots[running].manifest_size
        self._old_entry, self._old_place = self._old_manifest_size, 0  # where it is looked into next
        self._page = bytearray(PAGE_SIZE)
        self._step = self._nothing
        self._at = 0  # of the step: a sector, or how much of the image is hashed
        self._hash = None
        self._manifest = None
        self._piece = None  # the one that is looked for, None behind the last
        self._piece_number = self._image_offset = self._offset = (
            0  # its number, and where it lies in image and document
        )
        self._asked = []  # (where in the slot, piece) of those right before it that are asked for together
        self.partial = None
        self.wanted = None  # (offset, size) of the chunk that is needed next

    def open(self):
        """Go on with what a restart interrupted."""
        slot = self._record.slots[self._number]
        if slot.state == boot_record.PULLING:
            self.partial = Coming(wire.FIRMWARE, slot.version, slot.size, slot.sha256)
            self._step = self._take_up_again

    def held_version(self, _type_id):
        """Of the set in force: one on trial is not, until it is confirmed; 0 for the factory's."""
        confirmed = [slot.version for slot in self._record.slots if slot.state == boot_record.CONFIRMED]
        return max(confirmed) if confirmed else 0

    def known(self, _type_id):
        """What was verified and is in a slot, for offers that are repeated."""
        found = self._record.to_start()
        if found is None:
            return None
        slot = self._record.slots[found]
        return Coming(wire.FIRMWARE, slot.version, slot.size, slot.sha256)

    def refusal(self, offer):
        for slot in self._record.slots:
            if slot.state == boot_record.BAD and slot.version == offer.version:
                return document.REASON_BAD_SET
        return document.REASON_OLDER if offer.version <= self._record.floor else document.REASON_NONE

    def begin(self, offer):
        """Reserve the slot for an offered set. Raises FlashFault."""
        self.partial = Coming(offer.type, offer.version, offer.size, offer.sha256)
        self._record.change(
            self._number,
            state=boot_record.PULLING,
            patience=0,
            reason=0,
            version=offer.version,
            size=offer.size,
            sha256=offer.sha256,
            manifest_size=0,
        )
        self._erase_first()
        return True

    def drop(self):
        """Give the set on its way up."""
        self._record.change(self._number, state=boot_record.EMPTY)
        self.partial = self.wanted = None
        self._step = self._nothing

    def work(self):
        """One step: at most an erase or a piece. True when there is more to do, False when there is nothing, or a chunk
        to wait for; the set that was on its way when it has been verified whole. Raises StoreFault, FlashFault."""
        return self._step()

    def write(self, offset, data):
        """The chunk that was wanted. Raises StoreFault, FlashFault."""
        self.wanted = None
        if self._manifest is None:
            head = data if offset == 0 else self._read(self._flash, 0, manifest.HEAD_SIZE)
            end = manifest.length(self._parsed(manifest.parse, head))
            self._program(offset, data[: end - offset])
            self._want_manifest(min(offset + len(data), end), end)
        else:
            asked, self._asked = self._asked, []
            for at, piece in asked:
                self._inflate(at, piece, data[: piece.stored])
                data = data[piece.stored :]
            self._step = self._find_piece

    # Steps.

    def _nothing(self):
        return False

    def _erase_first(self):
        self._manifest = self.wanted = None
        self._at = 0
        self._step = self._erase

    def _erase(self):
        """One sector, if it is not blank; the manifest is programmed when all are."""
        sector, self._at = self._at, self._at + 1
        if not self._is_blank(self._flash, sector * SECTOR_SIZE, SECTOR_SIZE):
            self._flash.ioctl(IOCTL_ERASE_BLOCK, sector)
        if self._at == self._flash.ioctl(IOCTL_BLOCK_COUNT, 0):
            self._step = self._nothing
            self._want_manifest(0, min(wire.FIRMWARE_CHUNK_SIZE, self.partial.size))
        return True

    def _take_up_again(self):
        """After a restart: the manifest that is here, else everything from the beginning."""
        self._erase_first()
        try:
            found = manifest.parse(self._read(self._flash, 0, manifest.HEAD_SIZE))
            if self._digest(self._flash, 0, manifest.length(found)) == self.partial.sha256:
                self._take_manifest(found)
        except MalformedFrame:
            pass
        return True

    def _want_manifest(self, have, end):
        """`end` is its length, as far as it is known: of the first chunk all that is of the manifest is kept."""
        if end > self.partial.size:
            raise StoreFault(document.REASON_MALFORMED)
        if have < end:
            self.wanted = have, min(wire.FIRMWARE_CHUNK_SIZE, end - have)
            return
        if self._digest(self._flash, 0, end) != self.partial.sha256:
            raise StoreFault(document.REASON_WRONG_HASH)
        self._take_manifest(manifest.parse(self._read(self._flash, 0, manifest.HEAD_SIZE)))

    def _take_manifest(self, found):
        """The manifest is the publisher's: is it for this node?"""
        if found.board != self._target.board:
            raise StoreFault(document.REASON_WRONG_BOARD)
        if not found.kinds >> self._target.kind & 1:
            raise StoreFault(document.REASON_WRONG_KIND)
        if found.image > self._target.image:
            raise StoreFault(document.REASON_IMAGE_TOO_OLD)
        if found.counter != self.partial.version:
            raise StoreFault(document.REASON_MALFORMED)
        size = manifest.length(found)
        if image_at(size) + found.size > self._flash.ioctl(IOCTL_BLOCK_COUNT, 0) * SECTOR_SIZE:
            raise StoreFault(document.REASON_NO_SPACE)
        self._record.change(self._number, manifest_size=size)
        self._manifest = found
        self._piece_number, self._image_offset, self._offset = -1, image_at(size), size
        self._piece = manifest.Piece(0, 0, b"")
        self._asked = []
        self._next_piece()

    def _next_piece(self):
        self._image_offset += self._piece.size
        self._offset += self._piece.stored
        self._piece_number += 1
        if self._piece_number == self._manifest.pieces:
            self._piece = None
        else:
            described = self._read(self._flash, manifest.place(self._piece_number), manifest.PIECE_SIZE)
            self._piece = self._parsed(manifest.parse_piece, described)
        self._step = self._find_piece

    def _find_piece(self):
        """It is here, from before a restart; or it is in the running set; or it has to be asked for: with others that
        lie beside it, as many as one chunk and one step may hold."""
        piece, asked = self._piece, self._asked
        if asked and (
            piece is None
            or sum([one.stored for _, one in asked], piece.stored) > wire.FIRMWARE_CHUNK_SIZE
            or sum([one.size for _, one in asked], piece.size) > manifest.MAX_RAW
        ):
            return self._ask()
        if piece is None:
            if self._image_offset - image_at(manifest.length(self._manifest)) != self._manifest.size:  # pyright: ignore[reportArgumentType] - it is there
                raise StoreFault(document.REASON_MALFORMED)
            self._at, self._hash = 0, sha256()
            self._step = self._verify
            return True
        if not self._is_here(piece):
            asked.append((self._image_offset, piece))
        elif asked:
            return self._ask()  # and this one is found again
        self._next_piece()
        return True

    def _is_here(self, piece):
        """In the slot, if need be copied from the running set."""
        if not self._is_blank(self._flash, self._image_offset, min(piece.size, PAGE_SIZE)):
            return self._digest(self._flash, self._image_offset, piece.size)[: manifest.DIGEST_SIZE] == piece.digest
        old = self._place_in_old_set(piece.digest)
        if not old or self._digest(self._old, old, piece.size)[: manifest.DIGEST_SIZE] != piece.digest:
            return False
        for at in range(0, piece.size, PAGE_SIZE):
            part = self._read(self._old, old + at, min(PAGE_SIZE, piece.size - at))
            self._program(self._image_offset + at, part)
        return True

    def _ask(self):
        size = sum([one.stored for _, one in self._asked])
        self.wanted = self._offset - size, size
        self._step = self._nothing
        return True

    def _verify(self):
        """The hash over the image, a sector a step."""
        for _ in range(PAGES):
            size = min(PAGE_SIZE, self._manifest.size - self._at)
            start = image_at(manifest.length(self._manifest)) + self._at  # pyright: ignore[reportArgumentType] - it is there
            self._hash.update(self._read(self._flash, start, size))
            self._at += size
            if self._at == self._manifest.size:
                break
        else:
            return True
        if self._hash.digest() != self._manifest.sha256:
            raise StoreFault(document.REASON_WRONG_HASH)
        self._record.change(self._number, state=boot_record.READY)
        done, self.partial = self.partial, None
        self._step = self._nothing
        return done

    # What they are made of.

    def _free_slot(self, running):
        """The slot that may be written: not the running one, and of two free ones that with something on its way."""
        if running is not None:
            return 1 - running
        return 1 if self._record.slots[1].state == boot_record.PULLING else 0

    def _parsed(self, parse, data):
        try:
            return parse(data)
        except MalformedFrame:
            raise StoreFault(document.REASON_MALFORMED)

    def _place_in_old_set(self, digest):
        """Where in the running slot the piece of that digest lies, 0 if it does not; looked for behind the last one."""
        for _ in range(manifest.HEAD_SIZE, self._old_manifest_size, manifest.PIECE_SIZE):
            if self._old_entry >= self._old_manifest_size:
                self._old_entry, self._old_place = manifest.HEAD_SIZE, image_at(self._old_manifest_size)
            piece = manifest.parse_piece(self._read(self._old, self._old_entry, manifest.PIECE_SIZE))
            place = self._old_place
            self._old_entry += manifest.PIECE_SIZE
            self._old_place += piece.size
            if piece.digest == digest:
                return place
        return 0

    def _inflate(self, place, piece, data):
        """Program a piece that came, and see that it is the right one."""
        seen = sha256()
        stream = io.BytesIO(data)
        if piece.stored < piece.size:
            stream = deflate.DeflateIO(stream, deflate.RAW, manifest.WINDOW_BITS)
        at = 0
        while at < piece.size:
            try:
                part = stream.read(min(PAGE_SIZE, piece.size - at))  # pyright: ignore[reportAttributeAccessIssue] - the stubs lack it
            except (OSError, EOFError):
                part = b""
            if not part:
                raise StoreFault(document.REASON_WRONG_HASH)
            seen.update(part)
            self._program(place + at, part)
            at += len(part)
        if seen.digest()[: manifest.DIGEST_SIZE] != piece.digest:
            raise StoreFault(document.REASON_WRONG_HASH)

    def _read(self, flash, at, size):
        """Bytes of a slot, wherever its pages begin."""
        data = bytearray(size)
        flash.readblocks(at // SECTOR_SIZE, data, at % SECTOR_SIZE)
        return data

    def _digest(self, flash, at, size):
        digest = sha256()
        for start in range(at, at + size, PAGE_SIZE):
            digest.update(self._read(flash, start, min(PAGE_SIZE, at + size - start)))
        return digest.digest()

    def _is_blank(self, flash, at, size):
        for start in range(at, at + size, PAGE_SIZE):
            length = min(PAGE_SIZE, at + size - start)
            if self._read(flash, start, length) != _BLANK_PAGE[:length]:
                return False
        return True

    def _program(self, at, data):
        """Page programs; what stands there already stays, so the same bytes may be programmed again."""
        while data:
            start = at % PAGE_SIZE
            part, data = data[: PAGE_SIZE - start], data[PAGE_SIZE - start :]
            self._page[:] = _BLANK_PAGE
            self._page[start : start + len(part)] = part
            self._flash.writeblocks(at // SECTOR_SIZE, self._page, at % SECTOR_SIZE - start)
            self._flash.readblocks(at // SECTOR_SIZE, self._page, at % SECTOR_SIZE - start)
            if self._page[start : start + len(part)] != part:
                raise FlashFault()
            at += len(part)

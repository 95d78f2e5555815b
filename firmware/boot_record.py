"""What stands in the two slots, and how far each set has come: the record that decides what a node starts.

Never knows what a set holds. A change is one page program: it is the new record or the old one, whatever the power did.
Specification: firmware/UPDATES.md; MicroPython's extended block protocol.

    a page: magic "VZB1" | sequence u32 | floor u32 | slot a | slot b | CRC-32       the highest sequence counts
    a slot: state u8 | patience u8 | reason u8 | version u32 | size u32 | SHA-256 of the manifest | its size u16
"""

import struct
from binascii import crc32
from collections import namedtuple

SECTOR_SIZE = 4096
PAGE_SIZE = 256
PAGES = SECTOR_SIZE // PAGE_SIZE
IOCTL_BLOCK_COUNT = 4
IOCTL_ERASE_BLOCK = 6
_MAGIC = b"VZB1"
_HEAD = ">4sII"
_SLOT = ">BBBII32sH"
_SLOT_SIZE = 45
_HEAD_SIZE = 12
_SIZE = _HEAD_SIZE + 2 * _SLOT_SIZE

EMPTY, PULLING, READY, TRIAL, CONFIRMED, BAD = range(6)
PATIENCE = 12  # with a set on trial: what its starts may cost together
POWER_ON_COST, RESET_COST = 1, 4  # a power cut may not be its fault, a reset that nobody asked for is
TOLD = 0xFF  # patience with a bad set of whose end the controller was told

CRASHED, HUNG, NO_RECEIPT = 15, 16, 17  # reasons, as the record `document` has them

# `patience` is what is used up of it; `size` is the document's
_FIELDS = ("state", "patience", "reason", "version", "size", "sha256", "manifest_size")
Slot = namedtuple("Slot", _FIELDS)
NOTHING = Slot(EMPTY, 0, 0, 0, 0, bytes(32), 0)


def image_at(manifest_size):
    """Where in a slot the image begins: on the page behind its manifest."""
    return (manifest_size + PAGE_SIZE - 1) // PAGE_SIZE * PAGE_SIZE


class FlashFault(Exception):
    """The flash does not hold what was programmed."""


class BootRecord:
    """`floor` is the highest version that was ever confirmed or found bad: nothing up to it is taken again."""

    def __init__(self, flash):
        self._flash = flash
        self._page = bytearray(PAGE_SIZE)
        self._pages = flash.ioctl(IOCTL_BLOCK_COUNT, 0) * PAGES
        self._at = -1
        self._sequence = 0
        self.floor = 0
        self.slots = [NOTHING, NOTHING]
        for number in range(self._pages):
            self._look_at(number)

    def change(self, number, **fields):
        """Put new fields of a slot on record. Raises FlashFault."""
        slot = Slot(*[fields.get(name, value) for name, value in zip(_FIELDS, self.slots[number])])
        self.slots[number] = slot
        if slot.state in (CONFIRMED, BAD):
            self.floor = max(self.floor, slot.version)
        self._sequence += 1
        self._write()

    def give_up(self, number, reason):
        """A set does not do: it is never started again."""
        self.change(number, state=BAD, patience=0, reason=reason)

    def to_start(self):
        """The slot of the set that is to run, None for the factory set."""
        found = None
        for number, slot in enumerate(self.slots):
            if slot.state in (READY, TRIAL, CONFIRMED) and (found is None or slot.version > self.slots[found].version):
                found = number
        return found

    def _look_at(self, number):
        page = self._page
        self._flash.readblocks(number // PAGES, page, number % PAGES * PAGE_SIZE)
        magic, sequence, floor = struct.unpack_from(_HEAD, page)
        if magic != _MAGIC or sequence <= self._sequence:
            return
        if struct.unpack_from(">I", page, _SIZE)[0] != crc32(memoryview(page)[:_SIZE]):
            return
        self._at, self._sequence, self.floor = number, sequence, floor
        self.slots = [Slot(*struct.unpack_from(_SLOT, page, _HEAD_SIZE + i * _SLOT_SIZE)) for i in range(2)]

    def _write(self):
        """Into the next page that takes it; the page that counts until then is never in a sector that is erased."""
        fields = struct.pack(_HEAD, _MAGIC, self._sequence, self.floor)
        fields += b"".join([struct.pack(_SLOT, *slot) for slot in self.slots])
        fields += struct.pack(">I", crc32(fields))
        for _ in range(PAGES):
            self._at = (self._at + 1) % self._pages
            sector, offset = self._at // PAGES, self._at % PAGES * PAGE_SIZE
            if offset == 0:
                self._flash.ioctl(IOCTL_ERASE_BLOCK, sector)
            self._page[:] = fields + b"\xff" * (PAGE_SIZE - len(fields))
            self._flash.writeblocks(sector, self._page, offset)
            self._flash.readblocks(sector, self._page, offset)
            if self._page[: len(fields)] == fields:
                return
        raise FlashFault()

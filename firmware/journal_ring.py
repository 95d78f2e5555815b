"""The ring of flash sectors under the journal: places entries, erases ahead, finds its place again after a power cut.

Never knows what an entry means nor when its sector may be given up: firmware/journal.py decides that.
Specification: protocols/wire/journal_format.py; MicroPython's extended block protocol.
"""

from protocols.wire import journal_format as layout

IOCTL_BLOCK_COUNT = 4
IOCTL_ERASE_BLOCK = 6
_BLANK_PAGE = b"\xff" * layout.PAGE_SIZE


class Ring:
    """Sector `generation % count` holds the generation, so the ring needs no index in memory.

    `flash.writeblocks` with an offset programs without erasing: bits only go from 1 to 0 (rp2.Flash).
    """

    def __init__(self, flash):
        self._flash = flash
        self._buffer = bytearray(layout.PAGE_SIZE)
        self._offset = layout.SECTOR_SIZE
        self._blank_ahead = -1  # a generation whose sector is known to be blank
        self.count = flash.ioctl(IOCTL_BLOCK_COUNT, 0)
        self.generation = -1  # of the sector that is being filled
        self.erases = 0
        self.faults = 0

    def newest(self):
        """The header of the newest sector, None on a flash that never held a journal; the ring stands there."""
        newest = None
        for index in range(self.count):
            header = self._header_at(index)
            if header is None or header.generation % self.count != index:
                continue
            if newest is None or header.generation > newest.generation:
                newest = header
        if newest:
            self.generation = newest.generation
            self.erases = max(0, self.generation + 1 - self.count)
        return newest

    def oldest_generation(self):
        """The oldest generation whose sector is not taken by a newer one."""
        return max(0, self.generation - self.count + 1)

    def header_of(self, generation):
        """The header of a generation that is still there, else None."""
        if generation < 0:
            return None
        header = self._header_at(generation % self.count)
        return header if header and header.generation == generation else None

    def is_headed(self, generation):
        """Whether a header can be read where this generation stands or will stand, its own or an older one."""
        return self._header_at(generation % self.count) is not None

    def read_page(self, generation, number, page):
        self._flash.readblocks(generation % self.count, page, number * layout.PAGE_SIZE)

    def resume_at(self, offset):
        """The newest sector is programmed up to `offset`."""
        self._offset = offset

    def place(self, size):
        """Where `size` bytes may stand in this sector without crossing a page; None: nowhere."""
        offset = self._offset
        if offset % layout.PAGE_SIZE + size > layout.PAGE_SIZE:
            offset += layout.PAGE_SIZE - offset % layout.PAGE_SIZE
        return offset if offset < layout.SECTOR_SIZE else None

    def add(self, entry):
        """Program an entry at its place and read it back; False leaves that page behind as unusable."""
        offset = self.place(len(entry))
        if offset is None:
            return False
        done = self._program(entry, offset)
        self._offset = offset + len(entry) if done else (offset // layout.PAGE_SIZE + 1) * layout.PAGE_SIZE
        return done

    def open_sector(self, first_seq, boot_id, receipted):
        """Begin the next sector; False when it cannot be programmed and has to be passed over."""
        self.generation += 1
        self._offset = layout.SECTOR_SIZE
        if self._blank_ahead != self.generation:
            self._make_blank(self.generation % self.count)
        header = layout.SectorHeader(self.generation, first_seq, boot_id, receipted)
        if not self._program(layout.build_header(header), 0):
            return False
        self._offset = layout.HEADER_SIZE
        return True

    def erase_ahead(self):
        """Make the next sector blank; True when that took an erase (tens of milliseconds)."""
        following = self.generation + 1
        if self._blank_ahead == following:
            return False
        self._blank_ahead = following
        return self._make_blank(following % self.count)

    def _header_at(self, index):
        header = bytearray(layout.HEADER_SIZE)
        self._flash.readblocks(index, header, 0)
        return layout.parse_header(header)

    def _program(self, data, offset):
        """One page program; the bytes around `data` are 0xFF, which leaves what stands there alone."""
        page = self._buffer
        start = offset % layout.PAGE_SIZE
        page[:] = _BLANK_PAGE
        page[start : start + len(data)] = data
        sector = self.generation % self.count
        self._flash.writeblocks(sector, page, offset - start)
        self._flash.readblocks(sector, page, offset - start)
        if page[start : start + len(data)] == data:
            return True
        self.faults += 1
        return False

    def _make_blank(self, sector):
        for number in range(layout.PAGES):
            self._flash.readblocks(sector, self._buffer, number * layout.PAGE_SIZE)
            if self._buffer != _BLANK_PAGE:
                self._flash.ioctl(IOCTL_ERASE_BLOCK, sector)
                self.erases += 1
                return True
        return False

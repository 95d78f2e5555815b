"""The journal: keeps every record on flash until the controller's receipt, through any power cut.

Never knows what a record means to people, nor who carries it to the controller.
Specification: protocols/README.md, G1 to G4; protocols/wire/journal_format.py (layout).
"""

from firmware.journal_recovery import recover
from firmware.journal_ring import Ring
from protocols.wire import journal_format as layout
from protocols.wire import record
from protocols.wire.command_window import CommandWindow
from protocols.wire.messages import boot, event, gap, result

SEQ_BITS = 32  # an epoch has so many sequence numbers
BOOT_BITS = 20  # and so many boots
PROGRAM_ATTEMPTS = 3
KEPT_RESERVE = 1  # sectors that records to be kept leave free for the urgent kinds
URGENT_KINDS = (boot.KIND, event.KIND, result.KIND, gap.KIND)
GAPS_REMEMBERED = 16


class JournalFull(Exception):
    """No room that this kind of record may take; nothing was written."""


class FlashFault(Exception):
    """The flash does not hold what was programmed; nothing was accepted."""


def _nobody():
    pass


class Journal:
    """`flash` is a block device of the extended protocol; `stamp()` gives (clock quality, milliseconds).

    Records of `kept_kinds` are refused when the ring is full, and never given up. Events, results, gaps and the boot
    record may take the last sector. All others are telemetry: they leave a quarter of the ring to the kept ones, and
    give up the oldest sector if nothing to be kept lies in it. Records of `ending_kinds` begin with the id of the
    command that they end. On a blank flash numbers begin with the `epoch`, which is one more for each flash of a node.
    """

    def __init__(self, flash, stamp, kept_kinds=(), ending_kinds=(), epoch=0):
        self._ring = Ring(flash)
        self._stamp = stamp
        self._kept_kinds = kept_kinds
        self._ending_kinds = (result.KIND,) + ending_kinds
        self._epoch = epoch
        self._telemetry_reserve = max(KEPT_RESERVE + 1, self._ring.count // 4 if kept_kinds else 0)
        self._tail = 0  # the oldest generation that still holds something that waits
        self._floor = 0  # everything up to here was receipted or given up
        self._bookmark = (0, 0, 0)  # seq, generation, page: where the last reading stopped
        self._undeclared = []  # (first, last, reason) of numbers that are gone
        self._gaps = []  # (first, last, seq of the record that declares them)
        self.commands = CommandWindow()
        self.boot_id = 0
        self.last_seq = 0
        self.receipted = 0
        self.dropped = 0
        self.on_append = _nobody  # called without arguments after each record

    def open(self):
        """Recover whatever a power cut left, and take a new boot id: the boot record has to be appended next."""
        if self._ring.newest():
            found = recover(self._ring, self._ending_kinds)
            self.receipted, self.boot_id, self.commands = found.receipted, found.boot_id, found.commands
            self._gaps = found.gaps[-GAPS_REMEMBERED:]
            self.last_seq = found.last_seq + found.lost
            if found.lost:
                self._undeclared.append((found.last_seq + 1, self.last_seq, gap.REASON_TORN_WRITE))
            self._find_tail()
        else:
            self.receipted = self.last_seq = self._floor = self._epoch << SEQ_BITS
            self.boot_id = self._epoch << BOOT_BITS
        self.boot_id += 1

    def append(self, message, body):
        """Keep one record; durable when this returns its sequence number. Raises JournalFull or FlashFault.

        `message` is a module of protocols.wire.messages, `body` its namedtuple.
        """
        seq = self._append(message, body)
        if message.KIND in self._ending_kinds:
            self.commands.finish(body.command_id)
        while self._undeclared and self._declare(*self._undeclared[0]):
            self._undeclared.pop(0)
        self.on_append()
        return seq

    def note(self, message, body):
        """append() for what may be lost: 0 instead of an exception, counted in `dropped`."""
        try:
            return self.append(message, body)
        except (JournalFull, FlashFault):
            self.dropped += 1
            return 0

    def take_command(self, command_id):
        """Mark on flash that this command was taken; False when there is no room, and then it was not."""
        try:
            self._write(layout.build_command_mark(command_id, False), 0)
        except (JournalFull, FlashFault):
            return False
        self.commands.take(command_id)
        return True

    def has_room(self, message):
        """Whether a record of this kind, of its usual size, would be taken now."""
        size = layout.MIN_ENTRY_SIZE + message.SIZE
        return self._free_beside(size) >= self._reserve_of(message.KIND) or self._may_give_up()

    def declare(self, first, last):
        """The session found that first..last cannot be read: record that, and why (G4)."""
        if last <= self._epoch << SEQ_BITS < self.last_seq:
            reason = gap.REASON_FLASH_REPLACED
        elif last <= self.receipted:
            reason = gap.REASON_RECEIPTED_BEFORE
        else:
            reason = gap.REASON_OVERWRITTEN if last <= self._floor else gap.REASON_CORRUPTED
        if self._declare(first, last, reason):
            self.on_append()

    def gap_declared(self, first, last):
        """Sequence number of the record that declares first..last as gone, 0 when none is remembered."""
        for gap_first, gap_last, seq in self._gaps:
            if gap_first <= first and last <= gap_last:
                return seq
        return 0

    def trim(self, up_to):
        """The controller holds everything up to `up_to`: it waits no more (but stays until its sector is needed)."""
        if not self.receipted < up_to <= self.last_seq:
            return
        self.receipted = up_to
        self._floor = max(self._floor, up_to)
        self._advance_tail()
        try:
            self._write(layout.build_mark(up_to), 0)
        except (JournalFull, FlashFault):
            pass  # a later mark or header will carry it; until then a repeated record is refused by the controller

    def idle(self):
        """Erase the next sector ahead, so that no append waits for it; True when it took an erase."""
        return self.free_sectors > 0 and self._ring.erase_ahead()

    def records(self, first):
        """Yield (seq, record in wire form) from `first` on, in order, passing over what cannot be read."""
        page = bytearray(layout.PAGE_SIZE)
        generation, number = self._find(first)
        while generation <= self._ring.generation:
            self._ring.read_page(generation, number, page)
            for offset, end in layout.entries(page, number):
                seq = layout.entry_seq(page, offset)
                if page[offset] <= record.MAX_KIND and first <= seq <= self.last_seq:
                    first = seq + 1
                    self._bookmark = (seq, generation, number)
                    yield seq, bytes(page[offset : end - layout.CRC_SIZE])
            number += 1
            if number == layout.PAGES:
                generation, number = generation + 1, 0

    def read(self, first, last, count, size):
        """At most `count` records of first..last, together at most `size` bytes, and how far that looked."""
        found = []
        for seq, data in self.records(first):
            if seq > last:
                break
            size -= len(data)
            if len(found) == count or size < 0:
                return found, found[-1][0]
            found.append((seq, data))
        return found, last

    @property
    def depth(self):
        """Records that wait for a receipt."""
        return self.last_seq - self._floor

    @property
    def oldest_seq(self):
        """The oldest number that waits for a receipt, 0 when nothing waits."""
        return self._floor + 1 if self.depth else 0

    @property
    def sectors(self):
        """All there are."""
        return self._ring.count

    @property
    def free_sectors(self):
        """Sectors that hold nothing that waits."""
        return self._ring.count - (self._ring.generation - self._tail + 1)

    @property
    def nearly_full(self):
        """Telemetry is already being given up or refused."""
        return self.free_sectors <= self._telemetry_reserve

    @property
    def erases(self):
        return self._ring.erases

    @property
    def flash_faults(self):
        return self._ring.faults

    # Writing and giving up.

    def _declare(self, first, last, reason):
        try:
            seq = self._append(gap, gap.Gap(first, last, reason))
        except (JournalFull, FlashFault):
            return False
        self._remember_gap(first, last, seq)
        return True

    def _append(self, message, body):
        encoded = message.build(body)
        self._make_room(layout.MIN_ENTRY_SIZE + len(encoded), self._reserve_of(message.KIND))
        quality, time_ms = self._stamp()
        seq = self.last_seq + 1
        data = record.build(message.KIND, message.VERSION, quality, seq, time_ms, encoded)
        self._write(layout.build_entry(data), seq)
        self.last_seq = seq
        return seq

    def _write(self, entry, first_seq):
        """Program an entry, in a new sector if need be. Raises JournalFull or FlashFault."""
        for _ in range(PROGRAM_ATTEMPTS):
            self._make_room(len(entry), 0)
            if self._ring.place(len(entry)) is None:
                self._open_sector(first_seq or self.last_seq + 1)
            if self._ring.add(entry):
                return
        raise FlashFault()

    def _open_sector(self, first_seq):
        """Begin the next sector with what a restart has to know of commands: older sectors may be gone by then."""
        if self._ring.open_sector(first_seq, self.boot_id, self.receipted):
            for command_id, finished in self.commands.heads():
                self._ring.add(layout.build_command_mark(command_id, finished))

    def _reserve_of(self, kind):
        if kind in URGENT_KINDS:
            return 0
        return KEPT_RESERVE if kind in self._kept_kinds else self._telemetry_reserve

    def _free_beside(self, size):
        """Sectors that stay free when `size` more bytes are programmed."""
        return self.free_sectors - (1 if self._ring.place(size) is None else 0)

    def _make_room(self, size, reserve):
        while self._free_beside(size) < reserve:
            if not self._may_give_up():
                raise JournalFull()
            self._give_up_oldest()

    def _may_give_up(self):
        """Whether there is an oldest sector apart from the newest, and nothing in it waits and has to be kept."""
        if self._tail >= self._ring.generation:
            return False
        page = bytearray(layout.PAGE_SIZE)
        for number in range(layout.PAGES if self._kept_kinds else 0):
            self._ring.read_page(self._tail, number, page)
            for offset, _ in layout.entries(page, number):
                if page[offset] in self._kept_kinds and layout.entry_seq(page, offset) > self.receipted:
                    return False
        return True

    def _give_up_oldest(self):
        self._tail += 1
        header = self._ring.header_of(self._tail)
        if header and header.first_seq > self._floor + 1:
            self._floor = header.first_seq - 1
            # From the receipt on: an earlier declaration may lie in a sector that is given up too.
            self._undeclared = [one for one in self._undeclared if one[2] != gap.REASON_OVERWRITTEN]
            self._undeclared.append((self.receipted + 1, self._floor, gap.REASON_OVERWRITTEN))

    def _remember_gap(self, first, last, seq):
        self._gaps.append((first, last, seq))
        if len(self._gaps) > GAPS_REMEMBERED:
            self._gaps.pop(0)

    # Finding.

    def _find_tail(self):
        """The oldest sector that is there and may hold something that waits."""
        generation = self._tail = self._ring.generation
        header = self._ring.header_of(generation)
        first_seq = header.first_seq if header else self.last_seq + 1
        while first_seq > self.receipted + 1 and generation > self._ring.oldest_generation():
            generation -= 1
            header = self._ring.header_of(generation)
            if header:
                self._tail, first_seq = generation, header.first_seq
        self._floor = max(self.receipted, first_seq - 1)

    def _advance_tail(self):
        for generation in range(self._tail + 1, self._ring.generation + 1):
            header = self._ring.header_of(generation)
            if header and header.first_seq > self.receipted + 1:
                return
            if header:
                self._tail = generation

    def _find(self, seq):
        """(generation, page) from where on every readable record from `seq` on is found."""
        marked_seq, generation, number = self._bookmark
        following = self._ring.header_of(generation + 1)
        passed = following and following.first_seq <= seq
        if 0 < marked_seq <= seq and self._ring.header_of(generation) and not passed:
            return generation, number
        for generation in range(self._ring.generation, self._ring.oldest_generation(), -1):
            header = self._ring.header_of(generation)
            if header and header.first_seq <= seq:
                return generation, 0
        return self._ring.oldest_generation(), 0

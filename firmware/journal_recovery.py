"""What a journal's newest sectors tell after a restart: numbers, receipts, commands, and where to go on.

Never erases or programs, and never decides what waits: firmware/journal.py does.
Specification: protocols/WIRE.md, "Journal on flash"; protocols/wire/journal_format.py.
"""

from protocols.wire import journal_format as layout
from protocols.wire import record
from protocols.wire.command_window import CommandWindow
from protocols.wire.messages import boot, gap


class Recovered:
    def __init__(self):
        self.last_seq = 0
        self.lost = 0  # numbers behind the last that may have been programmed, and cannot be read
        self.receipted = 0
        self.boot_id = 0
        self.gaps = []  # (first, last, seq of the record that declares them)
        self.commands = CommandWindow()


def recover(ring, ending_kinds):
    """Read the newest sectors and place the ring behind what is programmed; the ring stands at its newest header."""
    found = Recovered()
    if ring.header_of(ring.generation - 1):
        _take_in_sector(found, ring, ring.generation - 1, ending_kinds)
    programmed_to = _take_in_sector(found, ring, ring.generation, ending_kinds)
    while _holds_newer(found, ring, ring.generation + 1):  # its header decayed: what is in it counts, nothing is added
        ring.generation += 1
        _take_in_sector(found, ring, ring.generation, ending_kinds)
        programmed_to = layout.SECTOR_SIZE
    ring.resume_at(programmed_to)
    return found


def _take_in_sector(found, ring, generation, ending_kinds):
    """Learn from a sector; returns up to where it is programmed."""
    header = ring.header_of(generation)
    if header:
        found.receipted = max(found.receipted, header.receipted)
        found.boot_id = max(found.boot_id, header.boot_id)
        found.last_seq = max(found.last_seq, header.first_seq - 1)
    found.lost = 0
    page = bytearray(layout.PAGE_SIZE)
    programmed_to = layout.HEADER_SIZE
    for number in range(layout.PAGES):
        ring.read_page(generation, number, page)
        end = layout.HEADER_SIZE if number == 0 else 0
        for offset, end in layout.entries(page, number):
            _take_in(found, page, offset, end, ending_kinds)
        found.lost += layout.lost_entries(page, end)
        if layout.used(page) > end:
            programmed_to = (number + 1) * layout.PAGE_SIZE
        elif end:
            programmed_to = number * layout.PAGE_SIZE + end
    return programmed_to


def _take_in(found, page, offset, end, ending_kinds):
    """Learn from one entry."""
    kind, seq = page[offset], layout.entry_seq(page, offset)
    if kind == layout.KIND_MARK:
        found.receipted = max(found.receipted, seq)
    elif kind == layout.KIND_COMMAND:
        found.commands.take(seq, page[offset + 1] == layout.COMMAND_FINISHED)
    if kind > record.MAX_KIND:
        return
    found.last_seq, found.lost = seq, 0
    body = bytes(page[offset + record.HEADER_SIZE : end - layout.CRC_SIZE])
    if kind == boot.KIND:
        found.boot_id = max(found.boot_id, boot.parse(body, newer=True).boot_id)
    elif kind == gap.KIND:
        declared = gap.parse(body, newer=True)
        found.gaps.append((declared.first_seq, declared.last_seq, seq))
    elif kind in ending_kinds:
        found.commands.finish(layout.command_ended_by(body))


def _holds_newer(found, ring, generation):
    """Whether the sector of this generation has records of it although its header cannot be read."""
    if ring.is_headed(generation):
        return False
    page = bytearray(layout.PAGE_SIZE)
    for number in range(layout.PAGES):
        ring.read_page(generation, number, page)
        for offset, _ in layout.entries(page, number):
            if page[offset] <= record.MAX_KIND and layout.entry_seq(page, offset) > found.last_seq:
                return True
    return False

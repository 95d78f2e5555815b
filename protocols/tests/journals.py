"""Journal images as a node's flash holds them, for tests of what is done with dead nodes.

Never runs a node: firmware's tests and hil_tests do, on real flash.
Specification: protocols/wire/journal_format.py.
"""

from protocols import drain_file
from protocols.wire import journal_format as layout


def image_of(records: list[bytes], receipted: int = 0, sectors: int = 4) -> bytes:
    """The image of a journal that these records were appended to."""
    cells = bytearray(b"\xff" * sectors * layout.SECTOR_SIZE)
    at = layout.SECTOR_SIZE * sectors
    generation = -1
    for entry in [*map(layout.build_entry, records), layout.build_mark(receipted)]:
        if at % layout.PAGE_SIZE + len(entry) > layout.PAGE_SIZE:
            at += layout.PAGE_SIZE - at % layout.PAGE_SIZE
        if generation < 0 or at % layout.SECTOR_SIZE == 0:
            generation += 1
            at = generation * layout.SECTOR_SIZE
            header = layout.build_header(layout.SectorHeader(generation, 1, 1, 0))
            cells[at : at + len(header)] = header
            at += len(header)
        cells[at : at + len(entry)] = entry
        at += len(entry)
    return bytes(cells)


def drained(node: bytes, image: bytes, source: str = "/dev/ttyACM0") -> bytes:
    """The drain file of an image."""
    return drain_file.build_header(node, len(image), source) + image

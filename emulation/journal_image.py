"""Journals as a programmer burns them into a node's flash: what months of service without a controller leave behind.
It must never know a node.
Specification: protocols/wire/journal_format.py.
"""

from protocols.wire import journal_format, record


def full_journal(sectors: int, kind: int, body: bytes) -> bytes:
    """A journal image in which every sector but the last one is full of such records, and none has a receipt."""
    image = bytearray(b"\xff" * (sectors * journal_format.SECTOR_SIZE))
    seq = 1
    for generation in range(sectors - 1):
        start = generation * journal_format.SECTOR_SIZE
        header = journal_format.build_header(journal_format.SectorHeader(generation, seq, 1, 0))
        image[start : start + len(header)] = header
        for page in range(start, start + journal_format.SECTOR_SIZE, journal_format.PAGE_SIZE):
            at = page + (len(header) if page == start else 0)
            entry = journal_format.build_entry(record.build(kind, 1, 1, seq, seq * 1000, body))
            while at + len(entry) <= page + journal_format.PAGE_SIZE:
                image[at : at + len(entry)] = entry
                at += len(entry)
                seq += 1
                entry = journal_format.build_entry(record.build(kind, 1, 1, seq, seq * 1000, body))
    return bytes(image)

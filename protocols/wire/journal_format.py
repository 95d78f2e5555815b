"""How a journal lies on flash, so that a power cut at any moment costs at most the entry that was being programmed.

    sector (4096 bytes): header | entries, none of which crosses a page (256 bytes)
    header: magic "VZJ1" | generation u32 | first seq u64 | boot id u32 | receipted u64 | CRC-32 u32
    entry:  record in wire form | CRC-32 u32
    mark:   an entry without a body that is no record; kind 0xFE: its seq says "receipted up to here",
            kind 0xFD: its seq is the id of a command that was taken, its version says whether that has its result

A first byte of 0xFF is free flash. Behind an entry with a wrong CRC a reader goes on at the next page.
Never erases or programs: firmware/journal.py does. Specification: protocols/README.md, "Journal on flash".
"""

import struct
from binascii import crc32
from collections import namedtuple

from protocols.wire import record

SECTOR_SIZE = 4096
PAGE_SIZE = 256
PAGES = SECTOR_SIZE // PAGE_SIZE
MAGIC = b"VZJ1"
_HEADER = ">4sIQIQ"
HEADER_SIZE = 32
CRC_SIZE = 4
MIN_ENTRY_SIZE = record.HEADER_SIZE + CRC_SIZE
KIND_COMMAND = 0xFD
KIND_MARK = 0xFE
KIND_FREE = 0xFF
COMMAND_TAKEN = 1
COMMAND_FINISHED = 2

FREE = 0  # entry_size(): nothing was programmed here
BAD = -1  # entry_size(): a torn or decayed entry

SectorHeader = namedtuple("SectorHeader", ("generation", "first_seq", "boot_id", "receipted"))
Image = namedtuple("Image", ("records", "receipted", "boot_id", "bad_entries"))


def build_header(header: SectorHeader) -> bytes:
    """The first bytes of a sector."""
    data = struct.pack(_HEADER, MAGIC, header.generation, header.first_seq, header.boot_id, header.receipted)
    return data + struct.pack(">I", crc32(data))


def parse_header(data: bytes) -> SectorHeader | None:
    """The header of a sector, None when it is blank, torn or decayed."""
    body = bytes(data[: HEADER_SIZE - CRC_SIZE])
    if body[:4] != MAGIC or struct.unpack_from(">I", data, HEADER_SIZE - CRC_SIZE)[0] != crc32(body):
        return None
    _, generation, first_seq, boot_id, receipted = struct.unpack(_HEADER, body)
    return SectorHeader(generation, first_seq, boot_id, receipted)


def build_entry(record_bytes: bytes) -> bytes:
    """A record as it stands on flash."""
    return record_bytes + struct.pack(">I", crc32(record_bytes))


def build_mark(receipted: int) -> bytes:
    """The entry that says: everything up to `receipted` is in the controller's database."""
    return _mark(KIND_MARK, 1, receipted)


def build_command_mark(command_id: int, finished: bool) -> bytes:
    """The entry that says: this command was taken, and (`finished`) has its result."""
    return _mark(KIND_COMMAND, COMMAND_FINISHED if finished else COMMAND_TAKEN, command_id)


def _mark(kind: int, version: int, number: int) -> bytes:
    return build_entry(struct.pack(">BBBBQIH", kind, version, 0, 0, number, 0, 0))


def entry_size(page: bytes, offset: int) -> int:
    """Bytes of the entry at `offset` of a page, its CRC included; FREE or BAD when there is none."""
    if offset + MIN_ENTRY_SIZE > PAGE_SIZE or page[offset] == KIND_FREE:
        return FREE
    end = offset + MIN_ENTRY_SIZE + page[offset + 2]
    if end > PAGE_SIZE:
        return BAD
    body = memoryview(page)[offset : end - CRC_SIZE]
    return end - offset if struct.unpack_from(">I", page, end - CRC_SIZE)[0] == crc32(body) else BAD


def entry_seq(page: bytes, offset: int) -> int:
    """The sequence number of the entry at `offset` of a page."""
    seq: int = struct.unpack_from(">Q", page, offset + 4)[0]
    return seq


def command_ended_by(body: bytes) -> int:
    """The id that every record begins with that ends a command."""
    command_id: int = struct.unpack_from(">Q", body)[0]
    return command_id


def entries(page: bytes, number: int) -> list[tuple[int, int]]:
    """(offset, end) of every entry that can be read in page `number` of a sector."""
    found = []
    offset = HEADER_SIZE if number == 0 else 0
    size = entry_size(page, offset)
    while size > 0:
        found.append((offset, offset + size))
        offset += size
        size = entry_size(page, offset)
    return found


def used(page: bytes) -> int:
    """Bytes of a page up to the last one that was programmed."""
    return len(bytes(page).rstrip(b"\xff"))


def lost_entries(page: bytes, offset: int) -> int:
    """How many records may have stood at `offset` and behind it, where no entry can be read.

    Bits only go from 1 to 0, so a torn length is never too short: what one torn entry cannot explain was more than one.
    """
    extent = used(page) - offset
    if extent <= 0 or page[offset] in (KIND_MARK, KIND_COMMAND):
        return 0
    if extent < 3 or extent <= MIN_ENTRY_SIZE + page[offset + 2]:
        return 1
    return extent // MIN_ENTRY_SIZE + 1


def read_image(image: bytes) -> Image:
    """Everything a whole journal image still holds: records in wire form by sequence number, oldest first.

    History that was receipted stays on flash until its sector is needed, so this is more than what waits.
    """
    sectors = []
    for start in range(0, len(image), SECTOR_SIZE):
        header = parse_header(image[start : start + HEADER_SIZE])
        if header is not None:
            sectors.append((header.generation, start, header))
    records: dict[int, bytes] = {}
    receipted = boot_id = bad_entries = 0
    for _, start, header in sorted(sectors):
        receipted = max(receipted, header.receipted)
        boot_id = max(boot_id, header.boot_id)
        for number in range(PAGES):
            page = image[start + number * PAGE_SIZE : start + (number + 1) * PAGE_SIZE]
            end = HEADER_SIZE if number == 0 else 0
            for offset, end in entries(page, number):
                seq = entry_seq(page, offset)
                if page[offset] == KIND_MARK:
                    receipted = max(receipted, seq)
                elif page[offset] <= record.MAX_KIND:
                    records[seq] = page[offset : end - CRC_SIZE]
            bad_entries += 1 if lost_entries(page, end) else 0
    return Image([records[seq] for seq in sorted(records)], receipted, boot_id, bad_entries)

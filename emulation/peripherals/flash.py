"""A NOR flash partition in a file: bits go only from 1 to 0, blocks are erased whole, a power cut tears an operation.
It must never know what is written in it, nor sleep: each operation returns how long the real chip would be busy.
Specification: W25Q16JV data sheet (the Pico's flash): page program, sector erase, and their times in section 9.6.
"""

import mmap
import os
import random
from collections import Counter
from pathlib import Path

BLOCK_BYTES = 4096
PAGE_BYTES = 256
PAGE_PROGRAM_US = 400  # tPP, typical (3 ms at most)
SECTOR_ERASE_US = 45_000  # tSE, typical (400 ms at most)
ERASED = 0xFF


class PowerCut(Exception):
    """The supply failed in the middle of an operation: the node must be stopped without another instruction."""


class Operations:
    """Those of all partitions of one chip, counted from 1; the supply fails in the one that `cut_at` says."""

    def __init__(self) -> None:
        self.count = 0
        self.cut_at: int | None = None


class Flash:
    """One partition. Its operations are a page program and a block erase; `cut_at(k)` tears the k-th of its chip.

    The file is made when something is written.
    """

    def __init__(self, path: Path, size: int, chip: Operations | None = None) -> None:
        if size % BLOCK_BYTES:
            raise ValueError(f"a flash partition is whole blocks of {BLOCK_BYTES} bytes, not {size}")
        self.path = path
        self.size = size
        self._chip = chip or Operations()
        self.cuts = 0
        self.pages_programmed = 0
        self.erases_by_block: Counter[int] = Counter()
        self.busy_us = 0
        self._mapped = _map_file(path, size) if path.exists() else None

    @property
    def _cells(self) -> mmap.mmap:
        if self._mapped is None:
            self._mapped = _map_file(self.path, self.size)
        return self._mapped

    @property
    def operations(self) -> int:
        return self._chip.count

    def close(self) -> None:
        if self._mapped is not None:
            self._mapped.close()

    def image(self) -> bytes:
        return self.read(0, self.size)

    def burn_image(self, image: bytes) -> None:
        """What a programmer writes: no operation of the node."""
        self._cells[:] = image

    def cut_at(self, operation: int | None) -> None:
        """Fail the supply during that operation (see `operations`); None calls it off."""
        self._chip.cut_at = operation

    def read(self, offset: int, count: int) -> bytes:
        self._check_range(offset, count)
        return bytes((ERASED,)) * count if self._mapped is None else self._mapped[offset : offset + count]

    def program(self, offset: int, data: bytes) -> int:
        """Clear bits, page by page. Returns the busy time in us; raises PowerCut, ValueError for a range outside."""
        self._check_range(offset, len(data))
        busy_us = 0
        done = 0
        while done < len(data):
            at = offset + done
            piece = data[done : done + PAGE_BYTES - at % PAGE_BYTES]
            if self._operation_is_cut():
                self._tear_program(at, piece)
                raise PowerCut(f"page program at {at:#x}")
            self._clear_bits(at, piece)
            self.pages_programmed += 1
            busy_us += PAGE_PROGRAM_US
            done += len(piece)
        self.busy_us += busy_us
        return busy_us

    def erase(self, block: int) -> int:
        """Set every bit of a block. Returns the busy time in us; raises PowerCut, ValueError for a block outside."""
        at = block * BLOCK_BYTES
        self._check_range(at, BLOCK_BYTES)
        self.erases_by_block[block] += 1
        if self._operation_is_cut():
            self._tear_erase(at)
            raise PowerCut(f"erase of block {block}")
        self._cells[at : at + BLOCK_BYTES] = bytes((ERASED,)) * BLOCK_BYTES
        self.busy_us += SECTOR_ERASE_US
        return SECTOR_ERASE_US

    def _check_range(self, offset: int, count: int) -> None:
        if offset < 0 or count < 0 or offset + count > self.size:
            raise ValueError(f"{count} bytes at {offset:#x} are outside a partition of {self.size:#x}")

    def _operation_is_cut(self) -> bool:
        self._chip.count += 1
        if self._chip.count != self._chip.cut_at:
            return False
        self._chip.cut_at = None
        self.cuts += 1
        return True

    def _clear_bits(self, at: int, piece: bytes) -> None:
        end = at + len(piece)
        cells = int.from_bytes(self._cells[at:end]) & int.from_bytes(piece)
        self._cells[at:end] = cells.to_bytes(len(piece))

    # What a cut leaves behind is drawn from the operation's number: the same run tears the same bits.
    def _tear_program(self, at: int, piece: bytes) -> None:
        draw = random.Random(self.operations)
        whole = draw.randrange(len(piece))
        undecided = piece[whole] | draw.randrange(256)  # some of this byte's bits were cleared, others not yet
        self._clear_bits(at, piece[:whole] + bytes((undecided,)))

    def _tear_erase(self, at: int) -> None:
        draw = random.Random(self.operations)
        noise = int.from_bytes(draw.randbytes(BLOCK_BYTES))
        cells = int.from_bytes(self._cells[at : at + BLOCK_BYTES]) | noise
        self._cells[at : at + BLOCK_BYTES] = cells.to_bytes(BLOCK_BYTES)


def _map_file(path: Path, size: int) -> mmap.mmap:
    """A shared mapping: what was programmed outlives a kill of the node and of the emulator."""
    if not path.exists():
        path.write_bytes(bytes((ERASED,)) * size)
    if path.stat().st_size != size:
        raise ValueError(f"{path} holds {path.stat().st_size} bytes and the board's partition {size}: remove the file")
    descriptor = os.open(path, os.O_RDWR)
    try:
        return mmap.mmap(descriptor, size)
    finally:
        os.close(descriptor)

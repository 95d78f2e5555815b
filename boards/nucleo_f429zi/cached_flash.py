"""A partition of MicroPython's internal storage with rp2.Flash's extended block protocol, over any sectors below.
It must never know what is stored. It is no safer than the cache below it: a cut of the power costs what was written in
the last second, and if the sector is just being rewritten, the sector.
Specification: MicroPython's `pyb.Flash`, ports/stm32/storage.c; `vfs.AbstractBlockDev` (extended interface).
"""

BLOCK_BYTES = 4096
PAGE_BYTES = 256
_NATIVE_BYTES = 512  # the storage's own block
_SYNC = 3
_BLOCK_COUNT = 4
_BLOCK_SIZE = 5
_BLOCK_ERASE = 6
_BLANK_PAGE = b"\xff" * PAGE_BYTES


class CachedFlash:
    """`storage` is a pyb.Flash(start=, len=) of `size` bytes."""

    def __init__(self, storage, size):
        self._storage = storage
        self._blocks = size // BLOCK_BYTES

    def readblocks(self, block_num, buf, offset=0):
        where = self._within(block_num, offset, len(buf))
        self._storage.readblocks(where // _NATIVE_BYTES, buf, where % _NATIVE_BYTES)

    def writeblocks(self, block_num, buf, offset):
        """Programs without erasing: bits only fall."""
        cells = bytearray(len(buf))
        self.readblocks(block_num, cells, offset)
        for i in range(len(buf)):
            cells[i] &= buf[i]
        self._put(self._within(block_num, offset, len(buf)), cells)

    def ioctl(self, op, arg):
        if op == _BLOCK_COUNT:
            return self._blocks
        if op == _BLOCK_SIZE:
            return BLOCK_BYTES
        if op == _BLOCK_ERASE:
            where = self._within(arg, 0, BLOCK_BYTES)
            for page in range(where, where + BLOCK_BYTES, PAGE_BYTES):
                self._put(page, _BLANK_PAGE)
        if op == _SYNC:
            self._storage.ioctl(_SYNC, 0)
        return 0

    def _within(self, block_num, offset, size):
        where = block_num * BLOCK_BYTES + offset
        if not 0 <= where <= where + size <= self._blocks * BLOCK_BYTES:
            raise OSError(22)  # EINVAL: the storage itself would write into the partition behind
        return where

    def _put(self, where, cells):
        self._storage.writeblocks(where // _NATIVE_BYTES, cells, where % _NATIVE_BYTES)

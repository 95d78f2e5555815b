"""A raw flash partition in a file of the node's own folder, with rp2.Flash's extended block protocol.
It must never know what is stored; the file takes room only as far as it was written, and what is not there is blank.
Specification: MicroPython's `vfs.AbstractBlockDev` (extended interface); NOR flash: bits only go from 1 to 0.
"""

BLOCK_BYTES = 4096
PAGE_BYTES = 256
_BLOCK_COUNT = 4
_BLOCK_SIZE = 5
_BLOCK_ERASE = 6
_BLANK_PAGE = b"\xff" * PAGE_BYTES


class FileFlash:
    def __init__(self, path, size):
        self._path = path
        self._blocks = size // BLOCK_BYTES

    def readblocks(self, block_num, buf, offset=0):
        view = memoryview(buf)
        count = 0
        try:
            with open(self._path, "rb") as file:
                file.seek(block_num * BLOCK_BYTES + offset)
                count = file.readinto(view)
        except OSError:
            pass  # nothing was ever written
        for i in range(count, len(view)):
            view[i] = 0xFF

    def writeblocks(self, block_num, buf, offset):
        """Programs without erasing."""
        cells = bytearray(len(buf))
        self.readblocks(block_num, cells, offset)
        for i in range(len(buf)):
            cells[i] &= buf[i]
        self._put(block_num * BLOCK_BYTES + offset, cells)

    def ioctl(self, op, arg):
        if op == _BLOCK_COUNT:
            return self._blocks
        if op == _BLOCK_SIZE:
            return BLOCK_BYTES
        if op == _BLOCK_ERASE:
            self._put(arg * BLOCK_BYTES, _BLANK_PAGE, BLOCK_BYTES // PAGE_BYTES)
        return 0

    def _put(self, start, cells, times=1):
        with open(self._path, "ab") as file:  # makes it; a hole would read as zeros, and what was not written is blank
            for _ in range(file.seek(0, 2), start, PAGE_BYTES):
                file.write(_BLANK_PAGE)
        with open(self._path, "r+b") as file:
            file.seek(start)
            for _ in range(times):  # in small pieces: a heap in use has no large one left
                file.write(cells)

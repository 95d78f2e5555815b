"""A flash in memory that can lose its power in the middle of any operation.

Never knows what a journal is. Specification: rp2.Flash's extended block protocol; NOR flash: bits only go from 1 to 0.
"""

import gc

SECTOR_SIZE = 4096


class PowerCut(Exception):
    """The supply went away; the flash holds whatever it held at that moment."""


class RamFlash:
    """`cut_at` counts erases and programs; `how` says what the operation that is cut still did (see HOW)."""

    HOW = ("nothing", "half", "scattered", "everything")

    def __init__(self, sectors):
        gc.collect()  # the last one, or the heap has no room in one piece
        self.data = bytearray(sectors * SECTOR_SIZE)
        for i in range(len(self.data)):
            self.data[i] = 0xFF
        self.sectors = sectors
        self.erases = [0] * sectors
        self.operations = 0
        self.cut_at = None
        self.how = "half"

    def ioctl(self, request, argument):
        if request == 4:
            return self.sectors
        if request == 5:
            return SECTOR_SIZE
        if request == 6:
            start = argument * SECTOR_SIZE
            self.erases[argument] += 1
            cut = self._is_cut()
            for i in range(start, start + self._done(SECTOR_SIZE, cut)):
                self.data[i] = 0xFF
            if cut and self.how == "scattered":
                for i in range(start, start + SECTOR_SIZE):
                    self.data[i] |= (i * 37 >> 3) & 0xFF
            if cut:
                raise PowerCut()
            return 0
        return None

    def readblocks(self, sector, buffer, offset=0):
        start = sector * SECTOR_SIZE + offset
        buffer[:] = self.data[start : start + len(buffer)]

    def writeblocks(self, sector, buffer, offset):
        assert (offset % 256, len(buffer)) == (0, 256), "a program is one whole page"
        start = sector * SECTOR_SIZE + offset
        cut = self._is_cut()
        for i in range(self._done(len(buffer), cut)):
            self.data[start + i] &= buffer[i]
        if cut and self.how == "scattered":
            for i in range(len(buffer)):
                self.data[start + i] &= buffer[i] | ((i * 91 + self.operations) & 0xFF)
        if cut:
            raise PowerCut()

    def _is_cut(self):
        self.operations += 1
        return self.operations == self.cut_at

    def _done(self, size, cut):
        """How many bytes the operation gets to."""
        if not cut or self.how == "everything":
            return size
        return self.operations * 7919 % size if self.how == "half" else 0

"""A read-only file system in a flash that is not in the address space: what VfsRom is on boards whose flash is.
It must never know what the files are.
Specification: MicroPython's ROMFS, extmod/vfs_rom.c; its `vfs` documentation, "Custom filesystem drivers".
"""

import io

ENOENT, EROFS = 2, 30
REGULAR_FILE, FOLDER = 0x8000, 0x4000
BLOCK_BYTES = 4096
_FILESYSTEM, _DATA, _FOLDER, _FILE = 0x14A6B1, 2, 4, 5  # kinds of records
_LONGEST_HEAD = 128  # of a record: its kind, its length, a name


class SlotFiles:
    def __init__(self, flash, offset):
        self._flash = flash
        self._found = {"": None}  # path: (offset, size) of a file, None for a folder
        kind, start, end = self._record(offset)
        if kind != _FILESYSTEM:
            raise OSError(ENOENT)
        self._look_into("", start, end)

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def open(self, path, mode):
        if mode != "rb":
            raise OSError(EROFS)
        found = self._stat(path)
        if found is None:
            raise OSError(ENOENT)
        return _File(self._flash, *found)  # pyright: ignore[reportGeneralTypeIssues] - no folder

    def stat(self, path):
        found = self._stat(path)
        return (FOLDER if found is None else REGULAR_FILE, 0, 0, 0, 0, 0, found[1] if found else 0, 0, 0, 0)

    def _stat(self, path):
        try:
            return self._found[path.strip("/")]
        except KeyError:
            raise OSError(ENOENT)

    def _look_into(self, folder, at, end):
        while at < end:
            kind, start, following = self._record(at)
            if kind in (_FOLDER, _FILE):
                head = self._read(start, _LONGEST_HEAD)
                size, used = _number(head, 0)
                path = folder + head[used : used + size].decode()
                start += used + size
                if kind == _FOLDER:
                    self._found[path] = None
                    self._look_into(path + "/", start, following)
                else:
                    self._found[path] = self._data(start, following)  # pyright: ignore[reportArgumentType] - no folder
            at = following

    def _data(self, at, end):
        """(offset, size) of the data in a file's record."""
        while at < end:
            kind, start, following = self._record(at)
            if kind == _DATA:
                return start, following - start
            at = following
        raise OSError(ENOENT)

    def _record(self, at):
        """(kind, where its content begins, where it ends)."""
        head = self._read(at, _LONGEST_HEAD)
        kind, used = _number(head, 0)
        size, used = _number(head, used)
        return kind, at + used, at + used + size

    def _read(self, at, size):
        data = bytearray(size)
        self._flash.readblocks(at // BLOCK_BYTES, data, at % BLOCK_BYTES)
        return bytes(data)


class _File(io.IOBase):
    """A stream that reads where the bytes lie."""

    def __init__(self, flash, start, size):
        self._flash = flash
        self._start = start
        self._size = size
        self._at = 0

    def readinto(self, buffer):
        count = min(len(buffer), self._size - self._at)
        where = self._start + self._at
        self._flash.readblocks(where // BLOCK_BYTES, memoryview(buffer)[:count], where % BLOCK_BYTES)
        self._at += count
        return count

    def read(self, size=-1):
        left = self._size - self._at
        data = bytearray(left if size < 0 else min(size, left))
        self.readinto(data)
        return bytes(data)

    def seek(self, offset, whence=0):
        self._at = min(max((0, self._at, self._size)[whence] + offset, 0), self._size)
        return self._at

    def ioctl(self, _request, _argument):
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        pass


def _number(data, at):
    """(a number of seven bits a byte, where it ends)."""
    value = 0
    while True:
        value = value << 7 | data[at] & 0x7F
        at += 1
        if data[at - 1] < 0x80:
            return value, at

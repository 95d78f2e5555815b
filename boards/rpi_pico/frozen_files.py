"""A read-only file system over bytes that are frozen into the image: files that cost neither RAM nor a partition.
It must never know what the files are.
Specification: MicroPython's `vfs` documentation, "Custom filesystem drivers"; the image build writes the table.
"""

import io

ENOENT, EROFS = 2, 30
REGULAR_FILE = 0x8000
DIRECTORY = 0x4000


class FrozenFiles:
    def __init__(self, files):
        self._files = files

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def open(self, path, mode):
        """A stream that reads where the bytes lie: BytesIO copies them only to be written to."""
        if mode != "rb":
            raise OSError(EROFS)
        return io.BytesIO(self._find(path))

    def stat(self, path):
        if path == "/":
            return (DIRECTORY, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        return (REGULAR_FILE, 0, 0, 0, 0, 0, len(self._find(path)), 0, 0, 0)

    def ilistdir(self, path):
        if path not in ("", "/"):
            raise OSError(ENOENT)
        return iter([(name, REGULAR_FILE, 0, len(data)) for name, data in self._files.items()])

    def _find(self, path):
        try:
            return self._files[path.lstrip("/")]
        except KeyError:
            raise OSError(ENOENT)

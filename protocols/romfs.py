"""MicroPython's read-only file system: files in, one image out, and back.

Never compresses and never aligns: a node executes what lies in it where it lies, byte by byte.
Specification: MicroPython 1.25, extmod/vfs_rom.c, "ROMFS filesystem format".
"""

from collections.abc import Iterator, Mapping

_FILESYSTEM, _PADDING, _DATA, _FOLDER, _FILE = 0x14A6B1, 1, 2, 4, 5
Tree = dict[str, "Tree | bytes"]


class NotRomfs(Exception):
    """The bytes are no such file system."""


def parts(files: Mapping[str, bytes]) -> list[bytes]:
    """The image of `files` (path -> content) in parts: a new one begins with every file and every folder."""
    tree: Tree = {}
    for path, content in files.items():
        *folders, name = path.split("/")
        inner = tree
        for folder in folders:
            found = inner.setdefault(folder, {})
            assert isinstance(found, dict), f"{path}: {folder} is a file"
            inner = found
        inner[name] = content
    body = list(_folder(tree))
    size = sum(map(len, body))
    if (len(_head(_FILESYSTEM, size)) + size) % 2:
        body.append(_head(_PADDING, 1) + b"\0")  # three bytes: the whole has an even size
        size += 3
    return [_head(_FILESYSTEM, size), *body]


def files_of(image: bytes) -> dict[str, bytes]:
    """The files of an image, by path. Raises NotRomfs."""
    try:
        kind, start, end = _record(image, 0)
        if kind != _FILESYSTEM or end > len(image):
            raise NotRomfs
        return dict(_look_into(image, "", start, end))
    except (IndexError, UnicodeError):
        raise NotRomfs from None


def _folder(tree: Tree) -> Iterator[bytes]:
    for name, content in sorted(tree.items()):
        encoded = name.encode()
        encoded = _number(len(encoded)) + encoded
        if isinstance(content, bytes):
            data = _head(_DATA, len(content)) + content
            yield _head(_FILE, len(encoded) + len(data)) + encoded + data
        else:
            inner = list(_folder(content))
            yield _head(_FOLDER, len(encoded) + sum(map(len, inner))) + encoded
            yield from inner


def _head(kind: int, size: int) -> bytes:
    return _number(kind) + _number(size)


def _number(value: int) -> bytes:
    """Seven bits a byte, the highest first; all but the last with the top bit set."""
    encoded = bytes((value & 0x7F,))
    while value := value >> 7:
        encoded = bytes((value & 0x7F | 0x80,)) + encoded
    return encoded


def _look_into(image: bytes, folder: str, at: int, end: int) -> Iterator[tuple[str, bytes]]:
    while at < end:
        kind, start, following = _record(image, at)
        if kind in (_FOLDER, _FILE):
            size, start = _read_number(image, start)
            path = folder + image[start : start + size].decode()
            start += size
            if kind == _FOLDER:
                yield from _look_into(image, path + "/", start, following)
            else:
                kind, start, stop = _record(image, start)
                if kind != _DATA or stop > following:
                    raise NotRomfs
                yield path, image[start:stop]
        at = following


def _record(image: bytes, at: int) -> tuple[int, int, int]:
    """(kind, where its content begins, where it ends)."""
    kind, at = _read_number(image, at)
    size, at = _read_number(image, at)
    return kind, at, at + size


def _read_number(image: bytes, at: int) -> tuple[int, int]:
    value = 0
    while True:
        value = value << 7 | image[at] & 0x7F
        at += 1
        if image[at - 1] < 0x80:
            return value, at

"""A zipped feed -> its text files by name.

Must never know: what stands in the files.
Specification: GTFS "Dataset files" (a flat zip); some publishers zip a folder, which is accepted.
"""

import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import PurePosixPath

from protocols.gtfs.errors import FeedError, FeedErrors

# By what the zip declares, and zipfile gives no byte more than that. Lviv has 18 MB, the Netherlands about 1 GiB.
MAX_UNCOMPRESSED_BYTES = 2 << 30

# Which folder of the zip is the feed: the one that holds this file.
_LANDMARK = "stop_times.txt"

# What zipfile raises on hostile bytes, besides BadZipFile: unknown compression, encryption, truncation, nonsense sizes,
# an entry without a name.
_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError, OverflowError,
    MemoryError, LookupError,
)  # fmt: skip


def unzip(data: bytes, limit: int = MAX_UNCOMPRESSED_BYTES) -> dict[str, bytes]:
    """The files of the folder that holds the feed. Raises FeedErrors."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            entries = [(PurePosixPath(info.filename), info) for info in archive.infolist() if not info.is_dir()]
            folder = _feed_folder([path for path, _ in entries])
            wanted = [(path.name, info) for path, info in entries if path.parent == folder and path.suffix == ".txt"]
            size = sum(info.file_size for _, info in wanted)
            if size > limit:
                raise _refusal(f"unpacks to {size} bytes, more than the {limit} that a feed may have")
            return {name: archive.read(info) for name, info in wanted}
    except _ZIP_ERRORS as problem:
        raise _refusal(f"not a readable zip file: {problem}") from problem


def _feed_folder(paths: list[PurePosixPath]) -> PurePosixPath:
    found = {path.parent for path in paths if path.name == _LANDMARK and "__MACOSX" not in path.parts}
    if len(found) > 1:
        names = ", ".join(sorted(str(folder) for folder in found))
        raise _refusal(f"holds more than one feed: {names}")
    if not found:
        raise _refusal(f"holds no {_LANDMARK}")
    return found.pop()


def _refusal(message: str) -> FeedErrors:
    return FeedErrors([FeedError("zip", 0, message)])

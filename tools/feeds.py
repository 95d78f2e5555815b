"""Check a GTFS feed before a controller is given it.

Never changes the feed.
Specification: https://gtfs.org/documentation/schedule/reference/
"""

import json
from pathlib import Path

from protocols.gtfs import Feed, FeedErrors, from_zip_bytes, read_feed
from tools.errors import DONE, NO, UsageError
from tools.texts import say


def load(path: Path) -> Feed:
    """The feed of a zip or a folder. Raises FeedErrors and UsageError."""
    try:
        if path.is_dir():
            return read_feed({file.name: file.read_bytes() for file in sorted(path.glob("*.txt"))})
        return from_zip_bytes(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}; give a GTFS zip or folder") from None


def check(path: Path, *, as_json: bool, language: str) -> int:
    """Print what is in the feed, or what is wrong with it by file and line; status 1 if it is wrong."""
    try:
        feed = load(path)
    except FeedErrors as errors:
        rows = [{"file": error.file, "line": error.line, "message": error.message} for error in errors.errors]
        if as_json:
            print(json.dumps({"valid": False, "errors": rows}, ensure_ascii=False))
        else:
            for row in rows:
                print(f"{row['file']}:{row['line']}: {row['message']}")
        return NO
    counts = {"routes": len(feed.routes), "stops": len(feed.stops), "trips": len(feed.trips)}
    if as_json:
        print(json.dumps({"valid": True, **counts}))
    else:
        print(say(language, "gtfs_valid", path=path, **counts))
    return DONE

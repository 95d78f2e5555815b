"""Feeds: imported whole or not at all, kept by the hash of their bytes, in force again after a restart.

Never changes anything when a feed is broken: its errors go back to whoever brought it.
Specification: protocols/gtfs; README.md here, "Feeds".
"""

import asyncio
import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import structlog

from controller.services.roster import Roster, read_roster
from controller.services.transit import Transit
from controller.store import FeedRow, Store
from controller.store.writing import WriterThread
from protocols.gtfs import FeedErrors

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)

log = structlog.get_logger("feed")


class FeedRefused(Exception):
    """A configured feed or roster cannot be used; the text is one sentence that says what to do."""


class Feeds:
    """The feed in force, and those before it."""

    def __init__(
        self,
        folder: Path,
        roster: str,
        store: Store,
        writer: WriterThread,
        now_s: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self._folder = folder
        self._roster = roster
        self._store = store
        self._writer = writer
        self._now_s = now_s
        self._changed = changed
        self._importing = asyncio.Lock()
        self.transit: Transit | None = None

    async def load(self, configured: str) -> None:
        """The configured feed when its bytes are new, else the one imported last. Raises FeedRefused."""
        await asyncio.to_thread(self._read_roster)  # also without a feed: a wrong path is told at the start
        rows = await self._writer.run(self._store.feeds)
        if configured:
            data = await asyncio.to_thread(read_zip_or_folder, Path(configured))
            if _sha256(data) not in {row.sha256 for row in rows}:
                try:
                    await self.put(data)
                except FeedErrors as errors:
                    more = f" and {errors.total - 1} more" if errors.total > 1 else ""
                    raise FeedRefused(
                        f"transit.feed {configured} is broken ({errors.errors[0]}{more}): correct it; "
                        "vuzol gtfs lists every error."
                    ) from None
                return
        if rows:
            await self._reload(rows[0])

    async def _reload(self, row: FeedRow) -> None:
        path = self._path(row.sha256)
        try:
            data = await asyncio.to_thread(path.read_bytes)
            if _sha256(data) != row.sha256:
                raise FeedRefused(f"The feed {path} is not what was imported: import it again.")
            self.transit = await asyncio.to_thread(Transit.of, data, self._read_roster())
            self._changed()
        except OSError as error:
            raise FeedRefused(f"The feed {path} cannot be read ({error.strerror}): import it again.") from None
        except FeedErrors as errors:
            raise FeedRefused(f"The feed {path} is broken ({errors.errors[0]}): import another.") from None

    async def put(self, data: bytes) -> Transit:
        """Import a zipped feed and put it in force. Raises FeedErrors, and then nothing has changed."""
        async with self._importing:
            transit = await asyncio.to_thread(Transit.of, data, self._read_roster())
            sha256 = _sha256(data)
            await asyncio.to_thread(self._keep, sha256, data)
            row = FeedRow(sha256, transit.feed.name, int(self._now_s() * 1000))
            await self._writer.run(self._store.add_feed, row)
            self.transit = transit
        self._changed()
        log.info("feed imported", name=transit.feed.name, sha256=sha256, trips=len(transit.feed.trips))
        return transit

    def _read_roster(self) -> Roster:
        if not self._roster:
            return Roster()
        try:
            return read_roster(Path(self._roster).read_text(encoding="utf-8-sig"))
        except OSError as error:
            reason = error.strerror
        except UnicodeDecodeError:
            reason = "not UTF-8"
        except FeedErrors as errors:
            reason = str(errors.errors[0])
        raise FeedRefused(f"transit.roster {self._roster} cannot be used ({reason}): correct it.")

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.zip"

    def _keep(self, sha256: str, data: bytes) -> None:
        """Durable before the database names it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{sha256}.part"
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path(sha256))


def read_zip_or_folder(path: Path) -> bytes:
    """A feed as zip bytes; a folder gives the same bytes as long as its files do. Raises FeedRefused."""
    try:
        if not path.is_dir():
            return path.read_bytes()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(path.glob("*.txt")):
                archive.writestr(zipfile.ZipInfo(file.name, _ZIP_EPOCH), file.read_bytes(), zipfile.ZIP_DEFLATED)
        return packed.getvalue()
    except OSError as error:
        raise FeedRefused(f"transit.feed {path} cannot be read ({error.strerror}): correct the path.") from None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

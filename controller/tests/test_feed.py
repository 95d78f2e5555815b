"""Feeds: taken whole or not at all, kept over restarts, refused with every error.

Never tests the reader: protocols/gtfs does.
Specification: README.md beside the controller's code, "Feeds".
"""

from pathlib import Path

import pytest

from controller.config import TransitConfig
from controller.services.feed import FeedRefused, read_zip_or_folder
from controller.tests.feed_files import street_feed, zipped
from controller.tests.playbook import playing
from protocols.gtfs import FeedErrors


def _broken() -> bytes:
    files = street_feed("Broken")
    files["stop_times.txt"] += b"t0500,25:61:00,x,s9,9\n"
    return zipped(files)


async def test_a_broken_feed_changes_nothing_and_tells_file_and_line(tmp_path: Path) -> None:
    async with playing(tmp_path, []) as book:
        await book.town.feeds.put(zipped(street_feed("Good")))
        in_force = book.town.feeds.transit
        with pytest.raises(FeedErrors) as broken:
            await book.town.feeds.put(_broken())
        assert any(error.file == "stop_times.txt" and error.line > 1 for error in broken.value.errors)
        assert book.town.feeds.transit is in_force
        assert [row.name for row in book.store.feeds()] == ["Good"]
        assert len(list((tmp_path / "data" / "feeds").iterdir())) == 1


async def test_the_feed_in_force_is_in_force_after_a_restart(tmp_path: Path) -> None:
    async with playing(tmp_path, []) as book:
        await book.town.feeds.put(zipped(street_feed("First")))
        await book.town.feeds.put(zipped(street_feed("Second")))
        assert book.town.live.snapshot().feed_name == "Second"
        await book.town.feeds.put(zipped(street_feed("First")))
    async with playing(tmp_path, []) as book:
        assert book.town.live.snapshot().feed_name == "First"
        assert len(book.town.live.snapshot().stops) == 4


async def test_a_configured_feed_is_taken_when_its_content_is_new_and_not_again_over_a_later_import(
    tmp_path: Path,
) -> None:
    configured = tmp_path / "feed.zip"
    transit = TransitConfig(str(configured))
    configured.write_bytes(zipped(street_feed("Configured")))
    async with playing(tmp_path, [], transit=transit) as book:
        assert book.town.live.snapshot().feed_name == "Configured"
        await book.town.feeds.put(zipped(street_feed("Imported")))
    async with playing(tmp_path, [], transit=transit) as book:
        assert book.town.live.snapshot().feed_name == "Imported"
    configured.write_bytes(zipped(street_feed("Configured anew")))
    async with playing(tmp_path, [], transit=transit) as book:
        assert book.town.live.snapshot().feed_name == "Configured anew"


async def test_a_folder_does_as_well_as_a_zip(tmp_path: Path) -> None:
    folder = tmp_path / "street"
    folder.mkdir()
    for name, data in street_feed("Folder").items():
        (folder / name).write_bytes(data)
    assert read_zip_or_folder(folder) == read_zip_or_folder(folder)
    async with playing(tmp_path, [], transit=TransitConfig(str(folder))) as book:
        assert book.town.live.snapshot().feed_name == "Folder"


async def test_what_cannot_be_used_at_the_start_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(_broken())
    (tmp_path / "roster.csv").write_text("service_date,vehicle_id,block_id\nyesterday,1,b\n")
    for transit, told in (
        (TransitConfig(str(tmp_path / "broken.zip")), r"transit\.feed .* is broken \(stop_times\.txt:"),
        (TransitConfig(str(tmp_path / "nowhere")), r"transit\.feed .* cannot be read"),
        (TransitConfig("", str(tmp_path / "roster.csv")), r"transit\.roster .* cannot be used \(roster\.csv:2"),
    ):
        with pytest.raises(FeedRefused, match=told) as refused:
            async with playing(tmp_path, [], transit=transit):
                pass
        assert "\n" not in str(refused.value)


async def test_a_kept_feed_that_was_changed_on_disk_is_refused(tmp_path: Path) -> None:
    async with playing(tmp_path, []) as book:
        await book.town.feeds.put(zipped(street_feed()))
    (kept,) = (tmp_path / "data" / "feeds").iterdir()
    kept.write_bytes(zipped(street_feed("Other")))
    with pytest.raises(FeedRefused, match="import it again"):
        async with playing(tmp_path, []):
            pass

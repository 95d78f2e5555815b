"""Zips and hostile bytes: a feed is read or refused by file and line, whatever the bytes are.

It must never know: the controller, a real city.
Specification: GTFS "Dataset files"; guarantee G9.
"""

import io
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.gtfs import FeedErrors, from_zip_bytes, read_feed, write_feed
from protocols.gtfs.archive import unzip
from protocols.tests.gtfs_town import TOWN, files


def zipped(texts: dict[str, bytes], folder: str = "") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(folder + name, text)
    return packed.getvalue()


@pytest.mark.parametrize("folder", ["", "gtfs/", "export/2026/"])
def test_a_zip_is_read_whatever_folder_the_feed_lies_in(folder: str) -> None:
    texts = {**{folder + name: text for name, text in files().items()}, "__MACOSX/stop_times.txt": b"\0"}
    assert from_zip_bytes(zipped(texts)) == read_feed(files())


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "zip: not a readable zip file"),
        (b"PK\x03\x04 and then nothing", "zip: not a readable zip file"),
        (zipped({"readme.txt": b""}), "zip: holds no stop_times.txt"),
        (zipped({f"{town}/stop_times.txt": b"" for town in "ab"}), "zip: holds more than one feed: a, b"),
    ],
)
def test_a_zip_that_holds_no_feed_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(FeedErrors, match=complaint):
        from_zip_bytes(data)


def test_an_entry_without_a_name_is_refused() -> None:
    data = bytearray(zipped({**files(), "x.txt": b""}))
    at = data.rindex(b"x.txt")
    data[at - 18], data[at - 14] = 0, 5  # in the central directory: five bytes of name become a comment
    with pytest.raises(FeedErrors, match="zip: not a readable zip file"):
        from_zip_bytes(bytes(data))


def test_a_column_that_stands_twice_is_a_complaint_and_keeps_its_width() -> None:
    with pytest.raises(FeedErrors, match=r"agency\.txt:1: column agency_url twice"):
        read_feed(files(agency="agency_url,agency_url,agency_timezone\nu,v,Europe/Kyiv\n"))


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zipped({"stop_times.txt": bytes(1 << 20), "stops.txt": b""})
    with pytest.raises(FeedErrors, match="zip: unpacks to 1048576 bytes, more than the 1048575 that a feed may have"):
        unzip(bomb, limit=(1 << 20) - 1)


ALL_FILES = [*TOWN, "calendar_dates.txt", "shapes.txt", "frequencies.txt", "feed_info.txt"]


@given(file=st.sampled_from(ALL_FILES), data=st.binary(max_size=400))
def test_random_bytes_in_any_file_raise_nothing_but_feed_errors(file: str, data: bytes) -> None:
    with suppress(FeedErrors):
        write_feed(read_feed({**files(), file: data}))


ODD_FIELDS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        ["", "-1", "1e400", "nan", "٣", "1_0", "24:00:00", "999:59:59", "20260230", '"', "\0", "\r", "T1", "a"]
    ),
)


@given(file=st.sampled_from(ALL_FILES), rows=st.lists(st.lists(ODD_FIELDS, max_size=11), max_size=4))
def test_odd_fields_under_a_good_header_raise_nothing_but_feed_errors(file: str, rows: list[list[str]]) -> None:
    headers = {
        **{name: text.splitlines()[0] for name, text in TOWN.items()},
        "calendar_dates.txt": "service_id,date,exception_type",
        "shapes.txt": "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence",
        "frequencies.txt": "trip_id,start_time,end_time,headway_secs",
        "feed_info.txt": "feed_publisher_name,feed_version",
    }
    text = "\n".join([headers[file], *map(",".join, rows)])
    with suppress(FeedErrors):
        write_feed(read_feed({**files(), file: text.encode(errors="surrogatepass")}))


@given(data=st.binary(max_size=200), place=st.integers(0, 10_000))
def test_a_damaged_zip_raises_nothing_but_feed_errors(data: bytes, place: int) -> None:
    good = zipped(files())
    place %= len(good)
    with suppress(FeedErrors):
        from_zip_bytes(good[:place] + data + good[place + len(data) :])

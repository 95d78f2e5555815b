"""What hostile bytes are thrown at on the host alone: files that people upload, and the registry.

Nothing but what each of them declares may be raised; each gives its outcome in words.
Specification: protocol.md, guarantee G9; tests/test_fuzz.py and tools/fuzz.py throw.
"""

import io
import zipfile

from protocols import drain_file, provisioning
from protocols.gtfs import FeedErrors, from_zip_bytes, read_feed
from protocols.provisioning import NodeEntry
from protocols.tests.fuzz_targets import KEY, NODE, SECTOR
from protocols.tests.gtfs_town import files


def gtfs_zip(data: bytes) -> str:
    """A feed as it is uploaded."""
    try:
        return f"{len(from_zip_bytes(data).trips)} trips"
    except FeedErrors as errors:
        return f"{errors.total} errors"


def gtfs_table(data: bytes) -> str:
    """A whole feed but for one file of it; the first byte chooses which."""
    name = sorted(_FILES)[data[0] % len(_FILES)] if data else "stops.txt"
    try:
        return f"{len(read_feed(_FILES | {name: data[1:]}).trips)} trips"
    except FeedErrors as errors:
        return f"{errors.total} errors"


def registry(data: bytes) -> str:
    """nodes.json."""
    try:
        return f"{len(provisioning.read_registry(data.decode('utf-8', 'replace')))} nodes"
    except provisioning.RegistryError as error:
        return str(error)


def drained(data: bytes) -> str:
    """A drain file, and the journal in it."""
    try:
        drain = drain_file.parse(data)
    except drain_file.DrainError as error:
        return str(error)
    return f"{len(drain_file.contents(drain.image).records)} records"


def _zipped(texts: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    return packed.getvalue()


_FILES = files()
_NODES = provisioning.registry_text([NodeEntry(NODE, KEY, "demo", "fare_validator", "17", "17", 17)]).encode()
_DRAIN = drain_file.build_header(NODE, 4096, "port") + SECTOR.ljust(4096, b"\xff")

# name, target, whole inputs to begin with
TARGETS = (
    ("gtfs zip", gtfs_zip, (_zipped(_FILES),)),
    ("gtfs table", gtfs_table, tuple(bytes((n,)) + _FILES[name] for n, name in enumerate(sorted(_FILES)))),
    ("registry", registry, (_NODES,)),
    ("drain file", drained, (_DRAIN,)),
)

"""Read the journal of a node that no longer boots its application into a drain file: from its port or its flash.

Never overwrites a file: a reading that was broken off goes on where it ended.
Specification: README.md, "Dead nodes"; protocols/drain_file.py for the file.
"""

import json
from binascii import crc32
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from protocols import drain_file
from protocols.drain_file import DrainError
from protocols.wire import topics
from protocols.wire.errors import MalformedFrame
from protocols.wire.journal_format import SECTOR_SIZE
from tools.drain_sources import ImageFile, Port, Source
from tools.errors import DONE, NO, UsageError
from tools.raw_repl import BAUD
from tools.serial_port import open_port
from tools.texts import say

READ_TIMEOUT_S = 0.1


@dataclass(frozen=True, slots=True)
class Job:
    """What the technician typed."""

    source: str
    node: str
    board: str
    out: Path | None


def run(job: Job, *, as_json: bool, language: str) -> int:
    """Read what is not read yet; status 1 when the journal holds no record. Raises UsageError."""
    told = save(job, language)
    print(json.dumps(told) if as_json else say(language, "drain_done", **told))
    return DONE if told["records"] else NO


def save(job: Job, language: str) -> dict[str, Any]:
    """Read what is not read yet into the file; what is in it then. Raises UsageError."""
    try:
        with _opened(job) as source:
            node = _node(job, source)
            out = job.out or Path(f"{topics.node_name(node)}.drain")
            _go_on(job, source, node, out, language)
    except OSError as error:
        raise UsageError("fault_reading_broke_off", why=error) from None
    held = drain_file.contents(drain_file.parse(out.read_bytes()).image)
    highest = held.records[-1][0].seq if held.records else 0
    return {
        "node": topics.node_name(node),
        "file": str(out),
        "records": len(held.records),
        "highest_seq": highest,
        "receipted": held.receipted,
        "waiting": max(0, highest - held.receipted),
        "damaged": held.damaged,
    }


def _go_on(job: Job, source: Source, node: bytes, out: Path, language: str) -> None:
    begun = _begun(out, node, source)
    with out.open("ab") as file:
        if file.tell() == 0:
            file.write(drain_file.build_header(node, source.size, job.source))
        for number in _progress(range(begun // SECTOR_SIZE, source.size // SECTOR_SIZE), source.size, language):
            file.write(source.sector(number))
            file.flush()


@contextmanager
def _opened(job: Job) -> Iterator[Source]:
    if Path(job.source).is_file():
        yield ImageFile.read(Path(job.source), job.board)
        return
    with open_port(job.source, BAUD, READ_TIMEOUT_S) as line:
        port = Port(line, job.board)
        port.open()
        yield port
        port.close()


def _node(job: Job, source: Source) -> bytes:
    """Whose journal it is; flash itself does not say."""
    told = source.node()
    if job.node and told and job.node.lower() != told:
        raise UsageError("fault_settings_of_another", node=told, named=job.node)
    try:
        return topics.node_id(job.node or told)
    except MalformedFrame:
        raise UsageError("fault_whose_journal") from None


def _begun(out: Path, node: bytes, source: Source) -> int:
    """How much of the journal stands in the file already, in whole sectors. Raises UsageError."""
    data = out.read_bytes() if out.exists() else b""
    if not data:
        return 0
    try:
        drain = drain_file.parse(data)
    except DrainError:
        drain = None
    if drain is None or (drain.node, drain.size) != (node, source.size):
        raise UsageError("fault_drain_of_another", file=out)
    whole = len(drain.image) - len(drain.image) % SECTOR_SIZE
    if source.crc(whole) != crc32(drain.image[:whole]):
        raise UsageError("fault_journal_changed", file=out)
    with out.open("rb+") as file:
        file.truncate(len(data) - len(drain.image) + whole)
    return whole


def _progress(numbers: range, size: int, language: str) -> Iterator[int]:
    """The numbers, with a bar for a person who waits."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(say(language, "drain_reading"), total=size // SECTOR_SIZE, completed=numbers.start)
        for number in numbers:
            yield number
            progress.advance(task)

"""Export: the rows of a dataset out of the stored records of a period, as CSV or Parquet, a part at a time.

Never holds more than a part, and never keeps the database from anybody else for longer than one look.
Specification: Apache Parquet; RFC 4180; datasets.py for the columns; README.md here, "Export".
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from controller.services.datasets import Column, Dataset, Line
from controller.services.period import Period
from controller.services.taken import taken
from controller.store import SavedSession, Store, node_bytes
from protocols.wire import record
from protocols.wire.errors import MalformedFrame
from protocols.wire.topics import node_name

FORMATS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
NUMBERS_A_LOOK = 10_000
ROWS_A_PART = 20_000


def rows(
    store: Store, sessions: Iterable[SavedSession], names: Mapping[str, str], dataset: Dataset, period: Period
) -> Iterator[Line]:
    """Node by node in the order of recording, what these sessions say is stored; by record time, as the ledger.

    A body that cannot be read is passed over: it stays what it is, raw, in the ledger.
    """
    for session in sessions:
        node = node_bytes(session.node)
        name = node_name(node)
        for first, last in session.stored:
            for start in range(first, last + 1, NUMBERS_A_LOOK):
                span = start, min(start + NUMBERS_A_LOOK - 1, last)
                found = store.records_of(session.node, dataset.kind, span, (period.from_s, period.to_s))
                for stored, (at_ms, clock) in zip(found, taken(store, session.node, found), strict=True):
                    if not period.from_s * 1000 <= at_ms < period.to_s * 1000:
                        continue
                    one, _ = record.parse(bytes(stored.raw))
                    with suppress(MalformedFrame):
                        for told, sample in dataset.read(node, one):
                            yield Line(name, names.get(name, name), stored, one, at_ms, clock, told, sample)


def write(columns: Sequence[Column], form: str, lines: Iterator[Any]) -> Iterator[bytes]:
    """The file in parts. `form` is one of FORMATS; a Parquet file carries the data dictionary."""
    import pyarrow as pa  # 40 MB of memory, for whoever exports
    from pyarrow.csv import CSVWriter
    from pyarrow.parquet import ParquetWriter

    types = {
        "time": pa.timestamp("ms", tz="UTC"),
        "integer": pa.int64(),
        "number": pa.float64(),
        "text": pa.string(),
        "boolean": pa.bool_(),
    }
    schema = pa.schema([pa.field(column.name, types[column.type], metadata=dictionary(column)) for column in columns])
    sink = io.BytesIO()
    writer = CSVWriter(sink, schema) if form == "csv" else ParquetWriter(sink, schema, compression="zstd")
    with writer:
        while part := list(islice(lines, ROWS_A_PART)):
            writer.write_batch(pa.record_batch([list(map(column.take, part)) for column in columns], schema=schema))
            yield _emptied(sink)
    yield _emptied(sink)


def dictionary(column: Column) -> dict[str, Any]:
    """What is said of a column."""
    return {name: getattr(column, name) for name in ("name", "type", "unit", "meaning", "source")}


def _emptied(sink: io.BytesIO) -> bytes:
    data = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return data

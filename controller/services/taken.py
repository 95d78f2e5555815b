"""When a record was taken: by its own clock, or, where that was not set yet, by what its node told later.

Never changes a record. Time is told in Unix milliseconds.
Specification: protocols/WIRE.md, "Time of a record".
"""

from collections.abc import Iterable, Sequence

from controller.store import Store, StoredRecord
from protocols.wire import record
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import event

CLOCKS = {record.CLOCK_HELD: "held", record.CLOCK_RECEIPT: "receipt", record.CLOCK_GNSS: "gnss"}
CORRECTED = "corrected"
RECEIVED = "received"
MARKS = 10_000  # boots and events that are looked at for one answer

Taken = tuple[int, str]  # Unix milliseconds; CLOCKS, or CORRECTED, or RECEIVED


def taken(store: Store, node: int, rows: Sequence[StoredRecord]) -> list[Taken]:
    """When each of these records of a node, in order, was taken and how that is known.

    The record `clock_set` tells uptime and time of day at one moment, so what its boot recorded before can be dated.
    Of a boot that never learned the time nothing is known but when its records arrived.
    """
    headers = [record.parse(row.raw)[0] for row in rows]
    undated = [one.seq for one in headers if one.clock_quality == record.CLOCK_UNSET]
    starts = _starts(store.documents.boots_and_events(node, undated[0], MARKS)) if undated else []
    found: list[Taken] = []
    for row, one in zip(rows, headers, strict=True):
        at_ms = one.time_s * 1000 + one.time_ms
        if one.clock_quality != record.CLOCK_UNSET:
            found.append((at_ms, CLOCKS.get(one.clock_quality, str(one.clock_quality))))
            continue
        start_ms = next((start_ms for seq, start_ms in starts if seq > one.seq), None)
        found.append((row.stored_s * 1000, RECEIVED) if start_ms is None else (start_ms + at_ms, CORRECTED))
    return found


def _starts(marks: Iterable[bytes]) -> list[tuple[int, int | None]]:
    """(number, when that boot began): of each clock_set; None of each boot, which ends what was before it."""
    starts: list[tuple[int, int | None]] = []
    for raw in marks:
        one, _ = record.parse(raw)
        if one.kind != event.KIND:
            starts.append((one.seq, None))
            continue
        try:
            told = event.parse(one.body, one.version > event.VERSION)
        except MalformedFrame:
            continue
        if told.code == event.CODE_CLOCK_SET and one.clock_quality != record.CLOCK_UNSET:
            starts.append((one.seq, one.time_s * 1000 + one.time_ms - told.detail))
    return starts

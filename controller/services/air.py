"""The air posts: what each measured last, and every sample that is stored, as it came.

Never corrects, fills or drops a value, and never compares one with a limit: quality and class stand beside it.
Specification: protocols/schema/air_sensor.py; protocols/wire/air_rows.py; design, domain.md "Air".
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from controller.events import AirMeasured
from controller.nodes import READERS, event_of
from controller.registry import Registry
from controller.store import Store, StoredRecord, node_number
from protocols import air_archive
from protocols.air_archive import Period
from protocols.provisioning import NodeEntry
from protocols.wire import air_rows, record
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import air_means
from protocols.wire.topics import node_name

KIND = "air_sensor"
RECORDS_A_PAGE = 10_000
CLASS = "indicative"  # low-cost cells (CEN/TS 17660): no series of a post is a reference
FLAGS = (
    (air_rows.FLAG_WARM_UP, "warm_up"),
    (air_rows.FLAG_HUMIDITY, "humidity"),
    (air_rows.FLAG_RANGE, "range"),
    (air_rows.FLAG_NOISE, "noise"),
    (air_rows.FLAG_MAINTENANCE, "maintenance"),
)


@dataclass(frozen=True, slots=True)
class AirSample:
    """One channel over one period, in the channel's unit; electrodes in millivolts.

    `start_s` is Unix time, or the post's uptime without `clock_set`. What the post did not tell is None.
    """

    seq: int
    start_s: int
    seconds: int
    clock_set: bool
    calibration: int
    channel: str
    unit: str
    mean: float
    minimum: float | None
    maximum: float | None
    deviation: float | None
    count: int
    flags: tuple[str, ...]
    working_mv: float | None
    auxiliary_mv: float | None


@dataclass(frozen=True, slots=True)
class PostView:
    """A post and what it measured last; `class_name` holds for every series."""

    node: str
    name: str
    class_name: str
    samples: tuple[AirSample, ...]


class Air:
    """Follows the records of all posts; stored ones are read from the ledger's own rows."""

    def __init__(self, registry: Registry, store: Store) -> None:
        self._registry = registry
        self._latest: dict[bytes, AirMeasured] = {}
        self._store = store

    def measured(self, event: AirMeasured) -> None:
        """A period; backlog does not replace what is newer."""
        latest = self._latest.get(event.node)
        if latest is None or event.seq > latest.seq:
            self._latest[event.node] = event

    def views(self) -> tuple[PostView, ...]:
        """A view a post, in the registry's order."""
        return tuple(
            PostView(
                node_name(node),
                entry.name,
                CLASS,
                tuple(samples_of(self._latest[node])) if node in self._latest else (),
            )
            for node, entry in self._registry.of_kind(KIND).items()
        )

    def stored(self, node: bytes, from_seq: int, limit: int) -> tuple[list[AirSample], int]:
        """Samples of at most `limit` records from `from_seq` on, and the next record's number, 0 at the end.

        Raises KeyError for a node that is no post.
        """
        rows = self._store.records(node_number(self._post(node).node), from_seq, limit)
        found = [sample for event in _events_in(node, rows) for sample in samples_of(event)]
        return found, rows[-1].seq + 1 if len(rows) == limit else 0

    def archive(self, node: bytes) -> bytes:
        """All stored means of a post with a known time, as protocols/air_archive.py packs them. Raises KeyError."""
        return air_archive.pack(node, self._periods(self._post(node).node))

    def _post(self, node: bytes) -> NodeEntry:
        return self._registry.of_kind(KIND)[node]

    def _periods(self, node: bytes) -> Iterator[Period]:
        from_seq = 0
        while rows := self._store.records(node_number(node), from_seq, RECORDS_A_PAGE):
            from_seq = rows[-1].seq + 1
            for event in _events_in(node, rows):
                if event.clock_set:
                    for row in event.rows:
                        yield Period(row.channel, event.start_s, event.seconds // 60, row.mean, row.flags)


def _events_in(node: bytes, rows: Iterable[StoredRecord]) -> Iterator[AirMeasured]:
    """Those of stored records; a body that cannot be read stays what it is: raw, in the ledger."""
    for row in rows:
        if row.kind != air_means.KIND:
            continue
        with suppress(MalformedFrame):
            event = event_of(READERS[KIND], node, record.parse(bytes(row.raw))[0])
            if isinstance(event, AirMeasured):
                yield event


def samples_of(event: AirMeasured) -> Iterator[AirSample]:
    """A sample a channel; channels that are unknown here are passed over (G8)."""
    for row in event.rows:
        if row.channel >= len(air_rows.CHANNELS):
            continue
        name, unit, decimals = air_rows.CHANNELS[row.channel]

        def scaled(steps: int | None, decimals: int = decimals) -> float | None:
            return None if steps is None else steps / 10**decimals

        yield AirSample(
            seq=event.seq,
            start_s=event.start_s,
            seconds=event.seconds,
            clock_set=event.clock_set,
            calibration=event.calibration,
            channel=name,
            unit=unit,
            mean=row.mean / 10**decimals,
            minimum=scaled(row.minimum),
            maximum=scaled(row.maximum),
            deviation=scaled(row.deviation),
            count=row.count,
            flags=tuple(word for bit, word in FLAGS if row.flags & bit),
            working_mv=None if row.we is None else row.we / air_rows.RAW_STEPS_A_MV,
            auxiliary_mv=None if row.ae is None else row.ae / air_rows.RAW_STEPS_A_MV,
        )

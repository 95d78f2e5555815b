"""The meters: what each said last, and every reading that is stored, as it came, epoch by epoch.

Never corrects, fills or drops a reading, and derives no consumption: a smaller number than before is passed on.
Specification: protocols/schema/utility_meter.py; design, domain.md "Meter". An epoch is one physical meter at a place:
another number on the label begins the next, with the old one's final reading and the new one's first.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from controller.events import MeterRead
from controller.nodes import READERS, event_of
from controller.registry import Registry
from controller.services.live import DeviceView, PointView
from controller.services.taken import RECEIVED, taken
from controller.services.units import for_people
from controller.store import SavedSession, Store, node_bytes, node_number
from protocols import mbus_names
from protocols.provisioning import NodeEntry
from protocols.wire import record
from protocols.wire.errors import MalformedFrame
from protocols.wire.mbus import vif
from protocols.wire.messages import reading
from protocols.wire.topics import node_name

KIND = "utility_meter"
LOOK_BACK = 50  # records
ALARMING = ("stale",)
NOT_TOLD = 255
OUTCOMES = ("read", "silent", "garbled", "malformed", "refused")
PROTOCOLS = {
    reading.PROTOCOL_MBUS: "mbus",
    reading.PROTOCOL_IEC62056: "iec62056",
    reading.PROTOCOL_MODBUS: "modbus",
    reading.PROTOCOL_PULSE: "pulse",
}
FLAGS = (
    (reading.FLAGS_STALE, "stale"),
    (reading.FLAGS_CLOCK_UNSURE, "clock_unsure"),
    (reading.FLAGS_ESTIMATED, "estimated"),
)


@dataclass(frozen=True, slots=True)
class MeterSample:
    """One value of one reading. `value` is raw times ten to the exponent, in `unit`; None: the meter gave nothing.

    `at_ms` is Unix time; without `clock_set` nobody knows it: the node's uptime in a view, else when it arrived here.
    `register` is of the protocol, in hexadecimal.
    """

    seq: int
    at_ms: int
    clock_set: bool
    meter: int
    protocol: str
    identity: str
    outcome: str
    flags: tuple[str, ...]
    function: str
    register: str
    storage: int
    tariff: int
    device: int
    unit: str
    raw: int | None
    exponent: int
    value: float | None


@dataclass(frozen=True, slots=True)
class MeterView:
    """A meter and what it said last."""

    node: str
    house: str
    meter: int
    maker: str
    medium: str
    samples: tuple[MeterSample, ...]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One physical meter's time at its place, by its first and its final stored reading with values."""

    meter: int
    identity: str
    first: MeterSample
    final: MeterSample
    readings: int


class Meters:
    """Follows the records of all meter nodes; stored ones are read from the ledger's own rows."""

    def __init__(self, registry: Registry, store: Store, saved: Iterable[SavedSession]) -> None:
        self._registry = registry
        self._latest: dict[tuple[bytes, int], MeterRead] = {}
        self._store = store
        self.learn(saved)

    def learn(self, saved: Iterable[SavedSession]) -> None:
        """What the database holds of nodes."""
        for one in saved:
            if node_bytes(one.node) in self._nodes():
                self._remember(node_bytes(one.node), one.stored[-1][1] if one.stored else 0)

    def _nodes(self) -> Mapping[bytes, NodeEntry]:
        return self._registry.of_kind(KIND)

    def _remember(self, node: bytes, last_seq: int) -> None:
        """What the meters of a node said last before the controller started."""
        for row in self._store.records(node_number(node), max(1, last_seq - LOOK_BACK), LOOK_BACK + 1):
            if row.kind == reading.KIND and (event := _event_in(node, bytes(row.raw))):
                self.meter_read(event)

    def meter_read(self, event: MeterRead) -> None:
        """A reading; backlog does not replace what is newer."""
        latest = self._latest.get((event.node, event.meter))
        if latest is None or event.seq > latest.seq:
            self._latest[event.node, event.meter] = event

    def views(self) -> tuple[MeterView, ...]:
        """Every meter by house, as far as one of the newest records of its node is a reading of it."""
        return tuple(
            MeterView(
                node_name(node),
                self._nodes()[node].name,
                number,
                event.maker,
                "" if event.medium == NOT_TOLD else mbus_names.medium(event.medium) or "",
                tuple(samples_of(event)),
            )
            for (node, number), event in sorted(self._latest.items())
            if node in self._nodes()
        )

    def devices(self) -> tuple[DeviceView, ...]:
        """The same for the page, in the units that people use, beside the devices on the controller's own buses."""
        return tuple(
            DeviceView(
                name=f"{view.house} · {view.samples[0].identity or view.meter}",
                template=view.medium or view.samples[0].protocol,
                bus=view.node,
                unit=view.meter,
                online=view.samples[0].outcome == OUTCOMES[reading.OUTCOME_READ],
                alarms=tuple(flag for flag in view.samples[0].flags if flag in ALARMING),
                points=tuple(_point(sample) for sample in view.samples if sample.value is not None),
            )
            for view in self.views()
        )

    def stored(self, node: bytes, from_seq: int, limit: int) -> tuple[list[MeterSample], int]:
        """Samples of at most `limit` records from `from_seq` on, and the next record's number, 0 at the end.

        Raises KeyError for a node that has no meters.
        """
        number = node_number(self._nodes()[node].node)
        rows = self._store.records(number, from_seq, limit)
        found = [
            replace(sample, at_ms=at_ms, clock_set=how != RECEIVED)
            for row, (at_ms, how) in zip(rows, taken(self._store, number, rows), strict=True)
            if row.kind == reading.KIND
            for sample in _samples_in(node, bytes(row.raw))
        ]
        return found, rows[-1].seq + 1 if len(rows) == limit else 0

    def epochs(self, node: bytes, limit: int) -> list[Epoch]:
        """Which meters have stood where, oldest first. Raises KeyError as stored() does."""
        found: list[Epoch] = []
        current: dict[int, Epoch] = {}
        next_seq = 1
        while next_seq:
            samples, next_seq = self.stored(node, next_seq, limit)
            for sample in samples:
                if sample.value is None:
                    continue
                epoch = current.get(sample.meter)
                if epoch is None or epoch.identity != sample.identity:
                    if epoch is not None:
                        found.append(epoch)
                    current[sample.meter] = Epoch(sample.meter, sample.identity, sample, sample, 1)
                elif sample.seq != epoch.final.seq and sample.register == epoch.first.register:
                    current[sample.meter] = Epoch(
                        sample.meter, sample.identity, epoch.first, sample, epoch.readings + 1
                    )
        return [*found, *(current[number] for number in sorted(current))]


def _event_in(node: bytes, raw: bytes) -> MeterRead | None:
    """A stored record's; a body that cannot be read stays what it is: raw, in the ledger."""
    try:
        event = event_of(READERS[KIND], node, record.parse(raw)[0])
    except MalformedFrame:
        return None
    return event if isinstance(event, MeterRead) else None


def _samples_in(node: bytes, raw: bytes) -> Iterator[MeterSample]:
    if event := _event_in(node, raw):
        yield from samples_of(event)


def _point(sample: MeterSample) -> PointView:
    scale, unit = for_people(sample.unit)
    value = None if sample.value is None else sample.value * scale
    return PointView(register_name(sample), unit, "value", value, "good", sample.at_ms / 1000)


def register_name(sample: MeterSample) -> str:
    """What a register is called: M-Bus quantity, OBIS code, Modbus address."""
    register = int(sample.register, 16)
    if sample.protocol == "mbus":
        return vif.meaning(register >> 8)[-1]
    if sample.protocol == "iec62056":
        return f"{register >> 16}.{register >> 8 & 0xFF}.{register & 0xFF}"
    return str(register) if register else ""


def samples_of(event: MeterRead) -> Iterator[MeterSample]:
    """A sample a value; one without a value for a meter that gave none."""
    outcome = OUTCOMES[event.outcome] if event.outcome < len(OUTCOMES) else str(event.outcome)
    flags = tuple(word for bit, word in FLAGS if event.flags & bit)

    def sample(
        function: str, register: int, place: tuple[int, int, int], unit: str, raw: int | None, exponent: int
    ) -> MeterSample:
        value = None if raw is None else float(raw * 10**exponent if exponent >= 0 else raw / 10**-exponent)
        return MeterSample(
            event.seq,
            event.at_ms,
            event.clock_set,
            event.meter,
            PROTOCOLS.get(event.protocol, str(event.protocol)),
            event.identity,
            outcome,
            flags,
            function,
            f"{register:06X}",
            *place,
            unit,
            raw,
            exponent,
            value,
        )

    for one in event.values:
        place = (one.storage, one.tariff, one.device)
        yield sample(mbus_names.FUNCTIONS[one.function], one.register, place, one.unit, one.raw, one.exponent)
    if not event.values:
        yield sample("", 0, (0, 0, 0), "", None, 0)

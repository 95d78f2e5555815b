"""The town as it is now, in frozen shapes: what the page and the API show.

Never changes anything and never asks the database; services hand it what they know.
Specification: README.md here, "Live".
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from controller.events import Notice
from controller.services.alarms_life import Alarm


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node. `place`: its vehicle or its stop."""

    node: str
    kind: str
    name: str
    place: str
    online: bool
    last_seen_s: float | None
    firmware: str
    journal_depth: int | None
    records: int
    lat: float | None
    lon: float | None
    replaced_by: str = ""  # the node that has its place now


@dataclass(frozen=True, slots=True)
class VehicleView:
    """One vehicle that told its position lately; route, headsign and trip are empty while it is on no trip."""

    vehicle_id: str
    node: str
    route: str
    headsign: str
    trip_id: str
    lat: float
    lon: float
    delay_s: int | None
    speed_mps: float
    updated_s: float


@dataclass(frozen=True, slots=True)
class StopView:
    """One stop and the displays (node names) that stand there."""

    stop_id: str
    name: str
    lat: float
    lon: float
    displays: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DisplayView:
    """What stands on a display's glass: `bits` as it told them, `picture_crc` as its record proves them."""

    node: str
    name: str
    stop_id: str
    width: int
    height: int
    bits: bytes | None
    picture_crc: int | None
    shown_at_s: float | None
    mode: str


@dataclass(frozen=True, slots=True)
class Counters:
    """Since the database was made; `rejected` (envelopes by reason) since the controller started."""

    taps: int
    cash: int
    positions: int
    arrivals_shown: int
    readings: int
    air_samples: int
    batches: int
    records: int
    rejected: dict[str, int]


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """first_seq..highest_seq = stored + missing + declared_gaps, or something is wrong.

    `declared_gaps` counts numbers that a node declared lost and that are not stored (`gap_reasons`: which why),
    `missing` those still owed, `receipted` the stored ones of which the node was told that they are, `imported` those
    that a person read out of the node's flash, `conflicting` records whose number was stored already with other bytes.
    Of the numbers behind `missing` and `conflicting` the first few are listed.
    """

    node: str
    kind: str
    name: str
    stored: int
    highest_seq: int
    missing: int
    declared_gaps: int
    refused_duplicates: int
    conflicting: int = 0
    first_seq: int = 1
    receipted: int = 0
    imported: int = 0
    gap_reasons: Mapping[str, int] = field(default_factory=dict)
    missing_ranges: tuple[tuple[int, int], ...] = ()
    conflicts: tuple[int, ...] = ()

    @property
    def issued(self) -> int:
        """How many numbers the node gave out."""
        return self.highest_seq - self.first_seq + 1

    @property
    def journalled(self) -> int:
        """How many records stand behind them: a number that was declared lost has none."""
        return self.issued - self.declared_gaps

    @property
    def difference(self) -> int:
        """Numbers that the columns leave unexplained; 0 in a sound ledger, negative if something counts twice."""
        return self.issued - self.stored - self.missing - self.declared_gaps

    @property
    def reconciles(self) -> bool:
        """Nothing is owed, no number stands for two records, and the columns add up."""
        return not self.missing and not self.conflicting and not self.difference


@dataclass(frozen=True, slots=True)
class PointView:
    """The last sample of one point of a device; `quality`: good, invalid, refused, silent."""

    name: str
    unit: str
    role: str
    value: float | None
    quality: str
    time_s: float


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One device of somebody else's. `alarms`: the alarm inputs that are on."""

    name: str
    template: str
    bus: str
    unit: int
    online: bool
    alarms: tuple[str, ...]
    points: tuple[PointView, ...]


Shape = tuple[str, str, tuple[tuple[float, float], ...]]  # route, colour, (lat, lon) ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment."""

    time_s: float
    site: str
    feed_name: str
    nodes: tuple[NodeView, ...]
    vehicles: tuple[VehicleView, ...]
    stops: tuple[StopView, ...]
    displays: tuple[DisplayView, ...]
    counters: Counters
    ledger: tuple[LedgerRow, ...]
    shapes: tuple[Shape, ...]
    devices: tuple[DeviceView, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    alarms_ended: tuple[Alarm, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """Who is asked for each part of a snapshot; the argument is Unix time in seconds."""

    feed_name: Callable[[], str]
    nodes: Callable[[float], tuple[NodeView, ...]]
    vehicles: Callable[[float], tuple[VehicleView, ...]]
    stops: Callable[[], tuple[StopView, ...]]
    displays: Callable[[], tuple[DisplayView, ...]]
    ledger: Callable[[], tuple[LedgerRow, ...]]
    shapes: Callable[[], tuple[Shape, ...]]
    rejected: Callable[[], dict[str, int]]
    devices: Callable[[], tuple[DeviceView, ...]] = tuple
    alarms: Callable[[], tuple[Alarm, ...]] = tuple
    alarms_ended: Callable[[], tuple[Alarm, ...]] = tuple


@dataclass(slots=True)
class Live:
    """Makes snapshots; `version` grows with each change, so that a page asks for no more of them than there are."""

    site: str
    sources: Sources
    tallies: Counter[str]
    now_s: Callable[[], float]
    version: int = 0
    _last: tuple[int, Snapshot] | None = field(default=None, repr=False)

    def tell(self, notice: Notice) -> None:
        """Something happened."""
        self.tallies[type(notice).__name__] += 1
        self.version += 1

    def changed(self) -> None:
        """Something changed that no notice tells: a feed, a refusal, the passing of time."""
        self.version += 1

    def counters(self) -> Counters:
        """The counters alone."""
        rows = self.sources.ledger()
        return Counters(
            taps=self.tallies["MediumTapped"],
            cash=self.tallies["CashPaid"],
            positions=self.tallies["VehicleMoved"],
            arrivals_shown=self.tallies["ArrivalsShown"],
            readings=self.tallies["MeterRead"],
            air_samples=self.tallies["AirMeasured"],
            batches=self.tallies["BatchStored"],
            records=sum(row.stored for row in rows),
            rejected=self.sources.rejected(),
        )

    def snapshot(self) -> Snapshot:
        """The town now; the same object while nothing changed."""
        if self._last is not None and self._last[0] == self.version:
            return self._last[1]
        now_s = self.now_s()
        made = Snapshot(
            time_s=now_s,
            site=self.site,
            feed_name=self.sources.feed_name(),
            nodes=self.sources.nodes(now_s),
            vehicles=self.sources.vehicles(now_s),
            stops=self.sources.stops(),
            displays=self.sources.displays(),
            counters=self.counters(),
            ledger=self.sources.ledger(),
            shapes=self.sources.shapes(),
            devices=self.sources.devices(),
            alarms=self.sources.alarms(),
            alarms_ended=self.sources.alarms_ended(),
        )
        self._last = (self.version, made)
        return made

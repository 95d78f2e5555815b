"""What happened in the field, in the words of the domain: past tense, frozen, each from one stored record.

Never holds a key, a frame or a topic; times are Unix milliseconds, positions degrees.
Specification: protocols/README.md for the records behind them; style.md rule 9.
"""

from dataclasses import dataclass

from protocols.wire.air_rows import Row
from protocols.wire.document import Request


@dataclass(frozen=True, slots=True)
class NodeBooted:
    """A node started; its boot id is new."""

    node: bytes
    at_ms: int
    boot_id: int
    firmware: str
    reset_cause: int
    journal_depth: int


@dataclass(frozen=True, slots=True)
class StatusReported:
    """A node told of its health."""

    node: bytes
    at_ms: int
    uptime_s: int
    heap_free: int
    journal_depth: int
    journal_erases: int
    link_connects: int
    task_restarts: int
    peripheral_faults: int
    refused_envelopes: int


@dataclass(frozen=True, slots=True)
class IncidentReported:
    """A node told of something that a person should know."""

    node: bytes
    at_ms: int
    code: int
    severity: int
    detail: int
    text: str


@dataclass(frozen=True, slots=True)
class CommandEnded:
    """A node told how a command ended."""

    node: bytes
    at_ms: int
    command_id: int
    outcome: int
    reason: int


@dataclass(frozen=True, slots=True)
class GapDeclared:
    """A node declared sequence numbers that it no longer has."""

    node: bytes
    at_ms: int
    first_seq: int
    last_seq: int
    reason: int


@dataclass(frozen=True, slots=True)
class MediumTapped:
    """A medium was presented to a validator."""

    node: bytes
    seq: int
    at_ms: int
    result: int
    medium: int
    flags: int
    card_token: bytes
    benefit_class: int
    riders: int
    decision_ms: int
    vehicle: int
    door: int
    trip_ref: int


@dataclass(frozen=True, slots=True)
class CashPaid:
    """A driver entered a ride paid in cash, or a free ride counted by hand."""

    node: bytes
    seq: int
    at_ms: int
    amount_kop: int
    riders: int
    vehicle: int
    trip_ref: int


@dataclass(frozen=True, slots=True)
class VehicleMoved:
    """A vehicle was at a place. `clock_set`: `at_ms` is a time of day, not an uptime."""

    node: bytes
    at_ms: int
    clock_set: bool
    trip_ref: int
    lat: float
    lon: float
    speed_mps: float
    course_deg: float


@dataclass(frozen=True, slots=True)
class ArrivalsShown:
    """A display has had these arrivals on its glass since `at_ms`."""

    node: bytes
    seq: int
    at_ms: int
    clock_set: bool
    command_id: int
    rows: int
    picture_crc: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class GlassChanged:
    """A display has had something other than arrivals on its glass since `at_ms`; `mode` as in shown_on_glass."""

    node: bytes
    seq: int
    at_ms: int
    clock_set: bool
    mode: int
    picture_crc: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class AirMeasured:
    """What an air post measured from `start_s` on, a row a channel (protocols/wire/air_rows.py); all of it indicative.

    Without `clock_set` the start is the post's uptime.
    """

    node: bytes
    seq: int
    start_s: int
    seconds: int
    clock_set: bool
    calibration: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class MeterValue:
    """One register of a meter: raw times ten to the exponent, in `unit`. `storage` 0: of now."""

    register: int
    function: int
    storage: int
    tariff: int
    device: int
    unit: str
    exponent: int
    raw: int


@dataclass(frozen=True, slots=True)
class MeterRead:
    """A meter was asked at its time; `outcome` and `flags` as in reading, no values unless it answered."""

    node: bytes
    seq: int
    at_ms: int
    clock_set: bool
    meter: int
    protocol: int
    outcome: int
    flags: int
    identity: str
    maker: str
    medium: int
    status: int
    values: tuple[MeterValue, ...]


@dataclass(frozen=True, slots=True)
class MeterFound:
    """A search met a meter, or several that answer at once."""

    node: bytes
    at_ms: int
    protocol: int
    address: int
    collided: bool
    identity: str
    maker: str
    version: int
    medium: int


@dataclass(frozen=True, slots=True)
class CoverChanged:
    """The cover over a node and its meters was opened or closed."""

    node: bytes
    at_ms: int
    clock_set: bool
    is_open: bool


@dataclass(frozen=True, slots=True)
class DocumentReported:
    """A node told which version of a document it holds, or how an offer ended; numbers as in the record `document`."""

    node: bytes
    at_ms: int
    type: int
    version: int
    outcome: int
    reason: int
    held_version: int


Event = (
    NodeBooted
    | StatusReported
    | IncidentReported
    | CommandEnded
    | GapDeclared
    | DocumentReported
    | MediumTapped
    | CashPaid
    | VehicleMoved
    | ArrivalsShown
    | GlassChanged
    | MeterRead
    | MeterFound
    | CoverChanged
    | AirMeasured
)


@dataclass(frozen=True, slots=True)
class BatchStored:
    """Records of a node are in the database for good."""

    node: bytes
    at_ms: int
    boot_id: int
    new: int
    refused_duplicates: int


@dataclass(frozen=True, slots=True)
class RecordsImported:
    """Records that a person read out of a node's flash are in the database for good; the node itself said nothing."""

    node: bytes
    at_ms: int
    new: int
    refused_duplicates: int


@dataclass(frozen=True, slots=True)
class StateChanged:
    """A node went online, or its broker says that it is gone; not journalled."""

    node: bytes
    at_ms: int
    boot_id: int
    online: bool
    firmware: str


@dataclass(frozen=True, slots=True)
class DocumentRequested:
    """A node asks for a piece of a document; not journalled."""

    node: bytes
    request: Request


@dataclass(frozen=True, slots=True)
class PictureTaken:
    """What stands on a display's glass, 1 bit a pixel, rows padded to bytes, MSB left; not journalled."""

    node: bytes
    at_ms: int
    width: int
    height: int
    bits: bytes


Notice = Event | BatchStored | RecordsImported | StateChanged | DocumentRequested | PictureTaken

"""What happened in the field, in the words of the domain: past tense, frozen, each from one stored record.

Never holds a key, a frame or a topic; times are Unix milliseconds, positions degrees.
Specification: protocols/README.md for the records behind them; style.md rule 9.
"""

from dataclasses import dataclass


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


Event = (
    NodeBooted
    | StatusReported
    | IncidentReported
    | CommandEnded
    | GapDeclared
    | MediumTapped
    | CashPaid
    | VehicleMoved
    | ArrivalsShown
    | GlassChanged
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
class StateChanged:
    """A node went online, or its broker says that it is gone; not journalled."""

    node: bytes
    at_ms: int
    boot_id: int
    online: bool
    firmware: str


@dataclass(frozen=True, slots=True)
class PictureTaken:
    """What stands on a display's glass, 1 bit a pixel, rows padded to bytes, MSB left; not journalled."""

    node: bytes
    at_ms: int
    width: int
    height: int
    bits: bytes


Notice = Event | BatchStored | StateChanged | PictureTaken

"""What can be exported, and the data dictionary: every column of every dataset, what it means and where it comes from.

Never aggregates, corrects or leaves out a row, and no column holds a card's token.
Specification: protocols/schema for what `source` names as record.field; README.md here, "Export".
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter as _of
from typing import Any, Literal, NamedTuple

from controller.events import AirMeasured, MeterRead
from controller.nodes import READERS, event_of
from controller.services import air, meters
from controller.store import StoredRecord
from protocols import mbus_names
from protocols.wire import air_rows
from protocols.wire.messages import air_means, position, reading, tap
from protocols.wire.record import Record

DEGREES = 1e7
NO_HDOP = 65535
RESULTS = {
    tap.RESULT_ACCEPTED: "accepted",
    tap.RESULT_REPEATED: "repeated",
    tap.RESULT_DENIED: "denied",
    tap.RESULT_UNREADABLE: "unreadable",
}
MEDIA = {
    tap.MEDIUM_UNKNOWN: "unknown",
    tap.MEDIUM_CLASSIC: "classic",
    tap.MEDIUM_ULTRALIGHT: "ultralight",
    tap.MEDIUM_DESFIRE: "desfire",
    tap.MEDIUM_BANK: "bank",
    tap.MEDIUM_PHONE: "phone",
}


class Line(NamedTuple):
    """What a row is made of: the record, when it was taken, what stands in it, and the one value the row is for."""

    node: str
    name: str
    stored: StoredRecord
    record: Record
    at_ms: int
    clock: str
    told: Any
    sample: Any


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `take` finds its value, None where there is none."""

    name: str
    type: Literal["time", "integer", "number", "text", "boolean"]
    unit: str
    meaning: str
    source: str
    take: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Records of one kind, a row a value. `read` gives what stands in one, and its values. It raises MalformedFrame."""

    kind: int
    columns: tuple[Column, ...]
    read: Callable[[bytes, Record], Iterable[tuple[Any, Any]]]


def _read_reading(node: bytes, record: Record) -> Iterator[tuple[Any, Any]]:
    event = event_of(READERS[meters.KIND], node, record)
    if isinstance(event, MeterRead):
        yield from ((event, sample) for sample in meters.samples_of(event))


def _read_air(node: bytes, record: Record) -> Iterator[tuple[Any, Any]]:
    event = event_of(READERS[air.KIND], node, record)
    if isinstance(event, AirMeasured):
        yield from ((event, sample) for sample in air.samples_of(event))


def _read_tap(_: bytes, record: Record) -> Iterator[tuple[Any, Any]]:
    told = tap.parse(record.body, record.version > tap.VERSION)
    yield told, told


def _read_position(_: bytes, record: Record) -> Iterator[tuple[Any, Any]]:
    told = position.parse(record.body, record.version > position.VERSION)
    yield told, told


def _begin_ms(line: Line) -> int:
    """When an air post's period began: by the same clock that its record's time was brought to."""
    by_its_clock_ms: int = line.record.time_s * 1000 + line.record.time_ms
    return int(line.told.start_s) * 1000 + line.at_ms - by_its_clock_ms


def _place(line: Line, degrees_e7: int) -> float | None:
    return degrees_e7 / DEGREES if line.told.flags & tap.FLAGS_POSITION_KNOWN else None


def _tap_flags(line: Line) -> str:
    words = (tap.FLAGS_ID_STABLE, "id_stable"), (tap.FLAGS_POSITION_KNOWN, "position_known")
    return " ".join(word for bit, word in words if line.told.flags & bit)


_EVERY = (
    Column("node", "text", "", "the node: 16 hexadecimal digits", "envelope", _of("node")),
    Column("name", "text", "", "what people call it; the digits again: it left the registry", "registry", _of("name")),
    Column(
        "seq", "integer", "", "number of the node's record; with the node it names the record for ever", "record.seq",
        _of("stored.seq"),
    ),
    Column("time_utc", "time", "UTC", "when it was recorded; see clock", "record.time", _of("at_ms")),
    Column(
        "clock", "text", "",
        "how time_utc is known: gnss; receipt: from the controller; held: by the node's oscillator since; corrected: "
        "the node learned the time later; received: nobody knows, it is when the record arrived",
        "record.clock_quality", _of("clock"),
    ),
    Column(
        "stored_utc", "time", "UTC", "when the controller stored it", "controller",
        lambda line: line.stored.stored_s * 1000,
    ),
    Column(
        "imported", "boolean", "", "true: read out of the node's flash by a person, without proof of origin",
        "controller", lambda line: bool(line.stored.imported),
    ),
)  # fmt: skip

_READINGS = (
    Column("meter", "integer", "", "number in the node's settings", "reading.meter", _of("sample.meter")),
    Column("protocol", "text", "", "mbus, iec62056, modbus or pulse", "reading.protocol", _of("sample.protocol")),
    Column("identity", "text", "", "digits on the meter's label", "reading.identity", _of("sample.identity")),
    Column("maker", "text", "", "its manufacturer's letters", "reading.maker", _of("told.maker")),
    Column(
        "medium", "text", "", "what it measures, by EN 13757-3; empty when not told", "reading.medium",
        lambda line: mbus_names.medium(line.told.medium),
    ),
    Column("status", "integer", "", "bits as the meter tells them", "reading.status", _of("told.status")),
    Column(
        "outcome", "text", "", "read, or why there is no value: silent, garbled, malformed, refused",
        "reading.outcome", _of("sample.outcome"),
    ),
    Column(
        "flags", "text", "", "words between spaces; stale: the meter repeats itself; clock_unsure: no time was told "
        "lately; estimated: pulses may be missing", "reading.flags", lambda line: " ".join(line.sample.flags),
    ),
    Column(
        "function", "text", "", "instantaneous, maximum, minimum, or of an error state", "reading.rows.function",
        _of("sample.function"),
    ),
    Column(
        "register", "text", "", "hexadecimal; mbus: VIF code and VIFE; iec62056: OBIS C, D, E; modbus: address",
        "reading.rows.register", _of("sample.register"),
    ),
    Column(
        "storage", "integer", "", "0: of now; above: an earlier day of the meter's own", "reading.rows.storage",
        _of("sample.storage"),
    ),
    Column("tariff", "integer", "", "0: all", "reading.rows.tariff", _of("sample.tariff")),
    Column("device", "integer", "", "subunit of the meter", "reading.rows.device", _of("sample.device")),
    Column("unit", "text", "", "of value", "reading.rows.unit", _of("sample.unit")),
    Column(
        "raw", "integer", "", "whole number as the meter gave it; empty when it gave none", "reading.rows.raw",
        _of("sample.raw"),
    ),
    Column(
        "exponent", "integer", "", "value is raw times ten to this", "reading.rows.exponent",
        _of("sample.exponent"),
    ),
    Column("value", "number", "as in unit", "a register, not a consumption", "reading.rows.raw", _of("sample.value")),
)  # fmt: skip

_AIR = (
    Column("start_utc", "time", "UTC", "beginning of the period; see clock", "air_means.start_s", _begin_ms),
    Column("period_s", "integer", "s", "how long it is", "air_means.minutes", _of("sample.seconds")),
    Column(
        "calibration", "integer", "", "version of the calibration that made the gases; 0: none",
        "air_means.calibration", _of("sample.calibration"),
    ),
    Column(
        "channel", "text", "", ", ".join(name for name, _, _ in air_rows.CHANNELS), "air_means.rows.channel",
        _of("sample.channel"),
    ),
    Column(
        "unit", "text", "", "of mean, minimum, maximum and deviation", "air_means.rows.channel", _of("sample.unit")
    ),
    Column(
        "class", "text", "", f"{air.CLASS}: no reference method (CEN/TS 17660)", "controller", lambda _: air.CLASS
    ),
    Column("mean", "number", "as in unit", "of the period's seconds", "air_means.rows.mean", _of("sample.mean")),
    Column(
        "minimum", "number", "as in unit", "of them; empty: not told", "air_means.rows.minimum",
        _of("sample.minimum"),
    ),
    Column(
        "maximum", "number", "as in unit", "of them; empty: not told", "air_means.rows.maximum",
        _of("sample.maximum"),
    ),
    Column(
        "deviation", "number", "as in unit", "their standard deviation; empty: not told", "air_means.rows.deviation",
        _of("sample.deviation"),
    ),
    Column("count_s", "integer", "s", "seconds that were measured", "air_means.rows.count", _of("sample.count")),
    Column(
        "flags", "text", "", "words between spaces; warm_up: not on for long enough; humidity: too damp or too dry for "
        "the sensor; range: beyond what it covers; noise: it jumps; maintenance: somebody works on the post",
        "air_means.rows.flags", lambda line: " ".join(line.sample.flags),
    ),
    Column(
        "working_mv", "number", "mV", "working electrode of a gas cell", "air_means.rows.we",
        _of("sample.working_mv"),
    ),
    Column(
        "auxiliary_mv", "number", "mV", "auxiliary electrode of a gas cell", "air_means.rows.ae",
        _of("sample.auxiliary_mv"),
    ),
)  # fmt: skip

_TAPS = (
    Column(
        "result", "text", "", "accepted, repeated, denied, unreadable", "tap.result",
        lambda line: RESULTS.get(line.told.result, str(line.told.result)),
    ),
    Column(
        "medium", "text", "", "unknown, classic, ultralight, desfire, bank, phone", "tap.medium",
        lambda line: MEDIA.get(line.told.medium, str(line.told.medium)),
    ),
    Column(
        "flags", "text", "", "words between spaces; id_stable: the medium shows the same number each time; "
        "position_known: lat_deg and lon_deg are told", "tap.flags", _tap_flags,
    ),
    Column("product", "integer", "", "0: free ride", "tap.product", _of("sample.product")),
    Column("benefit_class", "integer", "", "0: none known", "tap.benefit_class", _of("sample.benefit_class")),
    Column("riders", "integer", "", "persons counted by this tap", "tap.riders", _of("sample.riders")),
    Column(
        "decision_ms", "integer", "ms", "from the answer of the medium to the green light", "tap.decision_ms",
        _of("sample.decision_ms"),
    ),
    Column("vehicle", "integer", "", "number of the vehicle", "tap.vehicle", _of("sample.vehicle")),
    Column("door", "integer", "", "number of the door", "tap.door", _of("sample.door")),
    Column(
        "trip_ref", "integer", "", "the controller's number of the trip; 0: none", "tap.trip_ref",
        _of("sample.trip_ref"),
    ),
    Column("lat_deg", "number", "deg", "north, WGS 84", "tap.lat_e7", lambda line: _place(line, line.told.lat_e7)),
    Column("lon_deg", "number", "deg", "east, WGS 84", "tap.lon_e7", lambda line: _place(line, line.told.lon_e7)),
    Column(
        "deny_list_version", "integer", "", "of the list that the decision went by", "tap.deny_list_version",
        _of("sample.deny_list_version"),
    ),
)  # fmt: skip

_POSITIONS = (
    Column("vehicle", "integer", "", "number of the vehicle", "position.vehicle", _of("told.vehicle")),
    Column(
        "trip_ref", "integer", "", "the controller's number of the trip; 0: none", "position.trip_ref",
        _of("told.trip_ref"),
    ),
    Column("lat_deg", "number", "deg", "north, WGS 84", "position.lat_e7", lambda line: line.told.lat_e7 / DEGREES),
    Column("lon_deg", "number", "deg", "east, WGS 84", "position.lon_e7", lambda line: line.told.lon_e7 / DEGREES),
    Column("speed_mps", "number", "m/s", "over ground", "position.speed_cmps", lambda line: line.told.speed_cmps / 100),
    Column(
        "course_deg", "number", "deg", "clockwise from true north", "position.course_cdeg",
        lambda line: line.told.course_cdeg / 100,
    ),
    Column(
        "hdop", "number", "", "horizontal dilution of precision; empty: unknown", "position.hdop_c",
        lambda line: None if line.told.hdop_c == NO_HDOP else line.told.hdop_c / 100,
    ),
    Column("satellites", "integer", "", "used", "position.satellites", _of("told.satellites")),
)  # fmt: skip

DATASETS = {
    "readings": Dataset(reading.KIND, _EVERY + _READINGS, _read_reading),
    "air": Dataset(air_means.KIND, _EVERY + _AIR, _read_air),
    "taps": Dataset(tap.KIND, _EVERY + _TAPS, _read_tap),
    "positions": Dataset(position.KIND, _EVERY + _POSITIONS, _read_position),
}

"""What can be exported beside the records: samples of devices of others, and the meter points with what they consumed.

Never aggregates, corrects or leaves out a row; of a correction the row that is in force is told.
Specification: datasets.py, whose neighbours these are; README.md here, "Export".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter as _of
from typing import Any

from controller.devices.template import QUALITIES
from controller.services.buildings import Buildings
from controller.services.consumption import Stand, Step
from controller.services.datasets import Column
from controller.services.live import DeviceView
from controller.services.period import Period
from controller.store.buildings import EpochRow, PointRow
from controller.store.samples import SampleStore, StoredSample


@dataclass(frozen=True, slots=True)
class Table:
    """`lines(period, name)`: of everybody where `name` is empty. Raises KeyError where there is nobody of that name."""

    columns: tuple[Column, ...]
    lines: Callable[[Period, str], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class _Sampled:
    device: str
    unit: str
    kind: str
    sample: StoredSample


@dataclass(frozen=True, slots=True)
class _Read:
    point: PointRow
    meter: EpochRow
    stand: Stand
    step: Step | None  # that ends with it


_DEVICES = (
    Column("device", "text", "", "name of the device", "configuration", _of("device")),
    Column("kind", "text", "", "its template, or what it was registered as; empty: not known any more",
           "configuration", _of("kind")),
    Column("point", "text", "", "which of its values", "template", _of("sample.point")),
    Column("time_utc", "time", "", "when it was read; of a device that pushes, as that told", "controller",
           _of("sample.time_ms")),
    Column("value", "number", "as in unit", "empty unless the quality is good", "device", _of("sample.value")),
    Column("unit", "text", "", "as the template or the registration says now", "template", _of("unit")),
    Column("quality", "text", "", "good; invalid: the device has no value; refused: it answered with an exception; "
           "silent: it fell silent", "controller", lambda line: QUALITIES[line.sample.quality]),
    Column("id", "integer", "", "grows in the order of storing", "controller", _of("sample.id")),
)  # fmt: skip

_POINTS = (
    Column("building", "text", "", "name of the building", "entered", _of("point.building")),
    Column("address", "text", "", "of the building", "entered", _of("point.address")),
    Column("area_m2", "number", "m2", "of the building; empty: not entered", "entered", _of("point.area_m2")),
    Column("point", "text", "", "name of the meter point", "entered", _of("point.name")),
    Column("medium", "text", "", "what is metered", "entered", _of("point.medium")),
    Column("serial", "text", "", "number of the meter that stood there, as entered", "entered", _of("meter.serial")),
    Column("time_utc", "time", "", "when it was read", "reading, or entered", _of("stand.at_ms")),
    Column("reading", "number", "as in reading_unit", "as it was received or entered", "reading, sample or entered",
           _of("stand.reading")),
    Column("reading_unit", "text", "", "unit of the reading", "reading, template or entered", _of("stand.unit")),
    Column("identity", "text", "", "what the meter called itself", "reading.identity", _of("stand.identity")),
    Column("quality", "text", "", "words between spaces; manual: a person read it; pushed: a program told it; the "
           "flags of readings beside", "reading, or entered", lambda line: " ".join(line.stand.quality)),
    Column("display", "number", "as in display_unit", "the reading as the meter's display shows it; empty: its unit "
           "does not tell", "controller", _of("stand.shown")),
    Column("display_unit", "text", "", "unit of the display", "entered", _of("meter.unit")),
    Column("consumed", "number", "as in unit", "since the reading before; empty: nobody knows, or there is none before",
           "controller", lambda line: line.step and line.step.amount),
    Column("unit", "text", "", "of what is consumed", "entered", _of("point.unit")),
    Column("since_utc", "time", "", "the reading before", "controller", lambda line: line.step and line.step.from_ms),
    Column("marks", "text", "", "words between spaces; rollover: the display began at 0 again; replaced: another "
           "meter; not_entered: another meter whose readings nobody entered; fell: less than before", "controller",
           lambda line: " ".join(line.step.marks) if line.step else ""),
)  # fmt: skip


def tables(
    samples: SampleStore, devices: Callable[[], tuple[DeviceView, ...]], buildings: Buildings
) -> dict[str, Table]:
    """All of them."""

    def sampled(period: Period, name: str) -> Iterator[_Sampled]:
        known = {(view.name, point.name): (point.unit, view.template) for view in devices() for point in view.points}
        for device, point in samples.series():
            if name in ("", device):
                unit, kind = known.get((device, point), ("", ""))
                for one in samples.span(device, point, period.from_s * 1000, period.to_s * 1000):
                    yield _Sampled(device, unit, kind, one)

    def read(period: Period, name: str) -> Iterator[_Read]:
        for point in buildings.points():
            if name in ("", point.building):
                yield from (_Read(point, *one) for one in buildings.account(point, period.from_s, period.to_s))

    def named(lines: Callable[[Period, str], Iterator[Any]], names: Callable[[], set[str]]) -> Any:
        def checked(period: Period, name: str) -> Iterator[Any]:
            if name and name not in names():
                raise KeyError(name)
            return lines(period, name)

        return checked

    return {
        "devices": Table(_DEVICES, named(sampled, lambda: {device for device, _ in samples.series()})),
        "points": Table(_POINTS, named(read, lambda: {point.building for point in buildings.points()})),
    }

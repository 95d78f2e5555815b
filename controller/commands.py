"""What the controller can ask of a node, in the words of the domain: imperative, frozen.

Never holds an id, a time to live or bytes: those are the session's.
Specification: protocols/README.md for the messages they become; style.md rule 9.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AssignTrip:
    """Tell a validator which trip its vehicle is on; `trip_ref` 0: none."""

    trip_ref: int
    route: str


@dataclass(frozen=True, slots=True)
class ArrivalLine:
    """One line of a board. `arrival_s` is Unix time: the display counts down by itself."""

    arrival_s: int
    route: str
    headsign: str
    realtime: bool
    low_floor: bool


@dataclass(frozen=True, slots=True)
class ShowArrivals:
    """Put these arrivals on a display, soonest first. `data_s`: newest position behind them, 0: timetable only."""

    data_s: int
    lines: tuple[ArrivalLine, ...]


@dataclass(frozen=True, slots=True)
class ScanMeters:
    """Search a meter node's bus: by the meters' numbers, or their primary addresses from 0 to `primary_last`."""

    primary_last: int = 0


Command = AssignTrip | ShowArrivals | ScanMeters

"""stop_times.txt -> column arrays, ordered by trip and sequence, every time known.

Must never know: service days, dates, what a trip's other facts are.
Specification: GTFS stop_times.txt. Rows may stand in any order; between timed stops the times may be empty.
"""

from array import array
from collections.abc import Callable, Mapping
from itertools import pairwise
from math import cos, hypot, radians

from protocols.gtfs import fields
from protocols.gtfs.feed import Stop, StopTimes
from protocols.gtfs.table import Table

REQUIRED = ("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence")

_UNTIMED = -1
_REFUSED = -2  # a reference to a row or table that was refused: it has been complained about already


class _Memo(dict[str, int]):
    """Field text -> number, parsed once. Half a million calls hold a few thousand different texts."""

    def __init__(self, parse: Callable[[str], int]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, text: str) -> int:
        value = self[text] = self._parse(text.strip())
        return value


def _reference(column: str, numbers: Mapping[str, int], known: Mapping[str, int] | None) -> Callable[[str], int]:
    def number(name: str) -> int:
        found = numbers.get(name)
        if found is not None:
            return found
        if known is None or name in known:
            return _REFUSED
        raise ValueError(f"{column} {name!r} is unknown" if name else f"{column} is empty")

    return number


def _time(text: str) -> int:
    return fields.time_s(text) if text else _UNTIMED


def _sequence(text: str) -> int:
    try:
        return fields.whole(text)
    except ValueError as problem:
        raise ValueError(f"stop_sequence: {problem}") from None


class StopTimesReader:
    """Reads the table, then hands out `calls` and the row range of each trip."""

    def __init__(self, table: Table, stops: Mapping[str, Stop], known_stops: Mapping[str, int] | None) -> None:
        self._table = table
        self._stops = stops
        self._known_stops = known_stops
        self._trip = array("i")
        self._line = array("i")
        self.calls = StopTimes(tuple(stops))

    def read(self, trips: Mapping[str, int], known_trips: Mapping[str, int] | None) -> dict[int, range]:
        """Trip number -> its rows. `trips` numbers the good trips."""
        if not self._table.has(REQUIRED):
            return {}
        self._collect(trips, known_trips)
        self._sort()
        rows: dict[int, range] = {}
        first = 0
        count = len(self._trip)
        while first < count:
            trip = self._trip[first]
            end = first + 1
            while end < count and self._trip[end] == trip:
                end += 1
            rows[trip] = range(first, end)
            self._check(rows[trip])
            first = end
        return rows

    def _collect(self, trips: Mapping[str, int], known_trips: Mapping[str, int] | None) -> None:
        trip_place, arrival_place, departure_place, stop_place, sequence_place = (
            self._table.columns[name] for name in REQUIRED
        )
        trip_numbers = _Memo(_reference("trip_id", trips, known_trips))
        stop_numbers = _Memo(self._stop_number())
        times = _Memo(_time)
        sequences = _Memo(_sequence)
        calls = self.calls
        for line, values in self._table.values():
            try:
                trip = trip_numbers[values[trip_place]]
                stop = stop_numbers[values[stop_place]]
                sequence = sequences[values[sequence_place]]
                arrival = times[values[arrival_place]]
                departure = times[values[departure_place]]
            except ValueError as problem:
                self._table.complain(line, str(problem))
                continue
            if trip == _REFUSED or stop == _REFUSED:
                continue
            self._trip.append(trip)
            self._line.append(line)
            calls.stop.append(stop)
            calls.sequence.append(sequence)
            calls.arrival_s.append(departure if arrival == _UNTIMED else arrival)
            calls.departure_s.append(arrival if departure == _UNTIMED else departure)

    def _stop_number(self) -> Callable[[str], int]:
        number = _reference("stop_id", {name: i for i, name in enumerate(self._stops)}, self._known_stops)

        def placed(name: str) -> int:
            stop = self._stops.get(name)
            if stop is not None and (stop.lat is None or stop.lon is None):
                raise ValueError(f"stop_id {name!r} has no stop_lat and stop_lon")
            return number(name)

        return placed

    def _sort(self) -> None:
        keys = array("q", (trip << 32 | at for trip, at in zip(self._trip, self.calls.sequence, strict=True)))
        if all(keys[i] <= keys[i + 1] for i in range(len(keys) - 1)):
            return
        order = sorted(range(len(keys)), key=keys.__getitem__)
        for column in (
            self._trip,
            self._line,
            self.calls.stop,
            self.calls.sequence,
            self.calls.arrival_s,
            self.calls.departure_s,
        ):
            column[:] = array("i", map(column.__getitem__, order))

    def _check(self, rows: range) -> None:
        calls, lines = self.calls, self._line
        arrivals, departures, sequences = calls.arrival_s, calls.departure_s, calls.sequence
        for row in (rows[0], rows[-1]):
            if arrivals[row] == _UNTIMED:
                self._table.complain(lines[row], "the first and the last stop of a trip need a time")
                return
        before_row, before_s = -1, 0
        gaps = False
        for row in rows:
            if before_row >= 0 and sequences[row] == sequences[before_row]:
                self._table.complain(
                    lines[row],
                    f"stop_sequence {sequences[row]} of this trip stands on line {lines[before_row]} already",
                )
                return
            before_row = row
            arrival = arrivals[row]
            if arrival == _UNTIMED:
                gaps = True
                continue
            if arrival < before_s or departures[row] < arrival:
                self._table.complain(lines[row], f"time goes back, {fields.time_text(before_s)} comes before it")
                return
            before_s = departures[row]
        if gaps:
            self._interpolate(rows)

    def _interpolate(self, rows: range) -> None:
        """Empty times between two timed stops: in proportion to the straight-line distance."""
        arrivals, departures = self.calls.arrival_s, self.calls.departure_s
        timed = [row for row in rows if arrivals[row] != _UNTIMED]
        for before, after in pairwise(timed):
            if after == before + 1:
                continue
            walked = [0.0]
            for row in range(before, after):
                # A metre at least, so that stops on one spot do not divide by zero.
                walked.append(walked[-1] + 1 + self._distance_m(row, row + 1))
            span_s = arrivals[after] - departures[before]
            for row in range(before + 1, after):
                at_s = departures[before] + round(span_s * walked[row - before] / walked[-1])
                arrivals[row] = departures[row] = at_s

    def _distance_m(self, row: int, other: int) -> float:
        here, there = self._place(row), self._place(other)
        north = there[0] - here[0]
        east = (there[1] - here[1]) * cos(radians(here[0]))
        return hypot(north, east) * 111_195

    def _place(self, row: int) -> tuple[float, float]:
        stop = self._stops[self.calls.stop_ids[self.calls.stop[row]]]
        assert stop.lat is not None
        assert stop.lon is not None
        return stop.lat, stop.lon

"""The text files of a feed -> a Feed, or every mistake in them.

Must never know: folders, what time it is now.
Specification: https://gtfs.org/documentation/schedule/reference/ (what is read and accepted: README.md)
"""

from array import array
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from protocols.gtfs import fields, frequencies
from protocols.gtfs.archive import unzip
from protocols.gtfs.errors import ErrorLog
from protocols.gtfs.feed import Agency, Feed, Route, Shape, Stop, Trip, WeeklyService
from protocols.gtfs.stop_times import StopTimesReader
from protocols.gtfs.table import Row, Table

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NODE_TYPES = (3, 4)  # location_type: generic node, boarding area; these alone may lack a place

_flag = fields.one_of(0, 1)

# Every id of a table and its line, those of refused rows too. None: there is no such table to look it up in.
Known = dict[str, int] | None


def read_feed(files: Mapping[str, bytes]) -> Feed:
    """`files` by name, 'stops.txt' and so on. Raises FeedErrors; nothing half-made is left."""
    reader = _Reader(files)
    feed = reader.read()
    reader.log.raise_if_any()
    return feed


def from_zip_bytes(data: bytes) -> Feed:
    """The feed of a zip file. Raises FeedErrors, also when it is no zip file."""
    return read_feed(unzip(data))


class _Reader:
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self.log = ErrorLog()

    def read(self) -> Feed:
        agencies, known_agencies, timezone = self._agencies()
        routes, known_routes = self._routes(known_agencies)
        stops, known_stops = self._stops()
        weekly, added, removed, known_services = self._services()
        shapes = self._shapes()
        trips, known_trips = self._trips(known_routes, known_services, shapes)

        table = self._required("stop_times.txt")
        calls_reader = StopTimesReader(table, stops, known_stops)
        rows = calls_reader.read({trip_id: number for number, trip_id in enumerate(trips)}, known_trips)
        calling = {
            trip.trip_id: replace(trip, first_row=rows[number].start, end_row=rows[number].stop)
            for number, trip in enumerate(trips.values())
            if len(rows.get(number, ())) >= 2
        }
        # After an error the missing trips are its consequence, not one more.
        self.log.raise_if_any()
        if not calling:
            self.log.add("trips.txt", 0, "holds no trip that calls at two stops")
        unused = len(trips) - len(calling)
        departures = calls_reader.calls.departure_s
        if "frequencies.txt" in self._files:
            calling = frequencies.expand(
                self._table("frequencies.txt"), calling, known_trips or {}, lambda trip: departures[trip.first_row]
            )
        name, version = self._feed_info()
        return Feed(
            name=name or agencies[0].name if agencies else name,
            version=version,
            timezone=timezone,
            agencies=agencies,
            routes=routes,
            stops=stops,
            trips=calling,
            calls=calls_reader.calls,
            shapes=shapes,
            weekly=weekly,
            added=added,
            removed=removed,
            unused_trips=unused,
        )

    def _table(self, file: str) -> Table:
        return Table(file, self._files[file], self.log)

    def _required(self, file: str) -> Table:
        if file not in self._files:
            self.log.add(file, 0, "required file is missing")
        return Table(file, self._files.get(file, b""), self.log)

    def _agencies(self) -> tuple[tuple[Agency, ...], Known, str]:
        table = self._required("agency.txt")
        agencies: list[Agency] = []
        known: dict[str, int] = {}

        def one(row: Row) -> None:
            agency_id = row.text("agency_id")
            if agency_id in known:
                raise ValueError(f"agency_id {agency_id!r} stands on line {known[agency_id]} already")
            known[agency_id] = row.line
            timezone = row.parsed("agency_timezone", _timezone)
            if agencies and timezone != agencies[0].timezone:
                raise ValueError(f"agency_timezone: {timezone!r} differs from {agencies[0].timezone!r}: one a feed")
            agencies.append(
                Agency(agency_id, row.text("agency_name"), row.text("agency_url"), timezone, row.text("agency_lang"))
            )

        if not self._usable(table, "agency_timezone"):
            return (), None, ""
        table.each(one)
        if not known:
            table.complain(0, "holds no agency")
        return tuple(agencies), known, agencies[0].timezone if agencies else ""

    def _routes(self, agencies: Known) -> tuple[dict[str, Route], Known]:
        table = self._required("routes.txt")

        def one(row: Row, route_id: str) -> Route:
            agency_id = row.text("agency_id")
            if agency_id and agencies is not None and agency_id not in agencies:
                raise ValueError(f"agency_id {agency_id!r} is unknown")
            return Route(
                route_id,
                agency_id,
                row.text("route_short_name"),
                row.text("route_long_name"),
                row.parsed("route_type", fields.whole),
                fields.colour(row.text("route_color")),
                fields.colour(row.text("route_text_color")),
            )

        if not self._usable(table, "route_id", "route_type"):
            return {}, None
        return table.keyed("route_id", one)

    def _stops(self) -> tuple[dict[str, Stop], Known]:
        table = self._required("stops.txt")

        def one(row: Row, stop_id: str) -> Stop:
            kind = row.optional("location_type", fields.one_of(0, 1, 2, 3, 4), 0)
            lat = lon = None
            if kind not in _NODE_TYPES or row.text("stop_lat"):
                lat = row.parsed("stop_lat", fields.latitude)
                lon = row.parsed("stop_lon", fields.longitude)
            return Stop(
                stop_id, row.text("stop_code"), row.text("stop_name"), lat, lon, kind, row.text("parent_station")
            )

        if not self._usable(table, "stop_id", "stop_lat", "stop_lon"):
            return {}, None
        stops, lines = table.keyed("stop_id", one)
        for stop in stops.values():
            if stop.parent_station and stop.parent_station not in lines:
                table.complain(lines[stop.stop_id], f"parent_station {stop.parent_station!r} is unknown")
        return stops, lines

    def _services(
        self,
    ) -> tuple[dict[str, WeeklyService], dict[date, frozenset[str]], dict[date, frozenset[str]], Known]:
        weekly: dict[str, WeeklyService] = {}
        known: Known = None
        if "calendar.txt" in self._files:
            weekly, known = self._weekly(self._table("calendar.txt"))
        elif "calendar_dates.txt" not in self._files:
            self.log.add("calendar.txt", 0, "required file is missing, and so is calendar_dates.txt")
        exceptions: dict[tuple[date, str], int] = {}
        services: dict[str, int] = known or {}

        def one(row: Row) -> None:
            service_id = row.required("service_id")
            services.setdefault(service_id, row.line)
            key = row.parsed("date", fields.day), service_id
            if key in exceptions:
                raise ValueError(f"service_id {service_id!r} has another line for this date already")
            exceptions[key] = row.parsed("exception_type", fields.one_of(1, 2))

        if "calendar_dates.txt" in self._files:
            table = self._table("calendar_dates.txt")
            # Without a header it is an empty file, which is a way to say "no exceptions".
            if table.columns and table.has(("service_id", "date", "exception_type")):
                table.each(one)
                known = services
        chosen: dict[int, dict[date, set[str]]] = {1: {}, 2: {}}
        for (day, service_id), kind in exceptions.items():
            chosen[kind].setdefault(day, set()).add(service_id)
        added, removed = ({day: frozenset(ids) for day, ids in chosen[kind].items()} for kind in (1, 2))
        return weekly, added, removed, known

    def _weekly(self, table: Table) -> tuple[dict[str, WeeklyService], Known]:
        def one(row: Row, _: str) -> WeeklyService:
            weekdays = tuple(bool(row.parsed(weekday, _flag)) for weekday in WEEKDAYS)
            first = row.parsed("start_date", fields.day)
            last = row.parsed("end_date", fields.day)
            if last < first:
                raise ValueError("end_date is before start_date")
            return WeeklyService(weekdays, first, last)

        if not self._usable(table, "service_id", *WEEKDAYS, "start_date", "end_date"):
            return {}, None
        return table.keyed("service_id", one)

    def _shapes(self) -> dict[str, Shape]:
        table = Table("shapes.txt", self._files.get("shapes.txt", b""), self.log)
        points: dict[str, dict[int, tuple[float, float]]] = {}

        def one(row: Row) -> None:
            shape_id = row.required("shape_id")
            sequence = row.parsed("shape_pt_sequence", fields.whole)
            point = row.parsed("shape_pt_lat", fields.latitude), row.parsed("shape_pt_lon", fields.longitude)
            if points.setdefault(shape_id, {}).setdefault(sequence, point) is not point:
                raise ValueError(f"shape_pt_sequence {sequence} of shape_id {shape_id!r} stands twice")

        # Optional, and some publishers put an empty file.
        if table.columns and table.has(("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence")):
            table.each(one)
        shapes = {}
        for shape_id, by_sequence in points.items():
            ordered = [by_sequence[sequence] for sequence in sorted(by_sequence)]
            shapes[shape_id] = Shape(array("d", (lat for lat, _ in ordered)), array("d", (lon for _, lon in ordered)))
        return shapes

    def _trips(self, routes: Known, services: Known, shapes: Mapping[str, Shape]) -> tuple[dict[str, Trip], Known]:
        table = self._required("trips.txt")
        # Ten thousand trips share a few hundred of these texts.
        shared: dict[str, str] = {}

        def reference(row: Row, column: str, known: Known) -> str:
            name = row.required(column)
            if known is not None and name not in known:
                raise ValueError(f"{column} {name!r} is unknown")
            return shared.setdefault(name, name)

        def one(row: Row, trip_id: str) -> Trip:
            headsign, block_id, shape_id = row.text("trip_headsign"), row.text("block_id"), row.text("shape_id")
            return Trip(
                trip_id,
                reference(row, "route_id", routes),
                reference(row, "service_id", services),
                shared.setdefault(headsign, headsign),
                row.optional("direction_id", _direction, None),
                shared.setdefault(block_id, block_id),
                # Lviv's trips name six shapes that its shapes.txt lacks. Without one a trip goes from stop to stop.
                shared.setdefault(shape_id, shape_id) if shape_id in shapes else "",
                row.text("wheelchair_accessible") == "1",
                first_row=0,
                end_row=0,
            )

        if not self._usable(table, "route_id", "service_id", "trip_id"):
            return {}, None
        return table.keyed("trip_id", one)

    def _feed_info(self) -> tuple[str, str]:
        if "feed_info.txt" not in self._files:
            return "", ""
        for row in self._table("feed_info.txt").rows():
            return row.text("feed_publisher_name"), row.text("feed_version")
        return "", ""

    def _usable(self, table: Table, *columns: str) -> bool:
        return table.file in self._files and table.has(columns)


def _direction(text: str) -> int | None:
    return _flag(text)


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of the time zone database
        raise ValueError(f"{text!r} is not a time zone") from None
    return text

"""Writes the demo town's feed into this folder: `python -m emulation.feed.make_feed`.

Must never know: today's date, the controller.
Specification: GTFS; README.md here says what the town is like and why the feed looks as it does.
"""

import csv
from dataclasses import dataclass
from math import cos, hypot, radians
from pathlib import Path

FOLDER = Path(__file__).parent
CENTRE = (47.9100, 33.3900)
METRES_PER_DEGREE = 111_195
PLATFORM_M = 9  # to the right of the lane
SPEED_MPS = 5.2  # stays at stops included
DAY_MIN = 24 * 60

# Name, then metres east and north of the centre. A name of '' is a bend.
PLACES = {
    "station": ("Вокзал", -2600, -1200),
    "bend1": ("", -2050, -1180),
    "depot": ("Депо № 2", -1700, -900),
    "bend2": ("", -1250, -880),
    "ford": ("Кам’яний Брід", -900, -450),
    "square": ("Площа Визволення", 0, 0),
    "honta": ("Вулиця Ґонти", 550, 600),
    "bend3": ("", 640, 1250),
    "unity": ("Єдність", 1100, 1750),
    "bend4": ("", 1150, 2150),
    "mine": ("Шахта «Північна»", 1900, 2500),
    "quay": ("Набережна", -1400, 1600),
    "hospital": ("П’ята лікарня", -1000, 1000),
    "bend5": ("", -700, 850),
    "stadium": ("Стадіон", -500, 450),
    "hedgehog": ("Вулиця Їжакевича", 700, -450),
    "bend6": ("", 1000, -820),
    "garden": ("Ботанічний сад", 1500, -900),
    "sunny": ("Мікрорайон Сонячний", 2300, -1300),
    "bridge": ("Інгулецький міст", -2200, 600),
    "bend7": ("", -1300, 250),
    "museum": ("Музей історії", 1400, 750),
    "bend8": ("", 1900, 800),
    "soil": ("Ґрунтова", 2800, 200),
    "market": ("Ринок", -1600, -1900),
    "bend9": ("", -1000, -1950),
    "school": ("Школа № 7", -500, -1500),
}


@dataclass(frozen=True)
class Line:
    """A headway of cycle / vehicles. A loop has one direction; another line comes back the same way."""

    short_name: str
    route_type: int
    colour: str
    way: tuple[str, ...]
    cycle_min: int
    vehicles: int
    low_floor_vehicles: int

    @property
    def ways(self) -> list[tuple[str, ...]]:
        return [self.way] if self.way[0] == self.way[-1] else [self.way, self.way[::-1]]


LINES = (
    Line("1", 0, "C62828", ("station", "bend1", "depot", "bend2", "ford", "square", "honta", "bend3", "unity", "bend4",
                            "mine"), 48, 6, 2),
    Line("4", 11, "1565C0", ("quay", "hospital", "bend5", "stadium", "square", "hedgehog", "bend6", "garden", "sunny"),
         40, 5, 5),
    Line("10", 3, "2E7D32", ("bridge", "bend7", "stadium", "square", "honta", "museum", "bend8", "soil"), 40, 5, 3),
    Line("228А", 3, "6A1B9A", ("station", "market", "bend9", "school", "hedgehog", "square", "ford", "bend2", "depot",
                               "bend1", "station"), 32, 4, 0),
)  # fmt: skip


def degrees(east_m: float, north_m: float) -> tuple[str, str]:
    lat = CENTRE[0] + north_m / METRES_PER_DEGREE
    return f"{lat:.6f}", f"{CENTRE[1] + east_m / METRES_PER_DEGREE / cos(radians(CENTRE[0])):.6f}"


def clock(seconds: float) -> str:
    seconds = round(seconds)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


class Town:
    def __init__(self) -> None:
        self.stops: dict[str, tuple[object, ...]] = {}
        self.routes: list[tuple[object, ...]] = []
        self.trips: list[tuple[object, ...]] = []
        self.calls: list[tuple[object, ...]] = []
        self.shapes: list[tuple[object, ...]] = []
        self.frequencies: list[tuple[object, ...]] = []
        for line in LINES:
            self.add(line)

    def add(self, line: Line) -> None:
        ends = " – ".join(PLACES[place][0] for place in (line.way[0], line.way[-1]))
        self.routes.append((line.short_name, "vuzol", line.short_name, ends, line.route_type, line.colour, "FFFFFF"))
        for direction, way in enumerate(line.ways):
            shape_id = f"{line.short_name}-{direction}"
            self.shapes += [(shape_id, *degrees(*PLACES[place][1:]), number) for number, place in enumerate(way)]
            for vehicle in range(1, line.vehicles + 1):
                self.add_vehicle(line, direction, way, vehicle)

    def add_vehicle(self, line: Line, direction: int, way: tuple[str, ...], vehicle: int) -> None:
        trip_id = f"{line.short_name}-{vehicle}-{direction}"
        # A loop's last stop is its first; the other name on the sign says where it goes.
        headsign = PLACES[way[-1] if way[0] != way[-1] else "square"][0]
        low_floor = 1 if vehicle <= line.low_floor_vehicles else 2
        block_id = f"{line.short_name}/{vehicle}"
        self.trips.append((line.short_name, "daily", trip_id, headsign, direction, block_id,
                           f"{line.short_name}-{direction}", low_floor))  # fmt: skip
        first_min = (vehicle - 1) * line.cycle_min // line.vehicles + direction * line.cycle_min // 2
        # A day is a whole number of rounds: the last one ends when the next day's first begins.
        end_min = DAY_MIN + direction * line.cycle_min // 2
        self.frequencies.append((trip_id, clock(first_min * 60), clock(end_min * 60), line.cycle_min * 60, 1))
        gone_m = 0.0
        before = way[0]
        for number, place in enumerate(way):
            (_, x0, y0), (name, x, y) = PLACES[before], PLACES[place]
            gone_m += hypot(x - x0, y - y0)
            before = place
            if name:
                at = clock(gone_m / SPEED_MPS)
                self.calls.append((trip_id, at, at, self.platform(way, number, direction), number))

    def platform(self, way: tuple[str, ...], number: int, direction: int) -> str:
        """Terminals have one platform; other stops one for each direction."""
        place = way[number]
        name, east_m, north_m = PLACES[place]
        if number in (0, len(way) - 1):
            stop_id = place
        else:
            stop_id = f"{place}-{direction + 1}"
            (_, x0, y0), (_, x1, y1) = PLACES[way[number - 1]], PLACES[way[number + 1]]
            length = hypot(x1 - x0, y1 - y0)
            east_m += round((y1 - y0) / length * PLATFORM_M)
            north_m -= round((x1 - x0) / length * PLATFORM_M)
        self.stops.setdefault(stop_id, (stop_id, name, *degrees(east_m, north_m)))
        return stop_id

    def files(self) -> dict[str, list[tuple[object, ...]]]:
        """Rows by file name, the header first."""
        weekdays = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
        return {
            "agency.txt": [
                ("agency_id", "agency_name", "agency_url", "agency_timezone", "agency_lang"),
                ("vuzol", "Міський транспорт «Вузол»", "https://example.org/", "Europe/Kyiv", "uk"),
            ],
            "feed_info.txt": [
                ("feed_publisher_name", "feed_publisher_url", "feed_lang", "feed_version"),
                ("Демонстраційне місто «Вузол»", "https://example.org/", "uk", "1"),
            ],
            "calendar.txt": [
                ("service_id", *weekdays, "start_date", "end_date"),
                ("daily", *([1] * 7), "20200101", "20991231"),
            ],
            "routes.txt": [
                ("route_id", "agency_id", "route_short_name", "route_long_name", "route_type", "route_color",
                 "route_text_color"),
                *self.routes,
            ],
            "stops.txt": [("stop_id", "stop_name", "stop_lat", "stop_lon"), *self.stops.values()],
            "trips.txt": [
                ("route_id", "service_id", "trip_id", "trip_headsign", "direction_id", "block_id", "shape_id",
                 "wheelchair_accessible"),
                *self.trips,
            ],
            "stop_times.txt": [("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"), *self.calls],
            "frequencies.txt": [("trip_id", "start_time", "end_time", "headway_secs", "exact_times"),
                                *self.frequencies],
            "shapes.txt": [("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"), *self.shapes],
        }  # fmt: skip


def write(folder: Path) -> None:
    for name, rows in Town().files().items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    write(FOLDER)

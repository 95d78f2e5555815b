"""The houses of the town, as people enter them: which meter measures what, where it hangs, what was read off it by eye.
It must never know a node: a series is found by its place and unit, as a person finds it in the list.
Specification: controller/README.md, "Buildings".
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

HOUSES = {"uk": "Будинок {}", "en": "House {}"}
STREETS = {"uk": "вул. Соборності, {}", "en": "Sobornosti St, {}"}
HEATING, WATER = {"uk": "Опалення", "en": "Heating"}, {"uk": "Вода", "en": "Water"}
# Number of the meter, unit that it tells -> what it measures, and the unit in which that is counted
MEASURED = {("1", "Wh"): (HEATING, "heat", "kWh"), ("11", "m^3"): (WATER, "water", "m^3")}
HEAT_READ_KWH = (36_150, 34_600, 33_900)  # on the first of the month and of the two before it
HANGS = "2020-10-15"


def meters(nodes: Sequence[str], series: Sequence[Mapping[str, Any]], language: str) -> Iterator[dict[str, Any]]:
    """Bodies for POST /api/v1/points/meters: of the houses' nodes, those that have told something."""
    for one in series:
        node, _, meter = str(one["place"]).partition(" ")
        if node in nodes and (meter, one["unit"]) in MEASURED:
            point, medium, unit = MEASURED[meter, one["unit"]]
            number = nodes.index(node) + 1
            yield {
                "building": HOUSES[language].format(number),
                "address": STREETS[language].format(2 * number + 1),
                "area_m2": 1800 + 400 * number,
                "point": point[language],
                "medium": medium,
                "since": HANGS,
                "unit": unit,
                "place": one["place"],
                "value": one["value"],
            }


def readings(nodes: Sequence[str], day: date, language: str) -> Iterator[dict[str, Any]]:
    """Bodies for POST /api/v1/points/readings: the meters of heat, read each month up to that day."""
    for number in range(1, len(nodes) + 1):
        first = day.replace(day=1)
        for kwh in HEAT_READ_KWH:
            building = HOUSES[language].format(number)
            yield {"building": building, "point": HEATING[language], "time": first.isoformat(), "reading": kwh}
            first = (first - timedelta(days=1)).replace(day=1)

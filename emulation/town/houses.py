"""The houses of the town, as people enter them: which meter measures what, where it hangs and since when.
It must never know a node: a series is found by its place and unit, as a person finds it in the list.
Specification: controller/README.md, "Buildings".
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

HANGING = timedelta(days=200)
HOUSES = {"uk": "Будинок {}", "en": "House {}"}
STREETS = {"uk": "вул. Соборності, {}", "en": "Sobornosti St, {}"}
# Number of the meter, unit that it tells -> what it measures, unit in which that is counted
MEASURED = {
    ("1", "Wh"): ("heat", "kWh", {"uk": "Опалення", "en": "Heating"}),
    ("11", "m^3"): ("water", "m^3", {"uk": "Вода", "en": "Water"}),
}


def entries(houses: Sequence[str], series: Sequence[Mapping[str, Any]], language: str) -> Iterator[dict[str, Any]]:
    """Bodies for POST /api/v1/points/meters: of `houses`, names of nodes, those whose meters have told something."""
    since = (datetime.now(UTC) - HANGING).isoformat(timespec="minutes")
    for one in series:
        node, _, meter = str(one["place"]).partition(" ")
        if node in houses and (meter, one["unit"]) in MEASURED:
            medium, unit, point = MEASURED[meter, one["unit"]]
            number = houses.index(node) + 1
            yield {
                "building": HOUSES[language].format(number),
                "address": STREETS[language].format(2 * number + 1),
                "area_m2": 1800 + 400 * number,
                "point": point[language],
                "medium": medium,
                "since": since,
                "unit": unit,
                "place": one["place"],
                "value": one["value"],
            }

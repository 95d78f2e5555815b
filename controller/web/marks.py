"""What moves or changes on the map: vehicles with route and delay, displays with their state.

Never knows NiceGUI, Leaflet or a browser.
Specification: controller/services/live.py, VehicleView and DisplayView; the texts are messages/*.toml.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.web.glass_cards import Glass
from controller.web.wording import Words, delay_state

if TYPE_CHECKING:
    from controller.services.live import Snapshot, VehicleView


@dataclass(frozen=True, slots=True)
class Mark:
    """One moving vehicle or standing display on the map."""

    id: str
    lat: float
    lon: float
    badge: str
    label: str
    state: str
    spoken: str
    details: tuple[str, ...]
    colour: str = ""


def vehicle_marks(snapshot: Snapshot, colours: Mapping[str, str], words: Words) -> tuple[Mark, ...]:
    """The moving vehicles, labelled with route and delay."""
    return tuple(_vehicle(vehicle, colours.get(vehicle.route, ""), words) for vehicle in snapshot.vehicles)


def _vehicle(vehicle: VehicleView, colour: str, words: Words) -> Mark:
    delay = words.delay_in_words(vehicle.delay_s)
    heading = words.say("vehicle.heading", route=vehicle.route, headsign=vehicle.headsign)
    speed = words.say("vehicle.speed", kmh=round(vehicle.speed_mps * 3.6))
    return Mark(
        id=vehicle.vehicle_id,
        lat=round(vehicle.lat, 6),
        lon=round(vehicle.lon, 6),
        badge=vehicle.route or words.say("none"),
        label=words.delay(vehicle.delay_s),
        state=delay_state(vehicle.delay_s),
        spoken=words.say("vehicle.spoken", vehicle=vehicle.vehicle_id, heading=heading, delay=delay),
        details=(
            heading if vehicle.route else words.say("vehicle.no_trip"),
            words.say("vehicle.identity", vehicle=vehicle.vehicle_id, speed=speed),
            words.say("vehicle.reported", delay=delay, clock=words.clock(vehicle.updated_s)),
        ),
        colour=colour,
    )


def display_marks(snapshot: Snapshot, told: Sequence[Glass]) -> tuple[Mark, ...]:
    """The displays where they stand; one whose stop is unknown is not on the map."""
    stops = {stop.stop_id: stop for stop in snapshot.stops}
    places = {display.node: stops.get(display.stop_id) for display in snapshot.displays}
    return tuple(
        Mark(
            id=glass.node,
            lat=stop.lat,
            lon=stop.lon,
            badge="",
            label=stop.name,
            state=glass.state,
            spoken=glass.description,
            details=(glass.name, glass.state_word, glass.proof_word),
        )
        for glass in told
        if (stop := places.get(glass.node)) is not None
    )

"""What moves or changes on the map: vehicles with route and delay, displays with their state.

Never knows NiceGUI, Leaflet or a browser.
Specification: controller/services/live.py, VehicleView and DisplayView; the texts are messages/*.toml.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from controller.web.glass_cards import Glass
from controller.web.wording import MINUTE_S, Words, delay_state

if TYPE_CHECKING:
    from controller.services.live import Snapshot

PLACES = 6  # a tenth of a metre


@dataclass(frozen=True, slots=True)
class Look:
    """How a mark looks and what it is called: what seldom changes."""

    badge: str
    label: str
    state: str
    spoken: str
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """One moving vehicle or standing display on the map."""

    id: str
    lat: float
    lon: float
    look: Look


def vehicle_marks(snapshot: Snapshot, colours: Mapping[str, str], words: Words) -> tuple[Mark, ...]:
    """The moving vehicles, labelled with route and delay."""
    return tuple(
        Mark(
            one.vehicle_id,
            round(one.lat, PLACES),
            round(one.lon, PLACES),
            _look(words, one.vehicle_id, one.route, one.headsign, _minutes_s(one.delay_s), colours.get(one.route, "")),
        )
        for one in snapshot.vehicles
    )


def _minutes_s(delay_s: int | None) -> int | None:
    """The delay as its words tell it: in whole minutes."""
    return None if delay_s is None else int(delay_s / MINUTE_S) * MINUTE_S


@lru_cache(maxsize=4096)
def _look(words: Words, vehicle_id: str, route: str, headsign: str, delay_s: int | None, colour: str) -> Look:
    return Look(
        badge=route or words.say("none"),
        label=words.delay(delay_s),
        state=delay_state(delay_s),
        spoken=words.say(
            "vehicle.spoken",
            vehicle=vehicle_id,
            heading=_heading(words, route, headsign),
            delay=words.delay_in_words(delay_s),
        ),
        colour=colour,
    )


def _heading(words: Words, route: str, headsign: str) -> str:
    return words.say("vehicle.heading", route=route, headsign=headsign) if route else words.say("vehicle.no_trip")


def display_marks(snapshot: Snapshot, told: Sequence[Glass]) -> tuple[Mark, ...]:
    """The displays where they stand; one whose stop is unknown is not on the map."""
    stops = {stop.stop_id: stop for stop in snapshot.stops}
    places = {display.node: stops.get(display.stop_id) for display in snapshot.displays}
    return tuple(
        Mark(glass.node, stop.lat, stop.lon, Look("", stop.name, glass.state, glass.description))
        for glass in told
        if (stop := places.get(glass.node)) is not None
    )


def details(snapshot: Snapshot, told: Sequence[Glass], id: str, words: Words) -> tuple[str, ...]:  # noqa: A002
    """What a mark tells when somebody points at it; nothing of one that is gone."""
    for glass in told:
        if glass.node == id:
            return glass.name, glass.state_word, glass.proof_word
    for one in snapshot.vehicles:
        if one.vehicle_id == id:
            speed = words.say("vehicle.speed", kmh=round(one.speed_mps * 3.6))
            delay = words.delay_in_words(one.delay_s)
            return (
                _heading(words, one.route, one.headsign),
                words.say("vehicle.identity", vehicle=one.vehicle_id, speed=speed),
                words.say("vehicle.reported", delay=delay, clock=words.clock(one.updated_s)),
            )
    return ()

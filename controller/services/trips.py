"""Where each vehicle is and which trip it is on, and telling its validator so.

Never predicts; tracking.py finds the trip. Time is an argument, positions that are no news are passed over.
Specification: protocols/schema/fare_validator.py, assign_trip; README.md here, "Trips".
"""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from controller.commands import AssignTrip
from controller.events import VehicleMoved
from controller.registry import Registry
from controller.services.live import VehicleView
from controller.services.tracking import VehicleOnTrip
from controller.services.transit import Transit
from controller.store import Store
from controller.store.writing import WriterThread
from protocols.provisioning import NodeEntry
from protocols.wire.topics import node_name

LIVE_S = 90.0  # an older position is history: it moves no vehicle
FUTURE_S = 30.0  # no honest clock is this far ahead of ours
SHOWN_S = 600.0  # a vehicle that is silent for longer leaves the map
CHECK_S = 1.0
REPEAT_S = 30.0  # a validator that still names another trip is told again after this long
TTL_S = 60

log = structlog.get_logger("trips")


@dataclass(slots=True)
class _Vehicle:
    """One vehicle: its last position, and the trip it should know of."""

    moved: VehicleMoved
    on_trip: VehicleOnTrip | None = None
    run: tuple[str, str] | None = None  # service date, trip id; what `ref` is the number of
    ref: int = 0
    told_s: float = -REPEAT_S


class Trips:
    """Follows positions; `run` belongs to the process's task group."""

    def __init__(
        self,
        registry: Registry,
        store: Store,
        writer: WriterThread,
        now_s: Callable[[], float],
        transit: Callable[[], Transit | None],
        order: Callable[[NodeEntry, AssignTrip, int], bool],
    ) -> None:
        self._registry = registry
        self._vehicles: dict[bytes, _Vehicle] = {}
        self._position_s: dict[str, float] = {}
        self._store = store
        self._writer = writer
        self._now_s = now_s
        self._transit = transit
        self._order = order

    def vehicle_moved(self, event: VehicleMoved) -> None:
        """A stored position."""
        at_s = event.at_ms / 1000
        now_s = self._now_s()
        if not event.clock_set or not now_s - LIVE_S < at_s < now_s + FUTURE_S:
            return
        vehicle = self._vehicles.get(event.node)
        if vehicle is None:
            vehicle = self._vehicles[event.node] = _Vehicle(event)
        elif event.at_ms <= vehicle.moved.at_ms:
            return
        vehicle.moved = event
        vehicle_id = self._registry[event.node].vehicle_id
        self._position_s[vehicle_id] = at_s
        transit = self._transit()
        if transit is not None and vehicle_id:
            vehicle.on_trip = transit.tracker.update(vehicle_id, event.lat, event.lon, event.speed_mps, at_s)

    def feed_changed(self) -> None:
        """Trips of the old feed mean nothing any more."""
        for vehicle in self._vehicles.values():
            vehicle.on_trip = None

    def position_s(self, vehicle_id: str) -> float:
        """When the vehicle's last position was taken, 0: never."""
        return self._position_s.get(vehicle_id, 0.0)

    def place(self, node: bytes) -> tuple[float, float] | None:
        """Where a validator's vehicle was last."""
        vehicle = self._vehicles.get(node)
        return None if vehicle is None else (vehicle.moved.lat, vehicle.moved.lon)

    async def run(self) -> None:
        """Tell validators their trips until cancelled."""
        while True:
            for entry, vehicle in self._in_service():
                try:
                    await self._assign(entry, vehicle)
                except sqlite3.Error as error:  # tried again at the next look
                    log.error("trip not assigned", vehicle=entry.vehicle_id, error=str(error))
            await asyncio.sleep(CHECK_S)

    def _in_service(self) -> list[tuple[NodeEntry, _Vehicle]]:
        return [(self._registry[node], one) for node, one in self._vehicles.items() if node in self._registry.welcome]

    async def _assign(self, entry: NodeEntry, vehicle: _Vehicle) -> None:
        on_trip = vehicle.on_trip
        run = None if on_trip is None else (on_trip.service_date.isoformat(), on_trip.trip_id)
        if run != vehicle.run:
            vehicle.ref = 0 if run is None else await self._writer.run(self._store.trip_ref, *run)
            vehicle.run = run
            vehicle.told_s = -REPEAT_S
        now_s = self._now_s()
        if vehicle.moved.trip_ref == vehicle.ref or now_s - vehicle.told_s < REPEAT_S:
            return
        vehicle.told_s = now_s
        route = "" if on_trip is None or run is None else on_trip.route
        log.info("trip assigned", vehicle=entry.vehicle_id, run=run, ref=vehicle.ref, route=route)
        self._order(entry, AssignTrip(vehicle.ref, route), TTL_S)

    def views(self, now_s: float) -> tuple[VehicleView, ...]:
        """Vehicles heard lately."""
        return tuple(
            _view(entry, vehicle)
            for entry, vehicle in self._in_service()
            if now_s - vehicle.moved.at_ms / 1000 < SHOWN_S
        )


def _view(entry: NodeEntry, vehicle: _Vehicle) -> VehicleView:
    moved, on_trip = vehicle.moved, vehicle.on_trip
    return VehicleView(
        vehicle_id=entry.vehicle_id or str(entry.vehicle),
        node=node_name(entry.node),
        route=on_trip.route if on_trip else "",
        headsign=on_trip.headsign if on_trip else "",
        trip_id=on_trip.trip_id if on_trip else "",
        lat=moved.lat,
        lon=moved.lon,
        delay_s=on_trip.delay_s if on_trip else None,
        speed_mps=moved.speed_mps,
        updated_s=moved.at_ms / 1000,
    )

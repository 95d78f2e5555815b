"""The services joined: who hears which notice, who asks whom, whose tasks run.

Never knows a socket or a signal: app.py gives it a way out (`publish`) and hands it what comes in (`ingest`).
Specification: README.md beside this file, "Who hears what".
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any

import structlog

from controller import events
from controller.commands import AssignTrip, ShowArrivals
from controller.config import Config
from controller.ingest import Ingest
from controller.metrics import Metrics
from controller.outbox import Outbox
from controller.registry import Registry
from controller.services.air import Air
from controller.services.alarms import Alarms
from controller.services.alarms_life import Key
from controller.services.alarms_rules import load_rules
from controller.services.alarms_watch import Sources as AlarmSources
from controller.services.boards import Boards
from controller.services.buildings import Buildings
from controller.services.displays import Displays
from controller.services.documents import Documents
from controller.services.feed import Feeds
from controller.services.fleet import Fleet, Place
from controller.services.history import History
from controller.services.imports import Imports
from controller.services.ledger import Ledger
from controller.services.live import DeviceView, Live, NodeView, Shape, Sources, StopView
from controller.services.meter_search import MeterSearches
from controller.services.meters import Meters
from controller.services.pushing import Pushing
from controller.services.rollouts import Rollouts
from controller.services.transit import Transit
from controller.services.trips import Trips
from controller.sessions import Session, Sessions
from controller.store import Store, node_number
from controller.store.writing import WriterThread
from protocols.provisioning import NodeEntry
from protocols.wire.topics import node_name

PULSE_S = 1.0
LOGGED = 5  # nodes of a change

log = structlog.get_logger("town")


def _drop(_topic: str, _data: bytes) -> bool:
    return False


class Town:
    """Everything between the transport and the page."""

    def __init__(
        self,
        config: Config,
        entries: Sequence[NodeEntry],
        store: Store,
        writer: WriterThread,
        metrics: Metrics,
        now_ms: Callable[[], int],
    ) -> None:
        saved = store.sessions()
        self._metrics = metrics
        self._now_ms = now_ms
        self.publish: Callable[[str, bytes], bool] = _drop
        self.devices: Callable[[], tuple[DeviceView, ...]] = tuple  # on our own buses
        self.bus_of: Callable[[bytes], str] = lambda _: ""  # of our own buses, the one that a node is on
        self.registry = Registry(entries)
        self.sessions = Sessions(self.registry, saved)
        self.outbox = Outbox(lambda topic, data: self.publish(topic, data), metrics, now_ms, store.reserved_ids())
        self._store = store
        self._writer = writer
        self.ingest = Ingest(
            self.sessions, store, writer, metrics, config.store, now_ms, self.outbox.send, self.tell, self._settled
        )
        self.imports = Imports(self.sessions, store, self.ingest, self.now_s)
        self.ledger = Ledger(self.registry, saved)
        self.fleet = Fleet(self.registry, saved)
        self.displays = Displays(self.registry)
        self.air = Air(self.registry, store)
        self.meters = Meters(self.registry, store, saved)
        self.searches = MeterSearches(
            self.registry,
            lambda node: self.fleet.is_online(node, self.now_s()),
            lambda entry, command, ttl_s: self.outbox.order(self.sessions.by_node[entry.node], command, ttl_s),
        )
        self.pushing = Pushing(store.samples, writer, now_ms)
        self.history = History(self.air, self.meters, store, self.now_s, self._devices_of_others)
        self.buildings = Buildings(store.buildings, writer, self.history, lambda: self.timezone, self.now_s)
        self.documents = Documents(self.sessions, store, writer, self.now_s, self.fleet.is_online, self.outbox.send)
        self._relay_of = {node: relay.name for relay in config.relay for node in relay.nodes}
        self.rollouts = Rollouts(
            self.sessions,
            self.documents,
            store.updates,
            writer,
            self.now_s,
            lambda: self.timezone,
            self.fleet.is_online,
            self._link_of,
        )
        self.feeds = Feeds(
            Path(config.site.data) / "feeds", config.transit.roster, store, writer, self.now_s, self._feed_changed
        )
        self.trips = Trips(self.registry, store, writer, self.now_s, self._transit, self._order)
        self.boards = Boards(
            self.registry,
            config.displays,
            self.now_s,
            self._transit,
            self.trips.position_s,
            self.fleet.is_online,
            self._order,
        )
        self.alarms = Alarms(
            load_rules(config.alarms.rules),
            self.registry,
            [(relay.name, relay.nodes) for relay in config.relay],
            self.fleet,
            self.ledger,
            AlarmSources(lambda: self.ingest.failing, self._counted, Path(config.store.path).parent),
            store.alarms,
            writer,
            self.now_s,
            lambda entry: self._place(entry)[0],
            lambda severity, count: metrics.alarms_open.labels(severity).set(count),
        )
        self._service_failures = 0
        self._stops: tuple[StopView, ...] | None = None
        self.live = Live(config.site.name, self._sources(), Counter(store.tallies()), self.now_s)
        self.alarms.changed = self.live.changed
        self._hearers: dict[type[Any], tuple[Callable[[Any], None], ...]] = {
            events.StateChanged: (self.fleet.state_changed, self.documents.state_changed),
            events.BatchStored: (self.fleet.batch_stored, self.ledger.batch_stored),
            events.RecordsImported: (self.ledger.records_imported,),
            events.NodeBooted: (self.fleet.booted, self._node_booted, self.documents.booted),
            events.StatusReported: (self.fleet.status_reported,),
            events.VehicleMoved: (self.trips.vehicle_moved,),
            events.ArrivalsShown: (self.displays.arrivals_shown,),
            events.GlassChanged: (self.displays.glass_changed,),
            events.PictureTaken: (self.displays.picture_taken,),
            events.AirMeasured: (self.air.measured,),
            events.MeterRead: (self.meters.meter_read,),
            events.MeterFound: (self.searches.met,),
            events.CommandEnded: (self.searches.ended,),
            events.DocumentReported: (self.documents.reported, self.rollouts.reported),
            events.DocumentRequested: (self.rollouts.requested, self.documents.requested),
        }

    def jobs(self) -> Iterable[Coroutine[Any, Any, None]]:
        """What has to run, each to be owned by the caller's task group."""
        services = self.trips.run(), self.boards.run(), self.alarms.run(), *self.documents.jobs(), self.rollouts.run()
        return self.ingest.run(), *services, self._pulse()

    @property
    def timezone(self) -> str:
        """The IANA name of the zone that the feed in force keeps; without a feed, that of Kyiv."""
        return self.feeds.transit.feed.timezone if self.feeds.transit else "Europe/Kyiv"

    def now_s(self) -> float:
        """Unix time."""
        return self._now_ms() / 1000

    def site_of(self, node: bytes) -> str:
        """The site of a node; a stranger's does not matter, it is refused as one."""
        entry = self.registry.by_node.get(node)
        return entry.site if entry else "unknown"

    async def learn(self, entries: Sequence[NodeEntry]) -> None:
        """These are the nodes from now on; what is stored of new ones is read before. Raises sqlite3.Error."""
        new = [node_number(entry.node) for entry in entries if not self.sessions.knows(entry.node)]
        saved = await self._writer.run(self._store.sessions, new) if new else []
        before = self.registry.by_node
        self.registry.take(entries)
        for service in (self.sessions, self.ledger, self.fleet, self.meters):
            service.learn(saved)
        self._stops = None
        self.rollouts.registry_changed()
        self.alarms.town_changed()
        self.live.changed()
        differing = {node for node, _ in self.registry.by_node.items() ^ before.items()}
        for node in differing & self.registry.by_node.keys() & before.keys():
            if self.registry[node].key != before[node].key:
                self.fleet.key_replaced(node)
        first = sorted(set(map(node_name, differing)))[:LOGGED]
        log.info("the registry is taken over", nodes=len(self.registry.by_node), differing=first)

    def tell(self, notice: events.Notice) -> None:
        """Pass a notice on. A service that fails on one must not keep the next receipt from its node."""
        for hear in (*self._hearers.get(type(notice), ()), self.alarms.tell):
            try:
                hear(notice)
            except Exception:  # the boundary between the ledger and everything that is built on it
                self._service_failures += 1
                self._metrics.handler_errors.inc()
                log.exception("a service failed on a notice", notice=type(notice).__name__)
        self.live.tell(notice)

    def _counted(self) -> dict[Key, int]:
        """What only grows, by kind and subject of its alarm."""
        refused = {("refused", reason): count for reason, count in self._metrics.refusals().items()}
        return {**refused, ("internal", ""): self._service_failures}

    def _settled(self, sessions: Iterable[Session], conflicts: Iterable[tuple[int, int]]) -> None:
        self.ledger.settle(sessions)
        for number, seq in conflicts:
            self.ledger.conflict_found(number, seq)

    def _transit(self) -> Transit | None:
        return self.feeds.transit

    def _feed_changed(self) -> None:
        self._stops = None
        self.trips.feed_changed()
        self.alarms.town_changed()
        self.live.changed()

    def _node_booted(self, event: events.NodeBooted) -> None:
        self.boards.forget(event.node)

    def _order(self, entry: NodeEntry, command: AssignTrip | ShowArrivals, ttl_s: int) -> bool:
        session = self.sessions.by_node.get(entry.node)
        return session is not None and bool(self.outbox.order(session, command, ttl_s))

    async def _pulse(self) -> None:
        """Time passes: who is silent goes offline, clocks on the page move on."""
        while True:
            self._metrics.nodes_online.set(self.fleet.count_online(self.now_s()))
            self.live.changed()
            await self._reserve_ids()
            await asyncio.sleep(PULSE_S)

    async def _reserve_ids(self) -> None:
        up_to = self.outbox.ids_to_reserve()
        if not up_to:
            return
        try:
            await self._writer.run(self._store.reserve_ids, up_to)
        except sqlite3.Error as error:
            log.error("command ids could not be reserved", error=str(error))
        else:
            self.outbox.reserve(up_to)

    def _sources(self) -> Sources:
        return Sources(
            feed_name=lambda: "" if self.feeds.transit is None else self.feeds.transit.feed.name,
            nodes=self._nodes,
            vehicles=self.trips.views,
            stops=self._stop_views,
            displays=self.displays.views,
            ledger=self.ledger.rows,
            shapes=self._shapes,
            rejected=self._metrics.refusals,
            devices=lambda: (*self._devices_of_others(), *self.meters.devices()),
            alarms=self.alarms.open,
            alarms_ended=self.alarms.ended,
        )

    def _link_of(self, node: bytes) -> str:
        """The line that a node shares with others: a bus of ours, a relay's; or itself, when it has one of its own."""
        name = node_name(node)
        return self.bus_of(node) or self._relay_of.get(name, name)

    def _devices_of_others(self) -> tuple[DeviceView, ...]:
        return (*self.devices(), *self.pushing.devices())

    def _nodes(self, now_s: float) -> tuple[NodeView, ...]:
        return self.fleet.views(now_s, self.ledger.records_of, self._place)

    def _place(self, entry: NodeEntry) -> Place:
        """A vehicle or a stop in words, and where it is."""
        transit = self.feeds.transit
        if entry.stop_id:
            stop = None if transit is None else transit.feed.stops.get(entry.stop_id)
            return (entry.stop_id, None, None) if stop is None else (stop.name, stop.lat, stop.lon)
        lat, lon = self.trips.place(entry.node) or (None, None)
        return entry.vehicle_id or (str(entry.vehicle) if entry.vehicle else ""), lat, lon

    def _shapes(self) -> tuple[Shape, ...]:
        return () if self.feeds.transit is None else self.feeds.transit.shapes

    def _stop_views(self) -> tuple[StopView, ...]:
        if self._stops is None:
            self._stops = self._make_stop_views()
        return self._stops

    def _make_stop_views(self) -> tuple[StopView, ...]:
        standing: dict[str, list[str]] = {}
        for entry in self.registry.by_node.values():
            if entry.stop_id and not entry.replaced_by:
                standing.setdefault(entry.stop_id, []).append(node_name(entry.node))
        stops = () if self.feeds.transit is None else self.feeds.transit.feed.stops.values()
        return tuple(
            StopView(stop.stop_id, stop.name, stop.lat, stop.lon, tuple(standing.get(stop.stop_id, ())))
            for stop in stops
            if stop.lat is not None and stop.lon is not None
        )

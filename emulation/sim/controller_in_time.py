"""The real controller in virtual time: its town on a loop of ours, its SQLite file, its link to the broker model.
It must never know a fault plan: it is started, killed at any await, and its clock is set, by others.
Specification: controller/app.py joins the same parts for a process of its own.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from zlib import crc32

from controller import config as configuration
from controller.buses import Buses
from controller.metrics import Metrics
from controller.registry import load_registry
from controller.store import Group, node_number
from controller.store.sqlite import SqliteStore
from controller.store.writing import WriterThread
from controller.town import Town
from controller.transports.modbus_bus import Link
from emulation.sim.mqtt_client import SimLink
from emulation.sim.trace import Trace
from emulation.sim.virtual_loop import VirtualLoop
from emulation.virtual.node_socket import Network
from emulation.virtual.world import World
from protocols.wire import record, topics
from protocols.wire.messages import document, status
from protocols.wire.messages.index import KINDS

P = ParamSpec("P")
T = TypeVar("T")

NAME = "controller"
DOCUMENT = "timetable"
A_PAGE = 10_000


class ControllerFailed(Exception):
    """A task of the controller has ended by an error: a defect, with its story as the cause."""


class KillableWriter(WriterThread):
    """The writer, with the two moments about a commit at which a death matters most; it tells what was committed."""

    def __init__(self, on_commit: Callable[[Group], None]) -> None:
        super().__init__()
        self._on_commit = on_commit
        self.before: Callable[[], None] | None = None
        self.after: Callable[[], None] | None = None

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        group = next((one for one in args if isinstance(one, Group)), None)
        if group is not None and self.before is not None:
            self.before()
            await asyncio.Event().wait()
        result = await super().run(call, *args, **kwargs)
        if group is not None:
            self._on_commit(group)
            if self.after is not None:
                self.after()
                await asyncio.Event().wait()
        return result


class ControllerInTime:
    def __init__(
        self, world: World, config: Path, network: Network, line_of: Callable[[str], Link], trace: Trace
    ) -> None:
        self._world = world
        self._config = configuration.load(config, environment={})
        self._entries = load_registry(Path(self._config.nodes.registry), Path(self._config.nodes.master_key))
        self._network = network
        self._line_of = line_of
        self._trace = trace
        self._loop: VirtualLoop | None = None
        self._dead: list[VirtualLoop] = []  # kept: what is collected would tidy up
        self._open: list[SqliteStore] = []
        self._writer = KillableWriter(self._note)
        self._metrics = Metrics(dict(KINDS))
        self._task: asyncio.Task[None] | None = None
        self._town: Town | None = None
        self._publishing: asyncio.Task[Any] | None = None
        self.clock_is_off_s = 0.0

    @property
    def running(self) -> bool:
        return self._loop is not None

    def start(self) -> None:
        self._loop = VirtualLoop(self._world)
        self._writer = KillableWriter(self._note)
        self._metrics = Metrics(dict(KINDS))
        self._task = self._loop.create_task(self._run())

    def kill(self) -> None:
        """At whatever await it is; the file stays."""
        loop, self._loop, self._town = self._loop, None, None
        if loop is not None:
            self._dead.append(loop)
            loop.drop()
        for one in self._open:
            one.close()
        self._open = []

    def kill_at_commit(self, *, done: bool, told: Callable[[], None]) -> None:
        """At the next one: before it is begun, or when it is `done` and nobody was told."""

        def die() -> None:
            self.kill()
            told()

        def fall() -> None:
            self._world.call_at(self._world.now_us(), die)  # not while its loop runs

        if done:
            self._writer.after = fall
        else:
            self._writer.before = fall

    def publish(self, data: bytes) -> None:
        """Somebody gives it a document for everybody; one that is down, or dies meanwhile, has not taken it."""
        if self._loop is not None and self._town is not None:
            put = self._town.documents.put(DOCUMENT, "", None, data, b"")
            self._publishing = self._loop.create_task(put)

    def check(self) -> None:
        """Raises ControllerFailed."""
        if self._loop is None:
            return
        if self._task is not None and self._task.done():
            raise ControllerFailed("the controller has ended") from self._task.exception()
        if self._metrics.registry.get_sample_value("vuzol_handler_errors_total"):
            raise ControllerFailed("a service has failed on a notice")
        if self._loop.failures:
            first = self._loop.failures[0]
            raise ControllerFailed(str(first)) from (first if isinstance(first, BaseException) else None)

    def now_ms(self) -> int:
        return self._world.utc_us() // 1000 + int(self.clock_is_off_s * 1000)

    async def _run(self) -> None:
        store = SqliteStore.open(Path(self._config.store.path))
        self._open.append(store)
        town = Town(self._config, self._entries, store, self._writer, self._metrics, self.now_ms)
        self._town = town
        await town.feeds.load(self._config.transit.feed)
        link = SimLink(NAME, self._network, self._world.now_us, (topics.ALL_STATE, topics.ALL_UP), town.ingest.receive)
        buses = Buses(
            self._config.bus,
            town.site_of,
            town.ingest.receive,
            store.samples,
            self._writer,
            self.now_ms,
            lambda bus: self._line_of(bus.name),
        )
        town.publish = buses.publish_or(link.publish)
        async with asyncio.TaskGroup() as tasks:
            for job in (*town.jobs(), link.run(), *buses.jobs()):
                tasks.create_task(job)

    def _note(self, group: Group) -> None:
        for row in group.records:
            content = "" if row.kind == status.KIND else crc32(row.raw)
            self._trace.note(self._world.now_us(), "stored", row.node, row.seq, row.kind, content)

    # What is asked when all is over

    def documents(self) -> dict[str, int]:
        """The version that was published last, and how many nodes have told that they hold it."""
        with contextlib.closing(SqliteStore.open(Path(self._config.store.path))) as store:
            newest = max((row.version for row in store.documents.rows()), default=0)
            told = {node: document.parse(record.parse(raw)[0].body) for node, raw in store.documents.reports()}
        return {"published": newest, "held": sum(one.held_version == newest for one in told.values())}

    def stored(self) -> dict[str, tuple[list[tuple[int, int]], int]]:
        """Node name -> ((seq, CRC-32) of every record, refused duplicates), as the file has them."""
        with contextlib.closing(SqliteStore.open(Path(self._config.store.path))) as store:
            refused = {one.node: one.refused_duplicates for one in store.sessions()}
            return {
                topics.node_name(entry.node): (list(_rows(store, number)), refused.get(number, 0))
                for entry in self._entries
                for number in (node_number(entry.node),)
            }


def _rows(store: SqliteStore, number: int) -> Iterator[tuple[int, int]]:
    from_seq = 0
    while page := store.records(number, from_seq, A_PAGE):
        yield from ((one.seq, crc32(one.raw)) for one in page)
        from_seq = page[-1].seq + 1

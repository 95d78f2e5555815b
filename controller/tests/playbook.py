"""The controller without sockets: what goes in and what comes out, with a clock in the test's hand.

Never replaces a part of the controller: store, sessions and services are the real ones, the database a real file.
Specification: style.md rule 15 (tests read as transcripts).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from controller.config import AccessConfig, Config, DisplaysConfig, SiteConfig, StoreConfig, TransitConfig
from controller.metrics import Metrics
from controller.store.sqlite import SqliteStore
from controller.store.writing import WriterThread
from controller.tests.peer import START_MS, Peer
from controller.tests.waiting import until
from controller.town import Town
from protocols.provisioning import NodeEntry
from protocols.wire.messages.index import KINDS


class Playbook:
    """One controller and the peers around it."""

    def __init__(
        self, config: Config, town: Town, store: SqliteStore, writer: WriterThread, metrics: Metrics, clock: "Clock"
    ) -> None:
        self.config = config
        self.town = town
        self.store = store
        self.writer = writer
        self.metrics = metrics
        self.clock = clock
        self.linked = True
        self.peers: dict[str, Peer] = {}

    def attach(self, *peers: Peer) -> None:
        """These peers hear what is published to them."""
        self.peers |= {peer.down: peer for peer in peers}

    def publish(self, topic: str, data: bytes) -> bool:
        """The town's way out."""
        if self.linked and topic in self.peers:
            self.peers[topic].hear(data)
        return self.linked

    async def send(self, peer: Peer, *envelopes: bytes) -> None:
        """Bytes come in on the peer's topic; returns when they are dealt with."""
        for envelope in envelopes:
            self.town.ingest.receive(peer.up, envelope)
        await self.settle()

    async def settle(self) -> None:
        """Until nothing waits for a commit."""
        await until(lambda: not self.town.ingest.busy)

    def stored(self, peer: Peer) -> dict[int, bytes]:
        """What the database holds of a peer."""
        number = int.from_bytes(peer.entry.node, "big", signed=True)
        return {row.seq: row.raw for row in self.store.records(number, 0, 1_000_000)}


class Clock:
    """Unix milliseconds, moved by hand."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self.now_ms += round(seconds * 1000)


@contextlib.asynccontextmanager
async def playing(
    folder: Path,
    entries: Sequence[NodeEntry],
    *,
    store: SqliteStore | None = None,
    transit: TransitConfig | None = None,
    clock: Clock | None = None,
    jobs: bool = True,
) -> AsyncIterator[Playbook]:
    """A town on a database in `folder`; started again there, it is the controller after a restart."""
    config = Config(
        site=SiteConfig("demo", str(folder / "data")),
        store=StoreConfig(str(folder / "vuzol.sqlite3"), group_ms=0),
        transit=transit or TransitConfig(),
        displays=DisplaysConfig(check_s=0.01),
        access=AccessConfig(open_as="tester"),
    )
    clock = clock or Clock()
    with (
        contextlib.closing(store or SqliteStore.open(Path(config.store.path))) as opened,
        contextlib.closing(WriterThread()) as writer,
    ):
        metrics = Metrics(dict(KINDS))
        town = Town(config, entries, opened, writer, metrics, clock)
        await town.feeds.load(config.transit.feed)
        book = Playbook(config, town, opened, writer, metrics, clock)
        town.publish = book.publish
        running = [asyncio.create_task(job) for job in (town.jobs() if jobs else (town.ingest.run(),))]
        try:
            yield book
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

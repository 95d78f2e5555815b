"""A small town with somebody who looks for alarms every second of the test's clock.

Never waits for a second itself, and replaces no part of the town.
Specification: controller/tests/playbook.py.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from controller.services.alarms_life import Alarm
from controller.tests.peer import Peer, make_entry
from controller.tests.playbook import Playbook, playing

BUS = [make_entry(n, vehicle=17, vehicle_id="17") for n in (0xA1, 0xA2, 0xA3)]
LONELY = make_entry(0xA4, vehicle=18, vehicle_id="18")
SIGN = make_entry(0xD1, "stop_display", stop_id="s3", width=16, height=8)
HOUSE = make_entry(0xC1, "utility_meter")
POST = make_entry(0xE1, "air_sensor")
ENTRIES = [*BUS, LONELY, SIGN, HOUSE, POST]


class Watched:
    """A book with peers that are all there, and a look at it every second of its clock."""

    def __init__(self, book: Playbook, peers: list[Peer] | None = None) -> None:
        self.book = book
        self.alarms = book.town.alarms
        self.peers = peers or [Peer(entry) for entry in ENTRIES]
        self.silent: set[bytes] = set()

    def peer(self, number: int) -> Peer:
        return next(peer for peer in self.peers if peer.entry.node[-1] == number)

    async def all_come(self) -> None:
        for peer in self.peers:
            await self.send(peer, peer.boot())

    async def send(self, peer: Peer, *seqs: int) -> None:
        """Records that were journalled just now."""
        await self.book.send(peer, peer.batch(min(seqs), max(seqs)))

    def lose(self, *numbers: int) -> None:
        """Their broker says that they are gone."""
        for number in numbers:
            peer = self.peer(number)
            self.silent.add(peer.entry.node)
            self.book.town.ingest.receive(peer.state_topic, peer.state(online=False))

    async def come_back(self, *numbers: int) -> None:
        """Power is back: a new boot, and its first record."""
        for number in numbers:
            peer = self.peer(number)
            self.silent.discard(peer.entry.node)
            peer.boot_id += 1
            self.book.town.ingest.receive(peer.state_topic, peer.state())
            await self.send(peer, peer.boot())

    async def seconds(self, count: int) -> None:
        """Time passes, and who is not silent is heard."""
        for _ in range(count):
            self.book.clock.advance(1)
            for peer in self.peers:
                if peer.entry.node not in self.silent and self.book.clock.now_ms % 60_000 < 1000:
                    self.book.town.ingest.receive(peer.state_topic, peer.state())
            self.alarms.look()
        await self.alarms.save()

    @property
    def kinds(self) -> list[str]:
        return [alarm.kind for alarm in self.alarms.open()]

    def only(self) -> Alarm:
        (alarm,) = self.alarms.open()
        return alarm

    def last(self) -> Alarm:
        return self.alarms.history()[0]


@contextlib.asynccontextmanager
async def watching(folder: Path) -> AsyncIterator[Watched]:
    """Everybody is there and well."""
    async with playing(folder, ENTRIES, jobs=False) as book:
        watched = Watched(book)
        await watched.all_come()
        await watched.seconds(2)
        yield watched

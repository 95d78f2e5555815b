"""From an envelope that came in to the receipt that goes out: group, commit, receipt, event, in this order.

Never knows MQTT or SQL. A commit that fails is forgotten whole: its nodes get no receipt and send again (G3).
Specification: protocol.md, guarantees G1 to G5; README.md here, "The way of a batch".
"""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable

import structlog

from controller.config import StoreConfig
from controller.events import Notice
from controller.metrics import Metrics
from controller.sessions import Admitted, Batch, Session, Sessions
from controller.store import Group, Store, node_bytes
from controller.store.writing import WriterThread
from protocols.wire.errors import MalformedFrame
from protocols.wire.topics import node_name

# Envelopes that wait for a commit: 16 MiB at most. What comes on top is dropped, and its node sends it again.
MAX_WAITING = 4096
RETRY_S = 1.0
LOGGED = 5  # nodes of a commit that failed

log = structlog.get_logger("ingest")


class Ingest:
    """The pipeline. `receive` is called by transports, `run` belongs to the process's task group."""

    def __init__(
        self,
        sessions: Sessions,
        store: Store,
        writer: WriterThread,
        metrics: Metrics,
        config: StoreConfig,
        now_ms: Callable[[], int],
        send: Callable[[Session, str, bytes], bool],
        tell: Callable[[Notice], None],
        settled: Callable[[Iterable[Session], Iterable[tuple[int, int]]], None],
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._writer = writer
        self._metrics = metrics
        self._config = config
        self._now_ms = now_ms
        self._send = send
        self._tell = tell
        self._settled = settled
        self._waiting: deque[Batch] = deque()
        self._wake = asyncio.Event()
        self._committing = False
        self._alone = 0  # so many envelopes are still committed one by one, because a commit has failed

    @property
    def failing(self) -> bool:
        """True from a commit that failed until commits have succeeded for a while."""
        return self._alone > 0

    @property
    def busy(self) -> bool:
        """True while an envelope waits for its commit."""
        return self._committing or bool(self._waiting)

    def receive(self, topic: str, data: bytes) -> None:
        """Take an envelope, or count why not. Never raises for what a peer sent (G9)."""
        try:
            arrived = self._sessions.open(topic, data, self._now_ms())
        except MalformedFrame as refusal:
            self._refuse(refusal, topic)
            return
        if isinstance(arrived, Batch):
            if len(self._waiting) >= MAX_WAITING:
                self._refuse(MalformedFrame("overload"), topic)
                return
            self._queue(arrived)
        elif arrived is not None:
            self._tell(arrived)

    async def take(self, imported: Batch) -> int:
        """Store an imported journal, whole; how many records were new. Raises MalformedFrame, sqlite3.Error."""
        imported.ended = asyncio.get_running_loop().create_future()
        self._queue(imported)
        return await imported.ended

    def _queue(self, arrived: Batch) -> None:
        self._waiting.append(arrived)
        self._wake.set()

    def _refuse(self, refusal: MalformedFrame, topic: str) -> None:
        self._metrics.rejected(refusal.reason)
        log.debug("envelope refused", reason=refusal.reason, detail=refusal.detail, topic=topic[:100])

    async def run(self) -> None:
        """Commit group after group until cancelled."""
        while True:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            if len(self._waiting) < self._config.group_envelopes and self._config.group_ms:
                await asyncio.sleep(self._config.group_ms / 1000)
            self._committing = True
            await self._commit_group()
            self._committing = False

    async def _commit_group(self) -> None:
        group = Group()
        admitted: list[tuple[Batch, Admitted]] = []
        touched: dict[int, Session] = {}
        now_ms = self._now_ms()
        for _ in range(min(len(self._waiting), 1 if self._alone else self._config.group_envelopes)):
            arrived = self._waiting.popleft()
            try:
                admitted.append((arrived, arrived.session.admit(arrived, now_ms, group)))
            except MalformedFrame as refusal:
                self._refuse(refusal, node_name(arrived.session.entry.node))
                _end(arrived, refusal)
                continue
            touched[arrived.session.number] = arrived.session
        if not admitted:
            return
        for session in touched.values():
            session.put_ranges(group)
        began_s = time.perf_counter()
        try:
            conflicts = await self._writer.run(self._store.commit, group)
        except sqlite3.Error as error:
            for arrived, _ in admitted:
                _end(arrived, error)
            await self._forget(touched, error)
            return
        if self._alone:
            self._alone -= 1
            if not self._alone:
                log.info("commits succeed again")
        self._metrics.commits.inc()
        self._metrics.commit_s.observe(time.perf_counter() - began_s)
        for number, seq in conflicts:
            self._metrics.conflicting.inc()
            log.error("record delivered again with other bytes", node=node_name(node_bytes(number)), seq=seq)
        self._answer([one for _, one in admitted], touched)
        self._settled(touched.values(), conflicts)
        for arrived, one in admitted:
            _end(arrived, one.stored.new)

    def _answer(self, admitted: list[Admitted], touched: dict[int, Session]) -> None:
        """What may be said now that the records are durable: receipts first, then the events."""
        now_ms = self._now_ms()
        for session in touched.values():
            self._send(session, "receipt", session.receipt(now_ms))
        self._metrics.batches.inc(len(admitted))
        self._metrics.stored(kind for one in admitted for kind in one.kinds)
        self._metrics.refused_duplicates.inc(sum(one.stored.refused_duplicates for one in admitted))
        self._metrics.malformed_bodies.inc(sum(one.malformed_bodies for one in admitted))
        for one in admitted:
            self._tell(one.stored)
            for event in one.events:
                self._tell(event)

    async def _forget(self, touched: dict[int, Session], error: sqlite3.Error) -> None:
        """Nothing of the group is stored: the sessions go back to what the database holds.

        One damaged page must not keep the receipts from all nodes: for a while each envelope has a commit of its own.
        """
        self._metrics.commit_failures.inc()
        names = [node_name(node_bytes(number)) for number in sorted(touched)[:LOGGED]]
        log.error("commit failed, its nodes will send again", error=str(error), nodes=len(touched), first=names)
        self._alone = self._config.group_envelopes
        while True:
            try:
                saved = await self._writer.run(self._store.sessions, list(touched))
            except sqlite3.Error as again:
                log.error("database cannot be read", error=str(again))
                await asyncio.sleep(RETRY_S)
                continue
            break
        for session in touched.values():
            session.clear()
        self._sessions.restore(saved)


def _end(arrived: Batch, outcome: int | Exception) -> None:
    """Tell whoever imported it; a node learns by its receipt."""
    if arrived.ended is None or arrived.ended.done():
        return
    if isinstance(outcome, Exception):
        arrived.ended.set_exception(outcome)
    else:
        arrived.ended.set_result(outcome)

"""How long what is kept: once a night what is older than the configuration says goes, a few rows at a time.

Never touches a tap, a sale, a reading or a declared gap: there is no key for them. Never keeps a commit waiting.
Specification: [retention] of vuzol.example.toml; admin/README.md, "Retention".
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from controller.config import RetentionConfig
from controller.store.retention import RetentionTable
from controller.store.writing import WriterThread
from protocols.wire.messages import position, result, shown_on_glass, status

DAY_S = 86_400
ROWS_A_STEP = 500  # a transaction of some milliseconds
PAUSE_S = 0.05  # between two of them the writer is everybody else's
# What may go, by the key that says when; fares, readings and what proves them have none.
KINDS = {
    "positions": position.KIND,
    "statuses": status.KIND,
    "glass": shown_on_glass.KIND,
    "results": result.KIND,
}

Note = Callable[[dict[str, int]], Awaitable[None]]

log = structlog.get_logger("retention")


def cutoffs(config: RetentionConfig, now_s: float) -> dict[str, int]:
    """Name of what is kept for a limited time -> Unix seconds: what is older goes."""
    days = {name: getattr(config, f"{name}_days") for name in ("samples", *KINDS)}
    return {name: int(now_s) - count * DAY_S for name, count in days.items() if count}


class Retention:
    """`run` belongs to the process's task group; `note` keeps what a night took in the audit."""

    def __init__(
        self,
        config: RetentionConfig,
        table: RetentionTable,
        writer: WriterThread,
        timezone: Callable[[], str],
        now_s: Callable[[], float],
        note: Note,
    ) -> None:
        self._config = config
        self._table = table
        self._writer = writer
        self._timezone = timezone
        self._now_s = now_s
        self._note = note

    async def run(self) -> None:
        """Every night at the hour of the configuration, in the town's time."""
        while cutoffs(self._config, self._now_s()):
            await asyncio.sleep(self._until_night_s())
            try:
                gone = await self.sweep()
            except sqlite3.Error as error:
                log.error("what is old could not go; tomorrow again", error=str(error))
                continue
            if gone:
                log.info("what was old is gone", **gone)
                await self._note(gone)

    def _until_night_s(self) -> float:
        zone = ZoneInfo(self._timezone())
        now = datetime.fromtimestamp(self._now_s(), zone)
        night = now.replace(hour=self._config.hour, minute=0, second=0, microsecond=0)
        if night <= now:
            night += timedelta(days=1)
        return night.timestamp() - now.timestamp()

    async def sweep(self) -> dict[str, int]:
        """Take out what is old now; how much of what. Raises sqlite3.Error; what is gone by then is gone."""
        gone: dict[str, int] = {}
        for name, before_s in cutoffs(self._config, self._now_s()).items():
            took = await (self._samples(before_s) if name == "samples" else self._records(KINDS[name], before_s))
            if took:
                gone[name] = took
        return gone

    async def _records(self, kind: int, before_s: int) -> int:
        took = 0
        for node in await asyncio.to_thread(self._table.nodes):
            seq = 0
            while rows := await asyncio.to_thread(self._table.records, node, kind, before_s, seq, ROWS_A_STEP):
                await self._writer.run(self._table.forget_bodies, node, rows)
                took, seq = took + len(rows), rows[-1][0]
                await asyncio.sleep(PAUSE_S)
        return took

    async def _samples(self, before_s: int) -> int:
        took = 0
        while ids := await asyncio.to_thread(self._table.samples, before_s * 1000, ROWS_A_STEP):
            await self._writer.run(self._table.forget_samples, ids)
            took += len(ids)
            await asyncio.sleep(PAUSE_S)
        return took

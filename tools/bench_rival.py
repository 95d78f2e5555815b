"""The rival of the ingest benchmark: aiomqtt into SQLite (FULL), a row a message, grouped commits, no protocol work.

Never looks into a message and answers nothing: what a bridge of forty lines would do.
Specification: README.md, "Benchmarks". Started as: python -m tools.bench_rival PORT DATABASE MESSAGES
"""

import asyncio
import sqlite3
import sys

from tools.bench_controller import SITE, make_client

GROUP = 64


async def store(port: int, path: str, count: int) -> None:
    """Commit `count` messages, then say so."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE message (topic TEXT, payload BLOB)")
    group: list[tuple[str, bytes]] = []
    stored = 0
    async with make_client(port, "rival", GROUP) as client:
        await client.subscribe(f"vuzol/1/{SITE}/+/up", qos=1)
        print("ready", flush=True)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            group.append((message.topic.value, message.payload))
            if len(group) == GROUP or stored + len(group) == count:
                db.execute("BEGIN")
                db.executemany("INSERT INTO message VALUES (?, ?)", group)
                db.execute("COMMIT")
                stored += len(group)
                group.clear()
            if stored == count:
                print("done", flush=True)
                return


if __name__ == "__main__":
    asyncio.run(store(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))

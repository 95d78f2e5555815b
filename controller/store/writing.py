"""The one thread that writes to the store, seen from the event loop.

Never knows what it runs: calls go through it one after the other.
Specification: SQLite has one writer at a time; a second thread would only wait inside the database.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class WriterThread:
    """Runs calls of a store in order, off the event loop."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "store-writer")

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `call`, or its exception."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: call(*args, **kwargs))

    def close(self) -> None:
        """Wait for what was begun."""
        self._executor.shutdown(wait=True)

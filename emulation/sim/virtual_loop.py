"""An asyncio loop in virtual time: an actor of a world, so that real coroutines and real nodes share one clock.
It must never wait, nor start a thread: what asks for one is run in between, and takes a modelled time.
Specification: asyncio's event loop; emulation/virtual/README.md, "Time".
"""

import asyncio
import math
import selectors
from collections.abc import Callable
from typing import Any

from emulation.virtual.world import NEVER_US, World

CALL_S = 0.004  # of what the loop hands to a thread: a commit, half before it is done and half before that is known


class _NoDescriptors(selectors.SelectSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:  # noqa: ARG002
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    ahead_us = 0

    def __init__(self, world: World) -> None:
        super().__init__(_NoDescriptors())
        self._world = world
        self._kept: set[asyncio.Task[Any]] = set()
        self.failures: list[BaseException | str] = []
        self.set_exception_handler(lambda _loop, what: self.failures.append(what.get("exception") or what["message"]))
        world.join(self)

    def time(self) -> float:
        return self._world.now_us() / 1e6

    # Actor

    def due_us(self) -> int:
        if self.is_closed():
            return NEVER_US
        if self._ready:  # type: ignore[attr-defined]  # typeshed has no private names
            return self._world.now_us()
        scheduled = self._scheduled  # type: ignore[attr-defined]
        return math.ceil(scheduled[0].when() * 1e6) if scheduled else NEVER_US

    def act(self, _free_until_us: int) -> None:
        if not self.is_closed():
            super().call_soon(self.stop)
            self.run_forever()  # once round: what is ready

    # What makes it due

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.Handle:
        if self.is_closed():  # what a dropped task says when it is collected
            return asyncio.Handle(callback, args, self, context)
        handle = super().call_soon(callback, *args, context=context)
        self._touch()
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        due_us = math.ceil(when * 1e6)
        # Never a part of a microsecond early: it would not pass by itself.
        when = due_us / 1e6 if due_us / 1e6 >= when else (due_us + 1) / 1e6
        handle = super().call_at(when, callback, *args, context=context)
        self._touch()
        return handle

    def run_in_executor(self, _executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """Here and now, as far as anybody can tell."""
        done = self.create_future()

        def run() -> None:
            try:
                result, error = func(*args), None
            except Exception as raised:
                result, error = None, raised
            self.call_later(CALL_S / 2, tell, result, error)

        def tell(result: Any, error: Exception | None) -> None:
            if done.cancelled():
                return
            if error is None:
                done.set_result(result)
            else:
                done.set_exception(error)

        self.call_later(CALL_S / 2, run)
        return done

    def drop(self) -> None:
        """Nothing of it is ever run again, not even what would tidy up: kill -9."""
        self._kept = asyncio.all_tasks(self)  # collected at a moment of chance, they would tidy up after all
        self._ready.clear()  # type: ignore[attr-defined]
        self._scheduled.clear()  # type: ignore[attr-defined]
        self.set_exception_handler(lambda _loop, _what: None)
        self.close()
        self._touch()

    def _touch(self) -> None:
        if not self.is_running():
            self._world.touch(self)

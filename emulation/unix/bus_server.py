"""One thread that serves every node of this process: buses, lines, consoles and the peripherals' alarms.
It must never know what a descriptor carries. All peripherals live in this thread: `call` is how others reach them.
Specification: ports.Clock; Python's selectors.
"""

import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from emulation.peripherals.clock import AlarmQueue, PendingAlarm

T = TypeVar("T")

PATIENCE_S = 1.0  # between looks whether the thread still lives


class ServerGone(Exception):
    """The server's thread has ended by an error, which stands on standard error: a defect of the emulation."""


class WallClock:
    """Real time for the peripherals; alarms are run by the server's thread, and asked for in it."""

    def __init__(self) -> None:
        self.alarms = AlarmQueue()

    def now_us(self) -> int:
        return time.monotonic_ns() // 1000

    def utc_us(self) -> int:
        return time.time_ns() // 1000

    def call_at(self, at_us: int, action: Callable[[], None]) -> PendingAlarm:
        return self.alarms.add(at_us, action)


class BusServer:
    def __init__(self) -> None:
        self.clock = WallClock()
        self._selector = selectors.DefaultSelector()
        self._calls: deque[Callable[[], None]] = deque()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._run_calls)
        self._thread = threading.Thread(target=self._serve, name="vuzol-bus", daemon=True)
        self.cpu_s = 0.0  # what this thread has used

    def open(self) -> None:
        self._thread.start()

    def watch(self, descriptor: int, on_readable: Callable[[], None]) -> None:
        """In the server's thread only, as `unwatch`."""
        self._selector.register(descriptor, selectors.EVENT_READ, on_readable)

    def unwatch(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)

    def call(self, action: Callable[[], T]) -> T:
        """Run `action` in the server's thread and give its result, or raise what it raised. Raises ServerGone."""
        if threading.current_thread() is self._thread:
            return action()
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(action())
            except BaseException as error:
                future.set_exception(error)

        self._calls.append(run)
        os.write(self._wake_write, b"\0")
        while True:
            try:
                return future.result(PATIENCE_S)
            except TimeoutError:
                if future.done():
                    raise
                if not self._thread.is_alive():
                    raise ServerGone("the bus server has ended") from None

    def _run_calls(self) -> None:
        os.read(self._wake_read, 4096)
        while self._calls:
            self._calls.popleft()()

    def _serve(self) -> None:
        clock = self.clock
        while True:
            due_us = clock.alarms.next_us()
            timeout_s = None if due_us is None else max(0, due_us - clock.now_us()) / 1e6
            for key, _ in self._selector.select(timeout_s):
                # An earlier handler of this round may have closed this one's descriptor.
                if self._selector.get_map().get(key.fd) is key:
                    key.data()
            # After the descriptors: a watchdog that was fed in time must not bite because we were late.
            clock.alarms.run_due(clock.now_us())
            self.cpu_s = time.thread_time()


_server: BusServer | None = None
_server_lock = threading.Lock()


def shared_server() -> BusServer:
    """The one server of this process, started when the first node needs it."""
    global _server
    with _server_lock:
        if _server is None:
            _server = BusServer()
            _server.open()
        return _server

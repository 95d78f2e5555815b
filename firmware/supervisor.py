"""The owner of every task: starts it again when it fails, and keeps the watchdog quiet only while all are alive.

Never knows what a task is for. A task is an async function of one argument, `beat`, to be called while all is well.
Specification: firmware/README.md, "Tasks"; machine.WDT.
"""

import asyncio
import sys

LOOK_MS = 2_000
FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 60_000
HEALTHY_MS = 60_000  # a task that ran for so long begins its pauses anew
MEMORY_FAULTS = 5  # in a row: only a restart puts a fragmented heap together again


class _Task:
    def __init__(self, name, start, stale_ms):
        self.name = name
        self.start = start
        self.stale_ms = stale_ms  # None: it only waits for others, so silence says nothing
        self.beaten_ms = 0
        self.waits = False  # between a failure and the next start
        self.memory_faults = 0


def _nobody(_name, _error):
    pass


class Supervisor:
    def __init__(self, clock, watchdog):
        self._clock = clock
        self._watchdog = watchdog
        self._tasks = []
        self.restarts = 0
        self.on_restart = _nobody  # called with (name, exception or None)

    def own(self, name, start, stale_s=None):
        """`start(beat)` is run for ever; a task that has not beaten for stale_s makes the watchdog bite."""
        self._tasks.append(_Task(name, start, stale_s and stale_s * 1000))

    async def run(self):
        """Never returns."""
        for task in self._tasks:
            asyncio.create_task(self._keep(task))  # noqa: RUF006 - MicroPython's queue holds it
        was_silent = ""
        while True:
            silent = self.silent()
            if silent != was_silent:
                print("watchdog waits for", silent or "nobody")
                was_silent = silent
            if not silent:
                self._watchdog.feed()
            await asyncio.sleep_ms(LOOK_MS)

    def silent(self):
        """The name of a task that has not beaten in time, or finds no memory whenever it starts, else ""."""
        now_ms = self._clock.monotonic_ms()
        for task in self._tasks:
            if task.memory_faults >= MEMORY_FAULTS:
                return task.name
            if task.stale_ms and not task.waits and now_ms - task.beaten_ms > task.stale_ms:
                return task.name
        return ""

    async def _keep(self, task):
        def beat():
            task.beaten_ms = self._clock.monotonic_ms()

        pause_ms = FIRST_PAUSE_MS
        while True:
            beat()
            started_ms = task.beaten_ms
            fault = None
            try:
                await task.start(beat)
            except Exception as error:
                fault = error
                print("task", task.name, "failed:")
                sys.print_exception(error)
            self.restarts += 1
            if self._clock.monotonic_ms() - started_ms > HEALTHY_MS:
                pause_ms = FIRST_PAUSE_MS
                task.memory_faults = 0
            task.memory_faults = task.memory_faults + 1 if isinstance(fault, MemoryError) else 0
            task.waits = True
            self.on_restart(task.name, fault)
            await asyncio.sleep_ms(pause_ms)
            task.waits = False
            pause_ms = min(2 * pause_ms, LONGEST_PAUSE_MS)

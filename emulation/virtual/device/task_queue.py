"""asyncio's Task and TaskQueue in Python: the builtin ones ask a real clock.
It must never know how time passes; asyncio.core, which is the builtin one, asks `time`.
Specification: MicroPython's extmod/asyncio/task.py; tasks of one millisecond run in the order of their pushes.
"""

import heapq
import sys

import bus_link
import event_loop
import time
import time_frames

_LONG_MS = 3600000
_asleep = []  # (queue, task) of those that would only hear the same


def _core():
    return sys.modules["asyncio.core"]


class TaskQueue:
    def __init__(self):
        self.heap = []  # (when, number, task)
        self._pushed = 0
        _core().run_until_complete = event_loop.run_until_complete  # the first queue is made when core is all there

    def peek(self):
        return self.heap[0][2] if self.heap else None

    def push(self, task, key=None):
        task.data = None
        if key is None:
            key = bus_link.now_us // 1000
        elif bus_link.same:
            bus_link.same = False
            key = time.ticks_add(key, _LONG_MS)
            _asleep.append((self, task))
        task.ph_key = key
        self._pushed += 1
        heapq.heappush(self.heap, (key, self._pushed, task))

    def pop(self):
        return heapq.heappop(self.heap)[2]

    def remove(self, task):
        self.heap[:] = [one for one in self.heap if one[2] is not task]
        heapq.heapify(self.heap)


def _look_again(_data):
    for queue, task in _asleep:
        if any(one[2] is task for one in queue.heap):
            queue.remove(task)
            queue.push(task)
    _asleep.clear()


bus_link.receivers[time_frames.CHANGED, 0] = _look_again


class Task:
    def __init__(self, coro, globals=None):
        self.coro = coro
        self.data = None  # the queue or task that it waits for
        self.state = True  # running; a TaskQueue or a function: who waits for its end; None or False: it has ended
        self.ph_key = 0

    def __iter__(self):
        if not self.state:
            self.state = False
        elif self.state is True:
            self.state = TaskQueue()
        elif type(self.state) is not TaskQueue:
            raise RuntimeError("can't wait")
        return self

    def __next__(self):
        if not self.state:
            if self.data is None:
                raise StopIteration
            raise self.data
        current = _core().cur_task
        self.state.push(current)
        current.data = self

    def done(self):
        return not self.state

    def cancel(self):
        core = _core()
        if not self.state:
            return False
        if self is core.cur_task:
            raise RuntimeError("can't cancel self")
        while isinstance(self.data, Task):
            self = self.data
        if hasattr(self.data, "remove"):
            self.data.remove(self)
            core._task_queue.push(self)
        elif time.ticks_diff(self.ph_key, time.ticks_ms()) > 0:
            core._task_queue.remove(self)
            core._task_queue.push(self)
        self.data = core.CancelledError
        return True

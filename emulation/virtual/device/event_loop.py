"""asyncio's loop in virtual time: the builtin one asks clock, queue and poller anew before every step of a task.
It must never let time pass while a task can run.
Specification: MicroPython's extmod/asyncio/core.py, whose run_until_complete() this replaces; bus_link.py.
"""

import heapq
import sys

import bus_link
import time_frames


def run_until_complete(main_task=None):
    core = sys.modules["asyncio.core"]
    heap, io = core._task_queue.heap, core._io_queue
    poller = io.poller
    while True:
        if poller.is_new or bus_link.arrived:
            io.wait_io_event(0)
        elif heap and heap[0][0] <= bus_link.now_us // 1000:
            task = core.cur_task = heapq.heappop(heap)[2]
            bus_link.same = False
            fault = task.data
            try:
                if fault:
                    task.data = None
                    task.coro.throw(fault)
                else:
                    task.coro.send(None)
                poller.is_new = poller.is_new or poller.has_flags
            except (core.CancelledError, Exception) as end:
                if task is main_task:
                    core.cur_task = None
                    if isinstance(end, StopIteration):
                        return end.value
                    raise
                _ended(core, task, end, fault)
        elif heap:
            bus_link.wait(heap[0][0] * 1000)
        elif io.map:
            bus_link.wait(time_frames.NEVER_US)
        else:
            core.cur_task = None
            return None


def _ended(core, task, end, fault):
    """Tell those who wait for it. A fault that nobody waits for is the exception handler's, a turn later."""
    queue = core._task_queue
    if task.state:
        waiting = False
        if task.state is True:
            task.state = None
        elif callable(task.state):
            task.state(task, end)
            task.state = False
            waiting = True
        else:
            while task.state.peek():
                queue.push(task.state.pop())
                waiting = True
            task.state = False
        if not waiting and not isinstance(end, (core.CancelledError, StopIteration)):
            queue.push(task)
        task.data = end
    elif task.state is None:
        task.data = fault
        core._exc_context["exception"] = fault
        core._exc_context["future"] = task
        core.Loop.call_exception_handler(core._exc_context)

"""The same work for several boards at the same time.

Never waits for a board when the person has pressed Ctrl-C: what a board shows as done stays done.
Specification: README.md beside this file, "Stopped and run again".
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def at_once(work: Callable[[Thing], Result], things: Sequence[Thing]) -> list[Result]:
    """What became of each, in their order. Raises what the work raises, and KeyboardInterrupt at once."""

    def do(thing: Thing, future: Future[Result]) -> None:
        try:
            future.set_result(work(thing))
        except BaseException as fault:
            future.set_exception(fault)

    futures = [Future[Result]() for _ in things]
    for thing, future in zip(things, futures, strict=True):
        Thread(target=do, args=(thing, future), daemon=True).start()  # an executor's threads would be waited for
    return [future.result() for future in futures]

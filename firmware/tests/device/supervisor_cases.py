"""What the supervisor does with tasks that fail, end or hang, and when it lets the watchdog bite.

It must never take real seconds: the pauses are shortened.
Spec: firmware/supervisor.py.
"""

import asyncio

from firmware import supervisor
from firmware.clock import Clock


class Quiet:
    """Where the console's lines go: standard output is for the cases' results."""

    @staticmethod
    def print_exception(_error):
        pass


supervisor.print = lambda *_: None
supervisor.sys = Quiet
supervisor.LOOK_MS = 10
supervisor.FIRST_PAUSE_MS = 10
supervisor.LONGEST_PAUSE_MS = 40


class Watchdog:
    def __init__(self):
        self.fed = 0

    def feed(self):
        self.fed += 1


def supervised(for_ms, *tasks):
    """Run tasks (name, function, stale_s) under a supervisor for some time; (supervisor, watchdog, what it told)."""
    told = []
    watchdog = Watchdog()
    owner = supervisor.Supervisor(Clock(), watchdog)
    owner.on_restart = lambda name, error: told.append((name, str(error)))
    for task in tasks:
        owner.own(*task)

    async def for_a_while():
        try:
            await asyncio.wait_for_ms(owner.run(), for_ms)
        except asyncio.TimeoutError:
            pass

    asyncio.new_event_loop()
    asyncio.run(for_a_while())
    return owner, watchdog, told


async def beats(beat):
    while True:
        beat()
        await asyncio.sleep_ms(5)


async def hangs(_beat):
    while True:
        await asyncio.sleep_ms(5)


async def fails(_beat):
    raise ValueError("no luck")


async def starves(_beat):
    raise MemoryError


async def ends(_beat):
    pass


def test_the_watchdog_is_fed_while_all_tasks_beat():
    owner, watchdog, _ = supervised(200, ("a", beats, 1), ("b", beats, 1))
    assert watchdog.fed > 10
    assert (owner.restarts, owner.silent()) == (0, "")


def test_a_task_that_hangs_is_named_and_the_watchdog_is_not_fed_any_more():
    owner, watchdog, _ = supervised(1500, ("good", beats, 1), ("bad", hangs, 1))
    assert owner.silent() == "bad"
    fed = watchdog.fed
    assert 0 < fed < 120


def test_a_task_that_fails_is_started_again_ever_more_rarely():
    owner, watchdog, told = supervised(400, ("unlucky", fails, 1))
    assert 5 <= owner.restarts <= 14
    assert told[0] == ("unlucky", "no luck")
    assert watchdog.fed > 20


def test_a_task_that_never_finds_memory_is_named_and_the_watchdog_is_not_fed_any_more():
    owner, watchdog, _ = supervised(600, ("good", beats, 1), ("starving", starves, None))
    assert owner.silent() == "starving"
    assert 0 < watchdog.fed < 30


def test_a_task_that_ends_is_started_again_and_told():
    owner, _, told = supervised(100, ("short", ends, 1))
    assert owner.restarts >= 2
    assert told[0] == ("short", "None")


def test_a_task_that_only_waits_may_be_silent():
    owner, watchdog, _ = supervised(300, ("waits", hangs, None))
    assert owner.silent() == ""
    assert watchdog.fed > 10

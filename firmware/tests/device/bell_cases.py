"""When a bell wakes whoever sleeps by it, and that nothing is left behind by a sleeper that was cancelled.

It must never measure how long anything takes, only in which order it happens.
Spec: firmware/bell.py.
"""

import asyncio

from firmware.bell import Bell

LONG_MS = 60_000


def heard(*actions):
    """What each wait_ms() gave, after `actions` (functions of the bell and the sleeper's task), a turn apart."""

    async def live():
        bell, told = Bell(), []

        async def listen():
            while True:
                told.append(await bell.wait_ms(LONG_MS))

        sleeper = asyncio.create_task(listen())
        for action in actions:
            await asyncio.sleep_ms(0)
            action(bell, sleeper)
        await asyncio.sleep_ms(1)
        sleeper.cancel()
        bell.ring()  # nobody is there any more
        await asyncio.sleep_ms(1)
        return told

    return asyncio.run(live())


def ring(bell, _sleeper):
    bell.ring()


def twice(bell, _sleeper):
    bell.ring()
    bell.ring()


def test_a_sleeper_wakes_at_once_each_time_it_rings():
    assert heard() == []
    assert heard(ring) == [True]
    assert heard(ring, ring, ring) == [True, True, True]


def test_two_rings_before_anybody_has_listened_are_one():
    assert heard(twice) == [True]


def test_what_rang_before_is_heard_once():
    async def live():
        bell = Bell()
        bell.ring()
        return await bell.wait_ms(LONG_MS), bell.has_rung, await bell.wait_ms(1)

    assert asyncio.run(live()) == (True, False, False)


def test_a_time_that_is_up_ends_the_wait_and_the_next_ring_is_heard():
    async def live():
        bell = Bell()
        first = await bell.wait_ms(1)
        bell.ring()
        return first, await bell.wait_ms(1)

    assert asyncio.run(live()) == (False, True)

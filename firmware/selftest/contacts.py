"""Checks of contacts to ground: what they say at rest and, when a person moves them, that they do.

Never knows what a contact means. `wait_s` is how long a person has to move it; without it only a closed one, through
which a current flows, shows that its wires are there.
Specification: run.py; boards/README.md, "Roles": 0 is closed.
"""

import asyncio

from firmware.selftest.run import GOOD, SEEN_BY_A_PERSON, Finding, bad

LOOK_MS = 10
REST_MS = 1_000
MOST_PULSES_AT_REST = 30  # S0 contacts give 17 a second at most, the mains 50


async def cash_button(hal, _provided, given):
    pin = hal.cash_button()
    if pin.value() == 0:
        return bad("contact_closed")
    return await _moved(pin, given)


async def cover(hal, _provided, given):
    return await _moved(hal.cover(), given)


async def door(hal, _provided, given):
    return await _moved(hal.door(), given)


async def maintenance_switch(hal, _provided, given):
    return await _moved(hal.maintenance_switch(), given)


async def pulse_inputs(hal, _provided, _given):
    """A wire that is not connected picks up what is in the air; a meter at rest gives a pulse now and then."""
    counters = hal.pulse_inputs()
    await asyncio.sleep_ms(REST_MS)
    counts = [counter.value() for counter in counters]
    if max(counts) > MOST_PULSES_AT_REST:
        return bad("pulses_at_rest", counts=counts)
    return Finding(True, "", {"counts": counts})


async def _moved(pin, given):
    is_closed = pin.value() == 0
    if await changes(pin, given.get("wait_s", 0) * 1000):
        return GOOD
    if given.get("wait_s"):
        return bad("contact_unmoved")
    return GOOD if is_closed else SEEN_BY_A_PERSON


async def changes(contact, within_ms):
    """Whether the value of a pin or a counter becomes another."""
    before = contact.value()
    for _ in range(within_ms // LOOK_MS):
        await asyncio.sleep_ms(LOOK_MS)
        if contact.value() != before:
            return True
    return False

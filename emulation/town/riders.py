"""Riders: people who present media of every kind to a validator, and take them away again.

Never asks the node what it recorded: a rider sees the light and nothing else.
Specification: domain reference, "Validator"; the mix of media is our assumption.
"""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass

from emulation.launch import NodeHandle
from emulation.peripherals import cards

MEAN_INTERVAL_S = 6.0
PATIENCE_S = 3.0
HOLD_S = 0.35
LIGHT_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Share:
    """One kind of medium and how often riders carry it."""

    weight: int
    kind: str


MEDIA = (Share(55, "desfire"), Share(15, "classic"), Share(10, "ultralight"), Share(10, "bank"), Share(10, "phone"))


def pocket(chance: random.Random) -> Iterator[cards.Card]:
    """The media that riders pull out, one after the other; never the same transport card twice."""
    kinds = [share.kind for share in MEDIA]
    weights = [share.weight for share in MEDIA]
    while True:
        yield cards.make(chance.choices(kinds, weights)[0], chance)


async def ride(validator: NodeHandle, chance: random.Random) -> None:
    """Board, again and again, until cancelled."""
    media = pocket(chance)
    try:
        while True:
            await asyncio.sleep(chance.expovariate(1 / MEAN_INTERVAL_S))
            await board(validator, next(media))
    finally:
        validator.remove_card()


async def board(validator: NodeHandle, card: cards.Card) -> None:
    """Hold the medium to the reader until the light answers or patience ends."""
    validator.present(card)
    waited_s = 0.0
    while validator.light() not in ("green", "red") and waited_s < PATIENCE_S:
        await asyncio.sleep(LIGHT_POLL_S)
        waited_s += LIGHT_POLL_S
    await asyncio.sleep(HOLD_S)
    validator.remove_card()

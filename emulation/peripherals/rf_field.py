"""The space in front of a reader's antenna: cards enter it and leave it at any moment.
It must never know the reader's protocol: the reader asks who is here, and is told when that changes.
Specification: ISO/IEC 14443-3, type A.
"""

from collections.abc import Callable

from emulation.peripherals.cards import Card
from emulation.peripherals.ports import Clock

QUIET_US = 2_000_000


class RfField:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.cards: list[Card] = []
        self.entered_us: dict[int, int] = {}
        self._left_us = 0
        self.on_change: Callable[[], None] = lambda: None

    def present(self, card: Card) -> None:
        """A card enters. A card that already lies here is taken off and put on again."""
        self._take(card)
        card.energised()
        self.cards.append(card)
        self.entered_us[id(card)] = self._clock.now_us()
        self.on_change()

    def remove(self, card: Card | None = None) -> None:
        """That card leaves; None clears the field."""
        for leaving in list(self.cards) if card is None else [card]:
            self._take(leaving)
        self._left_us = self._clock.now_us()
        self.on_change()

    @property
    def is_quiet(self) -> bool:
        """Nobody is here, nor was lately."""
        return not self.cards and self._clock.now_us() - self._left_us > QUIET_US

    def here_since_us(self, card: Card) -> int | None:
        """When the card entered, None when it is not here: two answers that differ are two presentations."""
        return self.entered_us.get(id(card))

    def _take(self, card: Card) -> None:
        self.cards = [other for other in self.cards if other is not card]
        self.entered_us.pop(id(card), None)

"""What was consumed at a point between one reading and the next, across replaced meters and displays that went over.

Never spreads a difference over time, fills a gap or changes a reading: where nobody can know, the amount is None.
Specification: design, domain.md "Meter" (rollover near the modulus only, epochs with final and first reading).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from controller.services.units import factor
from controller.store.buildings import EpochRow

NEAR = 0.1  # of the display's whole range: a fall from the last tenth into the first one is a rollover
BY_EYE = ("manual", "pushed")  # read to the whole unit, perhaps


@dataclass(frozen=True, slots=True)
class Stand:
    """What a meter stood at. `reading` and `unit` as they came; `shown`: the same on the display of its epoch's meter.

    `quality`: its marks, `manual` or `pushed` among them where nobody measured. `identity`: the meter's own, or empty.
    """

    at_ms: int
    reading: float
    unit: str
    quality: tuple[str, ...]
    identity: str
    shown: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """From one stand to the next. `amount` is in the point's unit, None where nobody knows; `marks` say why.

    rollover, replaced; not_entered: another meter, whose first and final reading nobody entered; fell: less than
    before, and no rollover; beside the marks of both readings.
    """

    from_ms: int
    to_ms: int
    amount: float | None
    marks: tuple[str, ...]


def of_epochs(epochs: Sequence[EpochRow], stands: Iterable[Stand]) -> list[list[Stand]]:
    """Stands in order of time, an epoch each, with what was entered of its beginning and its end."""
    found: list[list[Stand]] = [[] for _ in epochs]
    for stand in stands:
        at = max((n for n, epoch in enumerate(epochs) if epoch.from_ms <= stand.at_ms), default=None)
        if at is not None:
            found[at].append(stand)
    for number, epoch in enumerate(epochs):
        if epoch.first is not None:
            found[number].insert(0, _entered(epoch.from_ms, epoch.first, epoch.unit))
        if number and epoch.final_before is not None:
            before = epochs[number - 1]
            found[number - 1].append(_entered(epoch.from_ms, epoch.final_before, before.unit))
    return found


def _entered(at_ms: int, value: float, unit: str) -> Stand:
    return Stand(at_ms, value, unit, ("manual",), "", value)


def account(
    epochs: Sequence[EpochRow], stands: Sequence[Sequence[Stand]], unit: str
) -> Iterator[tuple[EpochRow, Stand, Step | None]]:
    """Every stand, and what was consumed up to it, in `unit`, since the last one that is on its meter's display.

    The amounts of one epoch add up to its end less its beginning.
    """
    last: Stand | None = None
    for epoch, of_epoch in zip(epochs, stands, strict=True):
        is_first = True
        for stand in of_epoch:
            if stand.shown is None:
                yield epoch, stand, None
                continue
            step = None
            if last and not is_first:
                step = _step(epoch, last, stand, unit)
            elif last and last.at_ms < stand.at_ms:
                step = Step(last.at_ms, stand.at_ms, None, ("not_entered",))
            elif last:
                step = Step(last.at_ms, stand.at_ms, 0.0, ("replaced",))
            yield epoch, stand, step
            last, is_first = stand, False


def _step(epoch: EpochRow, before: Stand, after: Stand, unit: str) -> Step:
    assert before.shown is not None
    assert after.shown is not None
    marks = dict.fromkeys((*before.quality, *after.quality))
    amount: float | None = after.shown - before.shown
    modulus = None if epoch.digits is None else 10.0**epoch.digits
    if before.identity and after.identity and before.identity != after.identity:
        amount, marks = None, marks | {"not_entered": None}
    elif after.shown < before.shown:
        by_eye = any(word in BY_EYE for word in marks)
        if modulus and before.shown >= (1 - NEAR) * modulus and after.shown <= NEAR * modulus:
            amount, marks = after.shown - before.shown + modulus, marks | {"rollover": None}
        elif not (by_eye and before.shown - after.shown < 1.0):  # the sum stays right
            amount, marks = None, marks | {"fell": None}
    if amount is not None:
        amount *= epoch.ratio * (factor(epoch.unit, unit) or 1.0)
    return Step(before.at_ms, after.at_ms, amount, tuple(marks))

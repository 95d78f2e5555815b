"""A reading that a person takes off a display and types in: what it has to be before it is entered.

Never enters anything and never asks a database for more than the readings around it; buildings.py enters.
Specification: consumption.py for rollovers; README.md here, "Buildings".
"""

import re
from collections.abc import Sequence

from controller.services.buildings import LOOK_BACK_S, Buildings, epoch_at
from controller.services.consumption import NEAR, Stand
from controller.store.buildings import EpochRow, PointRow

_TYPED = re.compile(r"(?P<number>\d[\d\s]*(?:[.,]\d+)?)\s*(?P<unit>\D.*)?")


class NotRead(Exception):
    """It cannot be what the display shows: `code` names a text of the page's catalogues, `told` what stands in it."""

    def __init__(self, code: str, **told: object) -> None:
        super().__init__(code)
        self.code = code
        self.told = told


def read_number(typed: str, names: Sequence[str]) -> float:
    """The number of `12 345,6 kWh`; `names` are those of the display's unit, the first for people. Raises NotRead."""
    found = _TYPED.fullmatch(typed.strip())
    if found is None:
        raise NotRead("no_number")
    if found["unit"] and _plain(found["unit"]) not in map(_plain, names):
        raise NotRead("unit", unit=names[0], told=found["unit"].strip())
    return float(re.sub(r"\s", "", found["number"]).replace(",", "."))


def check(buildings: Buildings, point: PointRow, at_s: float, reading: float, *, correction: bool) -> EpochRow:
    """The meter whose display it was. Reads the readings around it. Raises NotRead."""
    at_ms = round(at_s * 1000)
    epochs = buildings.epochs().get(point.id, [])
    epoch = epoch_at(epochs, at_ms)
    if epoch is None:
        raise NotRead("no_meter")
    if epoch.digits is not None and reading >= 10**epoch.digits:
        raise NotRead("digits", digits=epoch.digits)
    span = max(0, int(at_s) - LOOK_BACK_S), int(at_s) + LOOK_BACK_S
    _, stands = buildings.stands(point, *span)
    around = [one for one in stands[epochs.index(epoch)] if one.shown is not None]
    if not correction and any(one.at_ms == at_ms and "manual" in one.quality for one in around):
        raise NotRead("taken")
    _check_order([one for one in around if one.at_ms != at_ms], at_ms, reading, epoch.digits)
    return epoch


def _check_order(around: Sequence[Stand], at_ms: int, reading: float, digits: int | None) -> None:
    before = next((one for one in reversed(around) if one.at_ms < at_ms), None)
    after = next((one for one in around if one.at_ms > at_ms), None)
    if before and _fell(before.shown or 0.0, reading, digits):
        raise NotRead("lower", reading=before.shown, at_ms=before.at_ms)
    if after and _fell(reading, after.shown or 0.0, digits):
        raise NotRead("higher", reading=after.shown, at_ms=after.at_ms)


def _fell(before: float, after: float, digits: int | None) -> bool:
    """Less than before by a whole unit or more, and the display did not begin anew."""
    if digits is not None and before >= (1 - NEAR) * 10**digits and after <= NEAR * 10**digits:
        return False
    return before - after >= 1.0


def _plain(unit: str) -> str:
    return "".join(filter(str.isalnum, unit)).casefold().replace("\N{SUPERSCRIPT THREE}", "3")

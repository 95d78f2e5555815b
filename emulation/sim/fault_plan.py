"""What goes wrong in a simulation, how often and how long: one TOML file, the presets are such files too.
It must never draw anything: faults.py does, from the seed.
Specification: plans/storm.toml names every key; README.md beside this file.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

PLANS = Path(__file__).parent / "plans"
Span = tuple[float, float]  # from, to; drawn evenly


class CannotSimulate(Exception):
    """Something is missing or a plan cannot be used; one sentence that names the key and says what to do."""


@dataclass(frozen=True, slots=True)
class PowerCuts:
    """A node loses its supply, for `off_s`; a share of the cuts falls into the middle of a flash operation."""

    per_node_hour: float = 0.0
    in_flash_share: float = 0.5
    off_s: Span = (1.0, 60.0)


@dataclass(frozen=True, slots=True)
class LinkDowns:
    """A node's link carries nothing for `lasts_s`."""

    per_node_hour: float = 0.0
    lasts_s: Span = (5.0, 300.0)


@dataclass(frozen=True, slots=True)
class Outage:
    """Every node's link is down at once, from `from_h` (each some minutes off) for `lasts_h`; 0: never."""

    from_h: float = 1.0
    lasts_h: float = 0.0


@dataclass(frozen=True, slots=True)
class Messages:
    """Of every message that the broker hands on: shares that are lost, doubled, late (and so out of order), spoilt."""

    loss: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    delay_s: Span = (0.5, 20.0)
    bit_flip: float = 0.0


@dataclass(frozen=True, slots=True)
class Streams:
    """Of every chunk on a connection, the share in which one bit flips."""

    bit_flip: float = 0.0


@dataclass(frozen=True, slots=True)
class Restarts:
    """Killed at whatever instant, and back after `down_s`."""

    per_hour: float = 0.0
    down_s: Span = (1.0, 60.0)


@dataclass(frozen=True, slots=True)
class ControllerRestarts:
    """The same; a share of them between a commit's begin and what is said of it."""

    per_hour: float = 0.0
    in_commit_share: float = 0.5
    down_s: Span = (1.0, 60.0)


@dataclass(frozen=True, slots=True)
class ClockJumps:
    """The controller's clock is set wrong by `by_s`, and right again by the next jump."""

    per_hour: float = 0.0
    by_s: Span = (-30.0, 30.0)


@dataclass(frozen=True, slots=True)
class FaultPlan:
    name: str = "calm"
    needs_h: float = 0.0  # a shorter run would not see what the plan is for
    power_cut: PowerCuts = field(default_factory=PowerCuts)
    link_down: LinkDowns = field(default_factory=LinkDowns)
    outage: Outage = field(default_factory=Outage)
    message: Messages = field(default_factory=Messages)
    stream: Streams = field(default_factory=Streams)
    controller_restart: ControllerRestarts = field(default_factory=ControllerRestarts)
    broker_restart: Restarts = field(default_factory=Restarts)
    clock_jump: ClockJumps = field(default_factory=ClockJumps)


SECTIONS = {one.name: one.type for one in fields(FaultPlan) if one.name not in ("name", "needs_h")}
_SHARES = ("in_flash_share", "in_commit_share", "loss", "duplicate", "delay", "bit_flip")


def presets() -> list[str]:
    return sorted(path.stem for path in PLANS.glob("*.toml"))


def load(name: str) -> FaultPlan:
    """A preset by its name, or a file by its path. Raises CannotSimulate."""
    path = PLANS / f"{name}.toml" if name in presets() else Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise CannotSimulate(f"there is no plan {name}: name a TOML file, or one of {', '.join(presets())}") from None
    return parse(text, path.stem if name in presets() else path.name)


def parse(text: str, name: str) -> FaultPlan:
    """Raises CannotSimulate."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CannotSimulate(f"{name} is not TOML ({error}): correct that line") from None
    needs_h = _number("needs_h", document.pop("needs_h", 0.0))
    sections = {}
    for key, table in document.items():
        kind = SECTIONS.get(key)
        if not isinstance(kind, type):
            raise CannotSimulate(f"{key} is unknown: remove it, or use one of needs_h, {', '.join(SECTIONS)}")
        if not isinstance(table, dict):
            raise CannotSimulate(f"{key} must be a section, not {table!r}: write it as a table")
        sections[key] = _section(key, kind, table)
    return FaultPlan(name, needs_h, **sections)


def _section(name: str, kind: type[Any], table: Mapping[str, object]) -> Any:
    known = {one.name: one for one in fields(kind)}
    for key in table:
        if key not in known:
            raise CannotSimulate(f"{name}.{key} is unknown: remove it, or use one of {', '.join(known)}")
    return kind(**{key: _value(f"{name}.{key}", key, known[key].default, value) for key, value in table.items()})


def _value(where: str, key: str, default: object, value: object) -> float | Span:
    if isinstance(default, tuple):
        if not isinstance(value, list) or len(value) != 2:
            raise CannotSimulate(f"{where} must be two numbers, not {value!r}: write [from, to]")
        low, high = (_number(where, one, lowest=float("-inf")) for one in value)
        if low > high or (low < 0 and key != "by_s"):
            raise CannotSimulate(f"{where} must go up from 0 or more, as {value!r} does not: write [from, to]")
        return low, high
    number = _number(where, value)
    if key in _SHARES and number > 1:
        raise CannotSimulate(f"{where} is a share and must not be above 1, as {number} is: correct it")
    return number


def _number(where: str, value: object, *, lowest: float = 0.0) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CannotSimulate(f"{where} must be a number, not {value!r}: correct it")
    if value < lowest:
        raise CannotSimulate(f"{where} must not be below {lowest:g}, as {value} is: correct it")
    return float(value)

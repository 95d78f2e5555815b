"""What kind of town is wanted, and how it tells its progress.

Never touches a file or a process.
Specification: README.md, "The demo".
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class TownError(Exception):
    """The town cannot be built; the text says what to do."""


@dataclass(frozen=True, slots=True)
class TownPlan:
    """Everything that a person can choose. `feed` None is the bundled feed; `seconds` None lives until stopped."""

    validators: int = 8
    displays: int = 6
    meters: int = 0
    posts: int = 0
    silicon: int = 0
    feed: Path | None = None
    seconds: float | None = None
    port: int = 8080
    folder: Path | None = None
    seed: int = 1
    language: str = "uk"


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who wants to know: step(name, done, total), pulse(values), ready(url)."""

    step: Callable[[str, int, int], None]
    pulse: Callable[[dict[str, Any]], None]
    ready: Callable[[str], None]

"""The counters as figures with their labels.

Never knows NiceGUI or a browser; counts nothing itself.
Specification: controller/services/live.py, Counters; the texts are messages/*.toml.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.web.wording import Words

if TYPE_CHECKING:
    from controller.services.live import Counters

PLAIN = ("taps", "positions", "cash", "arrivals_shown", "readings", "air_samples", "batches", "records")


@dataclass(frozen=True, slots=True)
class Figure:
    """One counter."""

    key: str
    label: str
    value: str
    note: str = ""
    state: str = ""


def figures(counters: Counters, words: Words) -> tuple[Figure, ...]:
    """The counters, refusals last with their reasons."""
    told = [Figure(key, words.say(f"figure.{key}"), words.number(getattr(counters, key))) for key in PLAIN]
    refused = sum(counters.rejected.values())
    reasons = (
        words.say(
            "figure.reason_and_count",
            reason=words.say(f"reason.{reason}.name") if words.knows(f"reason.{reason}.name") else reason,
            count=words.number(count),
        )
        for reason, count in sorted(counters.rejected.items(), key=lambda item: -item[1])
        if count
    )
    state = "warn" if refused else ""
    note = " · ".join(reasons) or words.say("figure.none_refused")
    told.append(Figure("refused", words.say("figure.refused"), words.number(refused), note, state))
    return tuple(told)

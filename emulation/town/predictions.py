"""How good the arrivals are that passengers are told: predictions sampled live, compared with what then happens.

Never tells the controller what will happen: truth comes from the emulated motion alone.
Specification: TransitApp ETA accuracy benchmark (its four horizons).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BUCKETS_S = {"0-3": (0, 180), "3-6": (180, 360), "6-10": (360, 600), "10-15": (600, 900)}

StopVisit = tuple[str, str, str]  # vehicle_id, trip_id, stop_id


@dataclass(slots=True)
class PredictionWatch:
    """Collects predictions; `truth` gives the moments (Unix time, s) of a vehicle's visits to a stop.

    A trip runs again on the next service day, so one visit has several moments: the nearest one is meant.
    """

    truth: Mapping[StopVisit, Sequence[float]]
    _errors_s: dict[str, list[float]] = field(default_factory=lambda: {bucket: [] for bucket in BUCKETS_S})

    def sample(self, stop_id: str, arrivals: Iterable[Mapping[str, Any]], now_s: float) -> None:
        """Take what one stop is told at one moment; timetable rows without a live vehicle say nothing of us."""
        for arrival in arrivals:
            if not arrival["realtime"]:
                continue
            moments_s = self.truth.get((arrival["vehicle_id"], arrival["trip_id"], stop_id), ())
            expected_s = arrival["expected_s"]
            error_s = min((abs(expected_s - moment_s) for moment_s in moments_s), default=None)
            for bucket, (low_s, high_s) in BUCKETS_S.items():
                if error_s is not None and low_s <= expected_s - now_s < high_s:
                    self._errors_s[bucket].append(error_s)

    def mean_error_s(self) -> dict[str, float | None]:
        """Mean absolute error by horizon; None where nothing was told."""
        return {bucket: round(sum(e) / len(e), 1) if e else None for bucket, e in self._errors_s.items()}

"""The numbers that /metrics shows, and the refusals that the page shows.

Never knows why something is counted; counts are given to it in lumps, not one by one, where they are many.
Specification: prometheus.io/docs/instrumenting/exposition_formats; README.md lists the names.
"""

from collections import Counter as Tally
from collections.abc import Iterable

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

# Every reason is shown from the start: a rate over a counter that appears only with its first event misses that event.
REASONS = (
    "malformed",
    "oversize",
    "unknown_version",
    "unknown_node",
    "replaced_node",
    "wrong_mac",
    "wrong_site",
    "stale_boot_id",
    "too_many_holes",
    "overload",
)


disable_created_metrics()  # type: ignore[no-untyped-call]  # it carries no types


class Metrics:
    """One registry a controller, so that several can live in one process (tests)."""

    def __init__(self, kind_names: dict[int, str]) -> None:
        self.registry = CollectorRegistry()
        self._kind_names = kind_names
        self._refusals: Tally[str] = Tally()
        self._records = Counter("vuzol_records", "Records stored", ["kind"], registry=self.registry)
        self._rejected = Counter("vuzol_rejected", "Envelopes refused", ["reason"], registry=self.registry)
        for reason in REASONS:
            self._rejected.labels(reason)
        self.batches = Counter("vuzol_batches", "Batches stored", registry=self.registry)
        self.commits = Counter("vuzol_commits", "Commits of the store", registry=self.registry)
        self.commit_failures = Counter("vuzol_commit_failures", "Commits that failed", registry=self.registry)
        self.commit_s = Histogram(
            "vuzol_commit_seconds",
            "Time of a commit",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
            registry=self.registry,
        )
        self.refused_duplicates = Counter(
            "vuzol_refused_duplicates", "Records delivered again and not stored again", registry=self.registry
        )
        self.conflicting = Counter(
            "vuzol_conflicting_duplicates",
            "Records delivered again with other bytes than are stored: a defect of the node",
            registry=self.registry,
        )
        self.malformed_bodies = Counter(
            "vuzol_malformed_bodies",
            "Records of a known kind stored raw that could not be read",
            registry=self.registry,
        )
        self.handler_errors = Counter("vuzol_handler_errors", "Events a service failed on", registry=self.registry)
        self.sent = Counter("vuzol_sent", "Envelopes sent", ["type"], registry=self.registry)
        self.dropped = Counter("vuzol_dropped", "Envelopes not sent, the link being down", registry=self.registry)
        self.nodes_online = Gauge("vuzol_nodes_online", "Nodes online", registry=self.registry)
        self.alarms_open = Gauge("vuzol_alarms_open", "Open alarms", ["severity"], registry=self.registry)
        self.link_up = Gauge("vuzol_mqtt_connected", "1 while the broker is connected", registry=self.registry)
        self._rss = Gauge("vuzol_resident_memory_bytes", "Resident memory of this process", registry=self.registry)
        self._process = psutil.Process()

    def rejected(self, reason: str) -> None:
        """An envelope was refused."""
        self._refusals[reason] += 1
        self._rejected.labels(reason).inc()

    def refusals(self) -> dict[str, int]:
        """Refused envelopes by reason, since this process started."""
        return dict(self._refusals)

    def stored(self, kinds: Iterable[int]) -> None:
        """Records of these kinds were stored."""
        for kind, count in Tally(kinds).items():
            self._records.labels(self._kind_names.get(kind, "unknown")).inc(count)

    def text(self) -> bytes:
        """The exposition, in text format 0.0.4."""
        self._rss.set(self._process.memory_info().rss)
        return generate_latest(self.registry)

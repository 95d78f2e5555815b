"""What is wrong now: the facts of a snapshot that somebody has to act on, the gravest first.

Never knows a page or a language, reads no clock. Remembers between snapshots only since when a fact holds.
Specification: controller/web/README.md, "What counts as wrong".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from controller.web.glass import proof
from controller.web.reconciliation import row_state

if TYPE_CHECKING:
    from controller.services.live import DisplayView, Snapshot

BAD = "bad"
WARN = "warn"

# A record is in flight and a picture is newer than its record all the time; only what lasts is worth a person's eye.
GRACE_S: Mapping[str, float] = {"missing": 10.0, "unbalanced": 5.0, "glass": 90.0}
# Refusals stay counted for ever, but stop to be news when none came for so long.
REFUSAL_NEWS_S = 900.0

_ORDER = ("offline", "unbalanced", "conflicting", "missing", "fault", "glass", "refused", "no_data")
_SEVERITY: Mapping[str, str] = {
    "offline": BAD,
    "unbalanced": BAD,
    "conflicting": BAD,
    "missing": WARN,
    "fault": BAD,
    "glass": WARN,
    "refused": WARN,
    "no_data": WARN,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact: its kind, what it is about (a node or a reason), how much of it, since when."""

    kind: str
    subject: str
    name: str
    place: str = ""
    node_kind: str = ""
    amount: int = 0
    since_s: float | None = None

    @property
    def severity(self) -> str:
        """`bad` (act now) or `warn` (look into it)."""
        return _SEVERITY[self.kind]


def _facts(snapshot: Snapshot) -> Iterator[Finding]:
    online = {node.node for node in snapshot.nodes if node.online}
    for node in snapshot.nodes:
        if not node.online:
            yield Finding("offline", node.node, node.name, node.place, node.kind, since_s=node.last_seen_s)
    for row in snapshot.ledger:
        state = row_state(row)
        if state == "unbalanced":
            yield Finding("unbalanced", row.node, row.name, amount=row.difference)
        elif state == "owing":
            yield Finding("missing", row.node, row.name, amount=row.missing)
        if row.conflicting:
            yield Finding("conflicting", row.node, row.name, amount=row.conflicting)
    yield from _glass_facts([display for display in snapshot.displays if display.node in online])
    for reason, count in snapshot.counters.rejected.items():
        if count:
            yield Finding("refused", reason, reason, amount=count)


def _glass_facts(displays: Iterable[DisplayView]) -> Iterator[Finding]:
    for display in displays:
        if display.mode in ("fault", "no_data"):
            yield Finding(display.mode, display.node, display.name, since_s=display.shown_at_s)
        if proof(display) == "newer":
            yield Finding("glass", display.node, display.name)


@dataclass(slots=True)
class Watch:
    """Looks at one snapshot after the other and says what is wrong now."""

    _since: dict[tuple[str, str], float] = field(default_factory=dict)
    _refused: dict[str, tuple[int, float]] = field(default_factory=dict)

    def observe(self, snapshot: Snapshot) -> tuple[Finding, ...]:
        """The findings of this moment. Times are the snapshot's own."""
        now_s = snapshot.time_s
        held: dict[tuple[str, str], float] = {}
        found: list[Finding] = []
        for fact in _facts(snapshot):
            key = (fact.kind, fact.subject)
            held[key] = self._since.get(key, now_s)
            if fact.kind == "refused":
                last_s = self._last_refusal(fact.subject, fact.amount, now_s)
                if now_s - last_s <= REFUSAL_NEWS_S:
                    found.append(_since(fact, last_s))
            elif now_s - held[key] >= GRACE_S.get(fact.kind, 0.0):
                found.append(fact if fact.kind == "offline" or fact.since_s else _since(fact, held[key]))
        self._since = held
        return ranked(found)

    def _last_refusal(self, reason: str, count: int, now_s: float) -> float:
        known, last_s = self._refused.get(reason, (0, now_s))
        if count != known:
            last_s = now_s
        self._refused[reason] = (count, last_s)
        return last_s


def _since(fact: Finding, since_s: float) -> Finding:
    return replace(fact, since_s=since_s)


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Gravest first, then by kind, then by name."""
    return tuple(sorted(findings, key=lambda f: (f.severity != BAD, _ORDER.index(f.kind), f.name)))

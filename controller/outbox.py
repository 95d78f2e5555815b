"""What leaves for the nodes: envelopes on their topics, and commands with an id and a time to live.

Never repeats anything: receipts and boards are made anew, a lost command is ordered again by whoever misses its effect.
Specification: protocols/wire/command.py; protocol.md, guarantee G6.
"""

from collections.abc import Callable

from controller import nodes
from controller.commands import Command
from controller.metrics import Metrics
from controller.sessions import Session
from protocols.wire import command, topics


class Outbox:
    """`publish` is the transport's: topic and bytes; False when it is not connected."""

    def __init__(self, publish: Callable[[str, bytes], bool], metrics: Metrics, now_ms: Callable[[], int]) -> None:
        self._publish = publish
        self._metrics = metrics
        self._now_ms = now_ms
        self._last_id = 0

    def send(self, session: Session, kind: str, envelope: bytes) -> bool:
        """Put an envelope on the way; `kind` names it in the metrics."""
        sent = self._publish(topics.topic(session.entry.site, session.entry.node, "down"), envelope)
        if sent:
            self._metrics.sent.labels(kind).inc()
        return sent

    def order(self, session: Session, one: Command, ttl_s: int) -> int:
        """Send a command; its id, or 0 when the link is down. Raises EncodeError."""
        now_ms = self._now_ms()
        # Ids grow, over restarts and a restored database too: they are microseconds unless two fall into one.
        self._last_id = max(self._last_id + 1, now_ms * 1000)
        kind, version, body = nodes.message_of(session.entry.kind, one)
        sealed = session.command(command.Command(self._last_id, now_ms // 1000, ttl_s, kind, version, body))
        return self._last_id if self.send(session, "command", sealed) else 0

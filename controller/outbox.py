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

RESERVE_IDS = 600_000_000  # ten minutes of them; half is left when the next are reserved


class Outbox:
    """`publish` is the transport's: topic and bytes; False when it is not connected.

    `reserved` is up to where an earlier process may have given ids: nodes take only ids that grow.
    """

    def __init__(
        self, publish: Callable[[str, bytes], bool], metrics: Metrics, now_ms: Callable[[], int], reserved: int
    ) -> None:
        self._publish = publish
        self._metrics = metrics
        self._now_ms = now_ms
        self._last_id = reserved
        self._reserved = reserved

    def ids_to_reserve(self) -> int:
        """Up to where ids have to be reserved now, 0: there are enough. Call `reserve` once that is durable."""
        newest = max(self._last_id, self._now_ms() * 1000)
        return newest + RESERVE_IDS if newest + RESERVE_IDS // 2 > self._reserved else 0

    def reserve(self, up_to: int) -> None:
        """The next process begins behind `up_to`."""
        self._reserved = up_to

    def send(self, session: Session, kind: str, envelope: bytes) -> bool:
        """Put an envelope on the way; `kind` names it in the metrics."""
        sent = self._publish(topics.topic(session.entry.site, session.entry.node, "down"), envelope)
        if sent:
            self._metrics.sent.labels(kind).inc()
        return sent

    def order(self, session: Session, one: Command, ttl_s: int) -> int:
        """Send a command; its id, or 0 when the link is down. Raises EncodeError."""
        now_ms = self._now_ms()
        # They are microseconds, unless two fall into one or the clock was set back.
        self._last_id = max(self._last_id + 1, now_ms * 1000)
        kind, version, body = nodes.message_of(session.entry.kind, one)
        sealed = session.command(command.Command(self._last_id, now_ms // 1000, ttl_s, kind, version, body))
        return self._last_id if self.send(session, "command", sealed) else 0

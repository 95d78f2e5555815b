"""What each stop display is told: the next arrivals at its stop, when they change and every so often.

Never counts down: a board carries moments, and a board that is not renewed expires on the display by itself.
Specification: domain.md, "Stop display"; protocols/schema/stop_display.py.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from controller.commands import ArrivalLine, ShowArrivals
from controller.config import DisplaysConfig
from controller.registry import Registry
from controller.services.arrivals import Arrival
from controller.services.displays import KIND
from controller.services.transit import Transit
from protocols.provisioning import NodeEntry


@dataclass(slots=True)
class _Sent:
    """The board that a display was sent last."""

    at_s: float
    board: ShowArrivals


class Boards:
    """Watches the predictions of every display's stop; `run` belongs to the process's task group."""

    def __init__(
        self,
        registry: Registry,
        config: DisplaysConfig,
        now_s: Callable[[], float],
        transit: Callable[[], Transit | None],
        position_s: Callable[[str], float],
        is_online: Callable[[bytes, float], bool],
        order: Callable[[NodeEntry, ShowArrivals, int], bool],
    ) -> None:
        self._registry = registry
        self._config = config
        self._now_s = now_s
        self._transit = transit
        self._position_s = position_s
        self._is_online = is_online
        self._order = order
        self._sent: dict[bytes, _Sent] = {}

    async def run(self) -> None:
        """Send boards until cancelled."""
        while True:
            for entry in self._registry.of_kind(KIND).values():
                self.refresh(entry)
                await asyncio.sleep(0)  # a hundred stops are predicted without keeping receipts waiting
            await asyncio.sleep(self._config.check_s)

    def forget(self, node: bytes) -> None:
        """The display started anew: it knows no board."""
        self._sent.pop(node, None)

    def refresh(self, entry: NodeEntry) -> None:
        """Send a board if the display should have a new one."""
        transit = self._transit()
        now_s = self._now_s()
        if transit is None or not entry.stop_id or not self._is_online(entry.node, now_s):
            return
        arrivals = transit.predictor.arrivals(entry.stop_id, now_s, self._config.rows)
        board = self._board(arrivals)
        last = self._sent.get(entry.node)
        if last is not None and now_s - last.at_s < self._config.refresh_s and not self._differs(last.board, board):
            return
        if self._order(entry, board, self._config.ttl_s):
            self._sent[entry.node] = _Sent(now_s, board)

    def _board(self, arrivals: Iterable[Arrival]) -> ShowArrivals:
        arrivals = list(arrivals)
        data_s = max(
            (self._position_s(a.vehicle_id) for a in arrivals if a.realtime and a.vehicle_id is not None), default=0
        )
        return ShowArrivals(int(data_s), tuple(map(_line, arrivals)))

    def _differs(self, old: ShowArrivals, new: ShowArrivals) -> bool:
        """True when people would see it."""
        if [_words(line) for line in old.lines] != [_words(line) for line in new.lines]:
            return True
        moved = (abs(a.arrival_s - b.arrival_s) for a, b in zip(old.lines, new.lines, strict=True))
        return any(by_s >= self._config.change_s for by_s in moved)


def _line(arrival: Arrival) -> ArrivalLine:
    return ArrivalLine(int(arrival.shown_s), arrival.route, arrival.headsign, arrival.realtime, arrival.low_floor)


def _words(line: ArrivalLine) -> tuple[str, str, bool, bool]:
    return line.route, line.headsign, line.realtime, line.low_floor

"""An event loop whose time passes only when everybody sleeps: minutes of a bus in milliseconds, the same every time.

Never waits for a descriptor. Specification: asyncio's own BaseEventLoop.time().
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from controller.transports.modbus import Garbled, NoAnswer


class VirtualLoop(asyncio.SelectorEventLoop):
    """Run coroutines on it with run_until_complete()."""

    now_s = 0.0

    def time(self) -> float:
        return self.now_s

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now_s = max(self.now_s, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


@dataclass
class VirtualUnit:
    """A device: what it answers and after how long; None or longer than anybody waits: silence."""

    answer: Callable[[bytes], bytes | None]
    takes_s: float = 0.005
    asked_s: list[float] = field(default_factory=list)


class VirtualLine:
    """A link of modbus_bus.py in virtual time. `garble` says of each answer whether it is damaged on the way."""

    def __init__(self, units: Mapping[int, VirtualUnit], line_s: float = 0.0) -> None:
        self._units = units
        self._line_s = line_s
        self.garble: Callable[[], bool] = lambda: False

    async def open(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""

    def line_s(self, pdu: bytes) -> float:
        return self._line_s

    async def request(self, unit: int, pdu: bytes, timeout_s: float) -> bytes:
        one = self._units[unit]
        one.asked_s.append(asyncio.get_running_loop().time())
        takes_s = self._line_s + one.takes_s
        answer = one.answer(pdu) if takes_s <= timeout_s else None
        await asyncio.sleep(timeout_s if answer is None else takes_s)
        if answer is None:
            raise NoAnswer
        if self.garble():
            raise Garbled
        return answer

"""What a lane is: the order for one node, and the node that a lane makes of it. The table of lanes is in launch.py.
It must never know a backend.
Specification: emulation/README.md, "Lanes".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from emulation.peripherals.flash import Flash
from emulation.peripherals.ports import Clock
from emulation.peripherals.wiring import Wiring

T = TypeVar("T")


@dataclass(frozen=True)
class NodeOrder:
    """Everything a lane needs to make one node; `folder` is the node's own, its files outlive the node."""

    roles: Mapping[str, Mapping[str, int]]
    config: Mapping[str, Any]
    folder: Path
    flash_bytes: int
    heap: str
    unique_id: str
    program: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    flash_map: Mapping[str, int] = field(default_factory=dict)  # board.toml's bytes: the chip's and the kind's
    console: int | None = None  # a pseudo-terminal's master: its console is a serial port, with a REPL behind it
    blank: bool = False  # nothing is on its flash but the boot loader, where the lane has one


class LaneNode(Protocol):
    """A node on some backend. Peripherals are touched inside `call` alone: they live where the backend runs them."""

    clock: Clock
    wiring: Wiring
    flash: Flash

    def call(self, action: Callable[[], T]) -> T: ...

    def on_console(self, action: Callable[[], None]) -> None: ...

    # Inside `call`:

    def power_on(self) -> None: ...

    def power_off(self) -> None: ...

    def close(self) -> None: ...

    @property
    def console(self) -> str: ...

    @property
    def pid(self) -> int | None: ...

    @property
    def exit_status(self) -> int | None: ...

    @property
    def resets(self) -> int: ...

    @property
    def watchdog_bites(self) -> int: ...


@runtime_checkable
class WiredNode(Protocol):
    """A node whose uplink can be joined to something outside; a lane whose time is its own need not have this."""

    def connect_uplink(self, descriptor: int) -> None:
        """To a socket or a pseudo-terminal's master, which stays its owner's."""
        ...


@runtime_checkable
class PacedNode(Protocol):
    """A node whose own time can be made to follow the real clock."""

    def keep_pace(self) -> None: ...


@runtime_checkable
class SteppedNode(Protocol):
    """A node whose time passes only while someone lets it pass; a lane in real time need not have this."""

    def run_until(self, seen: Callable[[], bool], timeout_s: float) -> bool:
        """Let the node's time pass until `seen`, or until `timeout_s` of it have passed: then False."""
        ...

"""A node's end of a connection, as the network sees it: what the node dialled, and how bytes go both ways.
It must never know a protocol, nor how long anything takes: the network decides when it hands over.
Specification: emulation/virtual/device/time_frames.py.
"""

from collections.abc import Callable
from dataclasses import dataclass


def _unheard(_data: bytes) -> None:
    pass


def _nobody() -> None:
    pass


@dataclass(eq=False, slots=True)
class NodeSocket:
    """`open`, `deliver` and `end` are the network's to call; `on_data` and `on_close` are its to set.

    A node that loses its supply says nothing, and then `lost` is set: what is handed over reaches nobody.
    """

    node: str
    host: str
    port: int
    now_us: Callable[[], int]
    open: Callable[[], None]
    deliver: Callable[[bytes], None]
    end: Callable[[], None]
    on_data: Callable[[bytes], None] = _unheard
    on_close: Callable[[], None] = _nobody
    lost: bool = False


Network = Callable[[NodeSocket], None]


def nothing_there(dialled: NodeSocket) -> None:
    """A network without anybody: every connection is refused."""
    dialled.end()

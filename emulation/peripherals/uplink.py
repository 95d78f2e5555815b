"""The far end of a node's uplink: what the node says on that UART goes to whoever is connected, and the other way.

It must never know what is said. Without anybody connected the line is silent.
Specification: boards/README.md, `uplink()`; emulation/rs485.py for a line with several on it.
"""

from collections.abc import Callable


class Uplink:
    """A UartDevice for the node; `on_said` and `hear` for the outside."""

    def __init__(self) -> None:
        self.on_output: Callable[[bytes], None] = lambda _data: None
        self.on_said: Callable[[bytes], None] = lambda _data: None

    def feed(self, data: bytes) -> None:
        self.on_said(data)

    def hear(self, data: bytes) -> None:
        self.on_output(data)

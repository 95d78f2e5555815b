"""The ways between clients and broker: bytes in order, each chunk after its latency, none while the link is down.
It must never know MQTT, nor draw a fault: the links say when a chunk arrives and what is left of it.
Specification: TCP as its users see it: what is lost is sent again, so that a loss is a delay.
"""

from collections.abc import Callable
from typing import Protocol

from emulation.sim.broker_model import BrokerModel, Connection
from emulation.sim.trace import Trace
from emulation.virtual.node_socket import NodeSocket
from emulation.virtual.world import World


class Link(Protocol):
    """One client's way to the broker."""

    def arrives_us(self, sent_us: int) -> int:
        """When what is sent now is there."""
        ...

    def spoil(self, data: bytes) -> bytes:
        """What arrives of a chunk."""
        ...


class _Way:
    """One direction of a connection."""

    def __init__(self, world: World, link: Link, trace: Trace, name: str) -> None:
        self._world = world
        self._link = link
        self._trace = trace
        self._name = name
        self._last_us = 0

    def send(self, now_us: int, data: bytes, deliver: Callable[[bytes], None]) -> None:
        self._trace.note(now_us, self._name, len(data))
        data = self._link.spoil(data)
        self.after(now_us, lambda: deliver(data))

    def after(self, now_us: int, action: Callable[[], None]) -> None:
        """Once everything before has arrived."""
        self._last_us = max(self._last_us, self._link.arrives_us(now_us))
        self._world.call_at(self._last_us, action)


class Network:
    """`links` gives the link of a client by its name: a node's id in hexadecimal figures, or another word."""

    def __init__(self, world: World, broker: BrokerModel, links: Callable[[str], Link], trace: Trace) -> None:
        self._world = world
        self._broker = broker
        self._links = links
        self._trace = trace

    def dial(self, dialled: NodeSocket) -> None:
        """A client asks for a connection to the broker."""
        link = self._links(dialled.node)
        there = _Way(self._world, link, self._trace, f"{dialled.node} >")
        back = _Way(self._world, link, self._trace, f"{dialled.node} <")
        _Dialogue(self._world, self._broker, dialled, there, back)


class _Dialogue:
    """One connection: the client's end and the broker's, and the two ways between them."""

    def __init__(self, world: World, broker: BrokerModel, dialled: NodeSocket, there: _Way, back: _Way) -> None:
        self._world = world
        self._broker = broker
        self._dialled = dialled
        self._back = back
        self._accepted: Connection | None = None
        dialled.on_data = lambda data: there.send(dialled.now_us(), data, self._feed)
        dialled.on_close = lambda: there.after(dialled.now_us(), self._lost)
        there.after(dialled.now_us(), self._arrive)

    def _arrive(self) -> None:
        if not self._broker.running:
            self._end()
            return
        self._accepted = self._broker.accept(self._send, self._end)
        self._back.after(self._world.now_us(), self._dialled.open)

    def _feed(self, data: bytes) -> None:
        if self._accepted is not None:
            self._accepted.feed(data)

    def _lost(self) -> None:
        if self._accepted is not None:
            self._accepted.lost()

    def _send(self, data: bytes) -> None:
        self._back.send(self._world.now_us(), data, self._dialled.deliver)

    def _end(self) -> None:
        self._back.after(self._world.now_us(), self._dialled.end)

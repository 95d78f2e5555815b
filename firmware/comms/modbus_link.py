"""The link over Modbus: the node is a slave, and who polls it takes its envelopes and brings others.

Never opens an envelope, and never calls a record delivered: only the controller's receipt is one.
Specification: protocols/README.md, "Modbus"; protocols/wire/mailbox_node.py, modbus_slave.py.
"""

import sys

from protocols.wire.envelope import peek
from protocols.wire.mailbox_node import NodeMailbox
from protocols.wire.modbus_slave import ModbusSlave, identity


class ModbusLink:
    """`server` hears requests on its line and asks for answers: firmware/comms/modbus_rtu_link.py, modbus_tcp_link.py.

    `will` and `online` are envelopes for the state topic, for whoever polls; set them before run().
    """

    is_asked = True  # nothing goes out of itself: the master paces

    def __init__(self, server, kind, node):  # node: firmware/main.py's Carried
        self._server = server
        self._clock = node.clock
        self._session = node.session
        self._on_event = node.take
        self._mailbox = NodeMailbox(node.session)
        self.slave = ModbusSlave(self._mailbox, kind, identity(*node.identity), node.live)
        self.will = b""
        self.online = b""

    @property
    def connected(self):
        """Whether somebody polls."""
        return self._mailbox.is_polled(self._clock.monotonic_ms())

    @property
    def connects(self):
        return self._mailbox.connects

    def wake(self):
        """Nothing to do: whatever there is to send waits until it is asked for."""

    def offer(self, envelope):
        """Send this envelope when no batch waits, unless a newer one is offered before: it is not journalled."""
        self._mailbox.offer(envelope)

    async def run(self, beat):
        """Serve, for ever."""
        self._mailbox.will, self._mailbox.online = self.will, self.online
        self._mailbox.open(peek(self.online)[2])
        await self._server.run(self, beat)

    def answer(self, request):
        """The PDU of the answer to a request's PDU; settle() when it is on its way."""
        return self.slave.answer(request, self._clock.monotonic_ms())

    def settle(self):
        """What need not keep the master waiting: take the envelope that the request completed, have the next ready."""
        failure, self.slave.failure = self.slave.failure, None
        if isinstance(failure, MemoryError):
            raise failure  # the supervisor's: a link that never finds memory makes the node start anew
        if failure:
            sys.print_exception(failure)
        now_ms = self._clock.monotonic_ms()
        envelope = self.slave.take_complete()
        if envelope:
            for event in self._session.received(envelope, now_ms, self._clock.utc_s()):
                self._on_event(event)
        self._mailbox.prepare(now_ms)

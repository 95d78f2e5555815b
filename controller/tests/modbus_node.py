"""A node on a Modbus bus without its hardware: the device's own session, mailbox and slave over a journal in memory.

Never knows a line: a PDU goes in and a PDU comes out.
Specification: protocols/README.md, "Modbus"; the whole node is firmware/.
"""

from collections.abc import Callable, Iterable

from controller.tests.peer import Peer
from protocols.provisioning import NodeEntry
from protocols.wire import batch, envelope, receipt
from protocols.wire.command_window import CommandWindow
from protocols.wire.mailbox_node import NodeMailbox
from protocols.wire.modbus_slave import ModbusSlave, identity
from protocols.wire.ranges import RangeSet
from protocols.wire.session import CommandReceived, Session


class Journal:
    """What a session needs of a journal, over a peer's records."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.receipted = 0
        self.commands = CommandWindow()

    @property
    def boot_id(self) -> int:
        return self.peer.boot_id

    @property
    def last_seq(self) -> int:
        return max(self.peer.journal, default=0)

    def read(self, first: int, last: int, count: int, size: int) -> tuple[list[tuple[int, bytes]], int]:
        found: list[tuple[int, bytes]] = []
        for seq in range(first, last + 1):
            raw = self.peer.journal[seq]
            if len(found) == count or sum(len(data) for _, data in found) + len(raw) > size:
                return found, seq - 1
            found.append((seq, raw))
        return found, last

    def trim(self, up_to: int) -> None:
        self.receipted = max(self.receipted, up_to)

    def take_command(self, command_id: int) -> bool:
        self.commands.take(command_id)
        return True

    def gap_declared(self, _first: int, _last: int) -> int:
        return 0


class ModbusNode:
    """One node. `clock_ms` is its monotonic clock."""

    def __init__(self, entry: NodeEntry, clock_ms: Callable[[], int], boot_id: int = 1) -> None:
        self.peer = Peer(entry, boot_id)
        self.journal = Journal(self.peer)
        self.commands: list[CommandReceived] = []
        self._clock_ms = clock_ms
        self.boot(boot_id)

    def boot(self, boot_id: int) -> None:
        """Start, with the journal as it was."""
        self.peer.boot_id = boot_id
        entry = self.peer.entry
        self.session = Session(entry.key, entry.node, self.journal, (144,), lambda: 0)
        self.mailbox = NodeMailbox(self.session)
        self.mailbox.will, self.mailbox.online = self.peer.state(online=False), self.peer.state()
        self.mailbox.open(boot_id)
        self.slave = ModbusSlave(self.mailbox, entry.kind, identity(entry.kind, (0, 1, 0), "0"), lambda: ((), ()))

    def answer(self, request: bytes) -> bytes:
        """The answer to a request's PDU."""
        answer = self.slave.answer(request, self._clock_ms())
        complete = self.slave.take_complete()
        if complete:
            happened = self.session.received(complete, self._clock_ms(), 1_792_310_400)
            self.commands += [one for one in happened if isinstance(one, CommandReceived)]
        return answer

    def seqs(self, data: bytes) -> list[int]:
        """The sequence numbers in an envelope that came up; it must be authentic."""
        kind, node, _, payload = envelope.unseal(self.peer.entry.key, data)
        assert (kind, node) == (envelope.BATCH, self.peer.entry.node)
        return [one.seq for one in batch.parse(payload)]

    def receipt(self, seqs: Iterable[int], time_ms: int) -> bytes:
        """What a controller would say that holds these records."""
        stored = RangeSet()
        for seq in seqs:
            stored.add(seq, seq)
        entry, up_to = self.peer.entry, stored.highest()
        return receipt.build(entry.key, entry.node, self.peer.boot_id, up_to, time_ms, stored.missing(up_to))

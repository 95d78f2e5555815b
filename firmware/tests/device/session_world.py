"""A node's journal and session with a small controller above them: what the session's cases are played with.

It must never need a link: envelopes are handed over as bytes, time is a number.
Spec: protocols/wire/session.py; protocol.md, G1 to G9.
"""

from firmware.journal import Journal
from firmware.tests.device.ram_flash import RamFlash
from protocols.wire import batch, command, receipt, record, session
from protocols.wire.envelope import ANY_BOOT, BATCH, unseal
from protocols.wire.messages import boot, gap, result, status
from protocols.wire.ranges import RangeSet

KEY = bytes(range(32))
OTHER_KEY = bytes(32)
NODE = b"\0\0\0\0\0\0\0\xa1"
OTHER_NODE = b"\0\0\0\0\0\0\0\xb2"
NOW_S = 1_790_000_000
KNOWN = 144
UNKNOWN = 200


class Node:
    """A journal and its session; `now_ms` is the node's monotonic clock."""

    def __init__(self, flash=None, chance=0):
        self.flash = flash or RamFlash(8)
        self.journal = Journal(self.flash, lambda: (record.CLOCK_RECEIPT, NOW_S * 1000))
        self.journal.open()
        opened = boot.Boot(self.journal.boot_id, 1, (0, 1, 0), 1, self.journal.depth, 0)
        self.journal.append(boot, opened)
        self.session = session.Session(KEY, NODE, self.journal, (KNOWN,), lambda: chance)
        self.now_ms = 0
        self.session.link_up(0)

    def journals(self, count):
        for number in range(count):
            self.journal.append(status, status.Status(number, 0, 0, 0, 0, 0, 0, 0, 0, 0))

    def sends(self):
        """Every batch that may go out now, as lists of sequence numbers."""
        return [[one.seq for one in records] for records in self.batches()]

    def batches(self):
        found = []
        while True:
            envelope = self.session.next_batch(self.now_ms)
            if envelope is None:
                return found
            kind, node, boot_id, payload = unseal(KEY, envelope)
            assert (kind, node, boot_id) == (BATCH, NODE, self.journal.boot_id)
            found.append(batch.parse(payload))

    def hears(self, envelope, utc_s=NOW_S):
        return self.session.received(envelope, self.now_ms, utc_s)

    def receipt(self, up_to, missing=(), time_s=NOW_S, boot_id=None, key=KEY, node=NODE):
        boot_id = self.journal.boot_id if boot_id is None else boot_id
        return self.hears(receipt.build(key, node, boot_id, up_to, time_s * 1000, list(missing)))

    def results(self):
        found = []
        for _, data in self.journal.records(1):
            one = record.parse(data)[0]
            if one.kind == result.KIND:
                found.append(tuple(result.parse(one.body)))
        return found

    def gaps(self):
        found = []
        for _, data in self.journal.records(1):
            one = record.parse(data)[0]
            if one.kind == gap.KIND:
                found.append(tuple(gap.parse(one.body)))
        return found


class Controller:
    """Stores what arrives and answers each batch, as the real one does."""

    def __init__(self):
        self.stored = RangeSet()
        self.covered = RangeSet()
        self.repeated = 0

    def take(self, records):
        for one in records:
            if one.seq in self.stored:
                self.repeated += 1
            self.stored.add(one.seq, one.seq)
            self.covered.add(one.seq, one.seq)
            if one.kind == gap.KIND:
                declared = gap.parse(one.body)
                assert declared.last_seq < one.seq
                self.covered.add(declared.first_seq, declared.last_seq)

    def answer(self, node):
        up_to = self.covered.highest()
        node.receipt(up_to, self.covered.missing(up_to)[: receipt.MAX_RANGES])

    def drain(self, node, lose=lambda: False, rounds=400):
        """Until nothing waits; `lose()` says whether the next batch or receipt is lost on the way."""
        for _ in range(rounds):
            for records in node.batches():
                if not lose():
                    self.take(records)
                    if not lose():
                        self.answer(node)
            if not node.journal.depth:
                return
            node.now_ms += max(1, node.session.wait_ms(node.now_ms))
        raise AssertionError(f"{node.journal.depth} records still wait")


def an_order(command_id, kind=KNOWN, issued_s=NOW_S, ttl_s=60, boot_id=ANY_BOOT, key=KEY, body=b"body"):
    assert boot_id == ANY_BOOT
    return command.build(key, NODE, command.Command(command_id, issued_s, ttl_s, kind, 1, body))

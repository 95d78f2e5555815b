"""A node as the controller sees it: its journal in memory, its envelopes, the receipts and commands that it got.

Never knows a transport: tests carry the bytes, in any order and as often as they like.
Specification: protocols/README.md; the real node is firmware/, this is the smallest honest peer.
"""

from protocols.provisioning import NodeEntry
from protocols.wire import batch, command, envelope, picture, receipt, record, state, topics
from protocols.wire.messages import boot, cash, gap, position, shown_on_glass, tap
from protocols.wire.node_kinds import kind_id

START_MS = 1_792_310_400_000  # Sunday, 18 October 2026, 11:00 in Kyiv
FIRMWARE = (0, 1, 0)


class Peer:
    """One node. `journal` maps sequence numbers to records in wire form."""

    def __init__(self, entry: NodeEntry, boot_id: int = 1) -> None:
        self.entry = entry
        self.boot_id = boot_id
        self.journal: dict[int, bytes] = {}
        self.receipts: list[receipt.Receipt] = []
        self.receipted: set[int] = set()  # what the last receipt covers
        self.commands: list[command.Command] = []
        self.up = topics.topic(entry.site, entry.node, "up")
        self.down = topics.topic(entry.site, entry.node, "down")
        self.state_topic = topics.topic(entry.site, entry.node, "state")

    def write(self, kind: int, body: bytes, *, version: int = 1, time_ms: int | None = None) -> int:
        """Journal one record; its sequence number."""
        seq = max(self.journal, default=0) + 1
        self.write_as(seq, kind, body, version=version, time_ms=time_ms)
        return seq

    def write_as(self, seq: int, kind: int, body: bytes, *, version: int = 1, time_ms: int | None = None) -> None:
        """Journal one record under a number of the test's choice."""
        at_ms = START_MS + seq * 1000 if time_ms is None else time_ms
        self.journal[seq] = record.build(kind, version, record.CLOCK_GNSS, seq, at_ms, body)

    def tap(self, *, trip_ref: int = 0) -> int:
        """A card is accepted."""
        body = tap.build(
            tap.Tap(
                self.boot_id, tap.RESULT_ACCEPTED, tap.MEDIUM_DESFIRE, tap.FLAGS_ID_STABLE, b"\x5a" * 8, 0, 0, 1, 210,
                self.entry.vehicle, 1, trip_ref, 0, 0, 0,
            )
        )  # fmt: skip
        return self.write(tap.KIND, body)

    def cash(self) -> int:
        """The driver presses the button."""
        return self.write(cash.KIND, cash.build(cash.Cash(self.boot_id, 0, 1, self.entry.vehicle, 0)))

    def position(self, lat: float, lon: float, *, time_ms: int | None = None, trip_ref: int = 0) -> int:
        """The vehicle is here."""
        place = position.Position(self.entry.vehicle, trip_ref, round(lat * 1e7), round(lon * 1e7), 830, 9000, 90, 11)
        return self.write(position.KIND, position.build(place), time_ms=time_ms)

    def shown(self, crc: int, *, rows: int = 2, time_ms: int | None = None) -> int:
        """Arrivals are on the glass."""
        glass = shown_on_glass.ShownOnGlass(1, shown_on_glass.MODE_ARRIVALS, rows, crc, 16, 8, 8)
        return self.write(shown_on_glass.KIND, shown_on_glass.build(glass), time_ms=time_ms)

    def boot(self) -> int:
        """The first record of a boot."""
        started = boot.Boot(self.boot_id, kind_id(self.entry.kind), FIRMWARE, boot.RESET_CAUSE_POWER_ON, 0, 0)
        return self.write(boot.KIND, boot.build(started))

    def declare_gap(self, first: int, last: int) -> int:
        """These numbers will not come."""
        return self.write(gap.KIND, gap.build(gap.Gap(first, last, gap.REASON_TORN_WRITE)))

    def batch(self, first: int = 1, last: int | None = None, *, boot_id: int | None = None) -> bytes:
        """The journalled records first..last, sealed."""
        last = max(self.journal, default=0) if last is None else last
        rows = [raw for seq, raw in sorted(self.journal.items()) if first <= seq <= last]
        return batch.build(self.entry.key, self.entry.node, self.boot_id if boot_id is None else boot_id, rows)

    def state(self, *, online: bool = True, boot_id: int | None = None) -> bytes:
        """Online, or the last will."""
        told = state.State(state.ONLINE if online else state.OFFLINE, kind_id(self.entry.kind), FIRMWARE)
        return state.build(self.entry.key, self.entry.node, self.boot_id if boot_id is None else boot_id, told)

    def picture(self, width: int, height: int, bits: bytes) -> bytes:
        """What stands on the glass."""
        return picture.build(self.entry.key, self.entry.node, self.boot_id, picture.Picture(width, height, bits))

    def hear(self, data: bytes) -> None:
        """Take what came down; it must be ours and authentic."""
        kind, node, _, payload = envelope.unseal(self.entry.key, data)
        assert node == self.entry.node
        if kind == envelope.RECEIPT:
            told = receipt.parse(payload)
            self.receipts.append(told)
            missing = {seq for first, end in told.missing for seq in range(first, end + 1)}
            self.receipted = {seq for seq in self.journal if seq <= told.up_to} - missing
        else:
            assert kind == envelope.COMMAND
            self.commands.append(command.parse(payload))


def make_entry(number: int = 0xA1, kind: str = "fare_validator", **fields: str | int) -> NodeEntry:
    """A registry entry with a key of its own."""
    given = {"site": "demo", "name": f"{kind} {number}", "vehicle_id": "", "vehicle": 0, "stop_id": ""} | fields
    return NodeEntry(number.to_bytes(8, "big"), bytes([number & 0xFF]) * 32, kind=kind, **given)  # type: ignore[arg-type]

"""A node as the controller sees it: its journal in memory, its envelopes, the receipts and commands that it got.

Never knows a transport: tests carry the bytes, in any order and as often as they like.
Specification: protocols/README.md; the real node is firmware/, this is the smallest honest peer.
"""

from protocols.provisioning import NodeEntry
from protocols.wire import batch, command, document, envelope, picture, receipt, record, state, topics
from protocols.wire.messages import boot, cash, event, gap, position, shown_on_glass, tap
from protocols.wire.messages import document as document_record
from protocols.wire.node_kinds import kind_id

START_MS = 1_792_310_400_000  # Sunday, 18 October 2026, 11:00 in Kyiv
FIRST_OF_2000_MS = 946_684_800_000
FIRMWARE = (0, 1, 0)


class Peer:
    """One node. `journal` maps sequence numbers to records in wire form."""

    def __init__(self, entry: NodeEntry, boot_id: int = 1) -> None:
        self.entry = entry
        self.boot_id = boot_id
        self.journal: dict[int, bytes] = {}
        self.receipts: list[receipt.Receipt] = []
        self.receipted: set[int] = set()  # what the last receipt covers
        self.taken_back: set[int] = set()  # what one before it did cover: a node may have forgotten it by then (G3)
        self.commands: list[command.Command] = []
        self.offers: list[document.Offer] = []
        self.chunks: list[document.Chunk] = []
        self.up = topics.topic(entry.site, entry.node, "up")
        self.down = topics.topic(entry.site, entry.node, "down")
        self.state_topic = topics.topic(entry.site, entry.node, "state")

    def write(self, kind: int, body: bytes, *, version: int = 1, time_ms: int | None = None) -> int:
        """Journal one record; its sequence number."""
        seq = max(self.journal, default=0) + 1
        self.write_as(seq, kind, body, version=version, time_ms=time_ms)
        return seq

    def clock_set(self, uptime_ms: int) -> int:
        """The node learned the time."""
        return self.write(
            event.KIND, event.build(event.Event(event.CODE_CLOCK_SET, event.SEVERITY_INFO, uptime_ms, b"clock set"))
        )

    def write_as(self, seq: int, kind: int, body: bytes, *, version: int = 1, time_ms: int | None = None) -> None:
        """Journal one record under a number of the test's choice."""
        at_ms = START_MS + seq * 1000 if time_ms is None else time_ms
        quality = record.CLOCK_GNSS if at_ms >= FIRST_OF_2000_MS else record.CLOCK_UNSET  # else an uptime
        self.journal[seq] = record.build(kind, version, quality, seq, at_ms, body)

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

    def declare_gap(self, first: int, last: int, reason: str = "torn_write") -> int:
        """These numbers will not come."""
        return self.write(gap.KIND, gap.build(gap.Gap(first, last, getattr(gap, f"REASON_{reason.upper()}"))))

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

    def request(self, type_id: int, version: int, offset: int, size: int = document.CHUNK_SIZE) -> bytes:
        """A piece of a document, please."""
        asked = document.build_request(document.Request(type_id, version, offset, size))
        return envelope.seal(self.entry.key, envelope.DOCUMENT_REQUEST, self.entry.node, self.boot_id, asked)

    def tell_document(self, type_id: int, version: int, outcome: int, reason: int, held: int) -> int:
        """What became of an offer."""
        told = document_record.Document(type_id, version, outcome, reason, held)
        return self.write(document_record.KIND, document_record.build(told))

    def hear(self, data: bytes) -> None:
        """Take what came down; it must be ours and authentic."""
        kind, node, boot_id, payload = envelope.unseal(self.entry.key, data)
        assert node == self.entry.node
        if kind == envelope.RECEIPT:
            told = receipt.parse(payload)
            self.receipts.append(told)
            missing = {seq for first, end in told.missing for seq in range(first, end + 1)}
            before, self.receipted = self.receipted, {seq for seq in self.journal if seq <= told.up_to} - missing
            self.taken_back |= before - self.receipted
        elif kind == envelope.DOCUMENT_OFFER:
            self.offers.append(document.parse_offer(payload))
        elif kind == envelope.DOCUMENT_CHUNK:
            assert boot_id == self.boot_id
            self.chunks.append(document.parse_chunk(payload))
        else:
            assert kind == envelope.COMMAND
            self.commands.append(command.parse(payload))


def make_entry(number: int = 0xA1, kind: str = "fare_validator", **fields: str | int) -> NodeEntry:
    """A registry entry with a key of its own."""
    given = {"site": "demo", "name": f"{kind} {number}", "vehicle_id": "", "vehicle": 0, "stop_id": ""} | fields
    return NodeEntry(number.to_bytes(8, "big"), bytes([number & 0xFF]) * 32, kind=kind, **given)  # type: ignore[arg-type]

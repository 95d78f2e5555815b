"""A controller's desk for one node in the node's own time: gives receipts, offers a release, answers for chunks.

It must never know what is in a release, nor touch the node but through its link: MQTT, or the line of a Modbus slave.
Spec: protocols/wire/document.py; emulation/virtual/node_socket.py; controller/transports/mailbox.py.
"""

import socket
from collections.abc import Callable

from controller.transports.mailbox import Mailbox
from emulation.launch import NodeHandle
from emulation.sim import mqtt_packets as packets
from emulation.sim.mqtt_packets import Connect, Message, Publish
from emulation.virtual.node_socket import NodeSocket
from firmware.tests.conftest import KEY, NODE, SITE
from protocols.release import Release
from protocols.wire import batch, document, envelope, modbus_rtu, receipt, record, topics
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import document as told
from protocols.wire.ranges import RangeSet

START_S = 1_790_000_000
LOOK_S = 0.002
ANSWER_S = 0.5
BETWEEN_POLLS_S = 0.03


def _nowhere(_envelope: bytes) -> bool:
    return False


class UpdateDesk:
    """`serves(request)` says whether a chunk is given; `receipts` whether records are answered."""

    def __init__(self) -> None:
        self.release: Release | None = None
        self.serves: Callable[[document.Request], bool] = lambda _request: True
        self.receipts = True
        self.asked: list[document.Request] = []
        self.records: list[record.Record] = []
        self.stored = RangeSet()
        self.send: Callable[[bytes], bool] = _nowhere

    def offer(self, release: Release) -> None:
        """Have the node told of it, now and at every connection."""
        self.release = release
        self.connected()

    def connected(self) -> None:
        one = self.release
        if one is not None:
            identity = document.identity(document.FIRMWARE, one.data)
            offered = document.Offer(document.FIRMWARE, one.manifest.counter, len(one.data), identity, one.signature)
            self.send(document.build_offer(KEY, NODE, offered))

    def told(self) -> list[tuple[int, int, int, int]]:
        """(version, outcome, reason, version that is held) of every record about firmware."""
        found = [told.parse(one.body) for one in self.of_kind(told.KIND)]
        return [(one.version, one.outcome, one.reason, one.held_version) for one in found]

    def of_kind(self, kind: int) -> list[record.Record]:
        return [one for one in self.records if one.kind == kind]

    def hear(self, data: bytes) -> None:
        kind, _, boot_id, payload = envelope.unseal(KEY, data)
        if kind == envelope.DOCUMENT_REQUEST:
            self._answer(document.parse_request(payload), boot_id)
        elif kind == envelope.BATCH:
            for one in batch.parse(payload):
                if one.seq not in self.stored:
                    self.stored.add(one.seq, one.seq)
                    self.records.append(one)
            up_to = self.stored.highest()
            missing = self.stored.missing(up_to)[: receipt.MAX_RANGES]
            if self.receipts:
                self.send(receipt.build(KEY, NODE, boot_id, up_to, START_S * 1000, missing))

    def _answer(self, request: document.Request, boot_id: int) -> None:
        self.asked.append(request)
        if self.release is not None and self.serves(request):
            data = self.release.data[request.offset : request.offset + request.size]
            chunk = document.Chunk(request.type, request.version, request.offset, data)
            self.send(document.build_chunk(KEY, NODE, boot_id, chunk))


class BrokerInTime:
    """A broker of one client: the network of a node in virtual time."""

    def __init__(self, desk: UpdateDesk) -> None:
        self._desk = desk

    def dial(self, dialled: NodeSocket) -> None:
        reader = packets.Reader()

        def heard(data: bytes) -> None:
            for packet in reader.feed(data):
                self._take(dialled, packet)

        def send(data: bytes) -> bool:
            if not dialled.lost:
                dialled.deliver(packets.publish(Publish(Message(topics.topic(SITE, NODE, "down"), data))))
            return not dialled.lost

        dialled.on_data = heard
        self._desk.send = send
        dialled.open()

    def _take(self, dialled: NodeSocket, packet: Connect | Publish | packets.Packet) -> None:
        if isinstance(packet, Connect):
            dialled.deliver(packets.connack(packets.ACCEPTED))
        elif isinstance(packet, Publish):
            dialled.deliver(packets.acknowledge(packets.PUBACK, packet.packet_id))
            self._desk.hear(packet.message.payload)
        elif packet.kind == packets.SUBSCRIBE:
            dialled.deliver(packets.acknowledge(packets.SUBACK, packets.packet_id(packet.body), b"\1"))
            self._desk.connected()
        elif packet.kind == packets.PINGREQ:
            dialled.deliver(packets.packet(packets.PINGRESP << 4))


class LineInTime:
    """The master of a node's serial line: the controller's own mailbox, in step with an emulated board."""

    def __init__(self, node: NodeHandle, unit: int, desk: UpdateDesk) -> None:
        self._node = node
        self._unit = unit
        self._desk = desk
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        node.connect_uplink(self._theirs.fileno())
        self._mailbox = Mailbox(BETWEEN_POLLS_S, self._introduced, self._arrived, lambda: None)
        self._mailbox.open(True)
        self._talk = self._mailbox.talk()
        self._request = next(self._talk)

    def until(self, seen: Callable[[], bool], timeout_s: float) -> bool:
        """Ask and answer in the node's time; False when it was not seen, or when the node lost its power."""
        end_us = self._node._node.clock.now_us() + round(timeout_s * 1e6)
        while not seen():
            if not self._node.alive or self._node._node.clock.now_us() > end_us:
                return False
            if self._request is None:
                self._node.pass_time(BETWEEN_POLLS_S)
                self._request = next(self._talk)
                continue
            answer = self._asked(self._request)
            if answer is None:
                self._mailbox.silent()
                self._node.pass_time(BETWEEN_POLLS_S)
                continue  # it is asked again, until the node is there
            self._request = self._talk.send(answer)
        return True

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()

    def _introduced(self, _node: bytes, _will: bytes, _online: bytes) -> None:
        self._desk.send = self._mailbox.send
        self._desk.connected()

    def _arrived(self, data: bytes) -> None:
        self._desk.hear(data)
        self._mailbox.taken()

    def _asked(self, pdu: bytes) -> bytes | None:
        self._ours.send(modbus_rtu.build(self._unit, pdu))
        heard = b""
        for _ in range(round(ANSWER_S / LOOK_S)):
            self._node.pass_time(LOOK_S)
            try:
                heard += self._ours.recv(4096)
                return modbus_rtu.check(heard)[1]
            except (BlockingIOError, MalformedFrame):
                if not self._node.alive:
                    break
        return None

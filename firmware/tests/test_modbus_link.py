"""A node on Modbus: read by mbpoll and pymodbus over serial line and TCP, its envelopes taken over good and bad lines.

It must never open what the line carries but as the controller does.
Spec: protocols/README.md, "Modbus"; protocols/REGISTERS.md; mbpoll(1); pymodbus 3.16.
"""

import contextlib
import random
import re
import shutil
import socket
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import serial
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from emulation.launch import NodeHandle
from emulation.rs485 import LiveBus
from firmware.tests.capture import CLIENT, Tap, dissect
from firmware.tests.conftest import KEY, NODE, Broker, Desk, free_port, journalled, press, settings_of, wait_for
from firmware.tests.device.slave_world import UNIT, Master, Refusal, read_registers
from protocols.wire import batch, command, envelope, journal_format, mailbox, modbus_rtu, modbus_tcp, receipt, registers
from protocols.wire.live import fare_validator, stop_display
from protocols.wire.messages import assign_trip, cash, result, shown_on_glass
from protocols.wire.ranges import RangeSet

Launch = Callable[..., NodeHandle]
KHARKIV = (49.9935, 36.2304)
ANSWER_S, LOST_S = 3.0, 0.3  # patience on a good line, and on one that loses frames
GAP_S = 0.3  # between frames: a node that is late must not take two for one


def with_uplink(kind: str, **uplink: Any) -> dict[str, Any]:
    return settings_of(kind) | {"uplink": uplink}


@pytest.fixture
def bus() -> Iterator[LiveBus]:
    with LiveBus() as one:
        yield one


@pytest.fixture
def rtu_node(launch: Launch, bus: LiveBus) -> NodeHandle:
    node = launch("fare_validator", with_uplink("fare_validator", transport="modbus_rtu", unit=UNIT))
    node.connect_uplink(bus.line("node"))
    node.wait_console("free sectors", 10)
    return node


@pytest.fixture
def tcp_node(launch: Launch) -> tuple[NodeHandle, int]:
    port = free_port()
    node = launch("fare_validator", with_uplink("fare_validator", transport="modbus_tcp", unit=UNIT, port=port))
    wait_for(lambda: _listens(port), 10, "the node's port")
    return node, port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def mbpoll(*arguments: str) -> str:
    program = shutil.which("mbpoll")
    if program is None:
        pytest.skip("mbpoll is not installed (apt-get install mbpoll)")
    done = subprocess.run([program, "-1", "-0", *arguments], capture_output=True, text=True, timeout=30, check=False)
    return done.stdout + done.stderr


def polled(text: str) -> dict[int, str]:
    return {int(address): value for address, value in re.findall(r"^\[(\d+)\]:\s+(\S+)", text, re.MULTILINE)}


ADDRESSES = {row.name: row.address for row in registers.registers_of("fare_validator")}


def _reads_live_values(node: NodeHandle, *line: str) -> None:
    node.gnss.move(*KHARKIV, speed_mps=8)
    wait_for(lambda: journalled(node, 18), 10, "a position")
    time.sleep(1.1)  # a set of values lasts a second

    def read(name: str, kind: str, count: int = 1) -> dict[int, str]:
        options = ["-t", kind, "-B", "-r", str(ADDRESSES[name]), "-c", str(count), *line]
        return polled(mbpoll("-a", str(UNIT), *options))

    assert read("node_kind", "4") == {ADDRESSES["node_kind"]: "1"}
    assert read("vehicle", "3:int") == {ADDRESSES["vehicle"]: "17"}
    lat, lon = read("lat", "4:float", 2).values()
    assert (float(lat), float(lon)) == pytest.approx(KHARKIV, abs=1e-3)
    assert read("lat_e7", "4:int")[ADDRESSES["lat_e7"]] == str(round(KHARKIV[0] * 1e7))


def test_mbpoll_reads_live_values_over_a_serial_line(rtu_node: NodeHandle, bus: LiveBus) -> None:
    _reads_live_values(rtu_node, "-m", "rtu", "-b", "115200", "-P", "none", bus.terminal("mbpoll"))


def test_mbpoll_reads_live_values_over_tcp(tcp_node: tuple[NodeHandle, int]) -> None:
    node, port = tcp_node
    _reads_live_values(node, "-p", str(port), "127.0.0.1")


def _served(client: Any) -> None:
    with client:
        found = client.read_holding_registers(0, count=25, device_id=UNIT)
        data = b"".join(word.to_bytes(2, "big") for word in found.registers)
        assert registers.unpack(registers.COMMON, data)["node_kind"] == 1
        assert client.read_input_registers(registers.KIND_ADDRESS, count=20, device_id=UNIT).registers[2] == 17
        told = client.read_device_information(read_code=2, device_id=UNIT).information
        assert (told[0], told[1], told[6]) == (b"Vuzol", b"fare_validator", NODE.hex().encode())
        assert client.read_holding_registers(0x2000, count=1, device_id=UNIT).exception_code == 2
        assert client.write_register(5, 1, device_id=UNIT).exception_code == 2
        assert client.write_coil(1, True, device_id=UNIT).exception_code == 1


def test_pymodbus_is_served_over_a_serial_line(rtu_node: NodeHandle, bus: LiveBus) -> None:
    _served(ModbusSerialClient(bus.terminal("pymodbus"), baudrate=115_200, timeout=20))


def test_pymodbus_is_served_over_tcp(tcp_node: tuple[NodeHandle, int]) -> None:
    _served(ModbusTcpClient("127.0.0.1", port=tcp_node[1], timeout=20))


def test_a_display_tells_what_is_on_its_glass(launch: Launch, bus: LiveBus) -> None:
    node = launch("stop_display", with_uplink("stop_display", transport="modbus_rtu", unit=UNIT))
    node.connect_uplink(bus.line("node"))
    wait_for(lambda: any(map(any, node.picture())), 10, "a picture")
    master = Master(SerialLine(bus.terminal("master")).exchange)
    shown = master.live(stop_display.ROWS, registers.KIND_ADDRESS)
    assert (shown["width"], shown["height"], shown["rows"], shown["board_age"]) == (128, 64, 0, None)
    assert shown["mode"] == shown_on_glass.MODE_STARTING
    assert shown["picture_crc"] == zlib.crc32(node.packed_picture())


class SerialLine:
    """The master's side of a serial line: one frame out, one frame back, as fast or as badly as asked."""

    def __init__(self, path: str, byte_by_byte: bool = False, damage: Callable[[bytes], bytes] = bytes):
        self.port = serial.Serial(path, 115_200, timeout=ANSWER_S if damage is bytes else LOST_S)
        self._byte_by_byte = byte_by_byte
        self._damage = damage

    def exchange(self, frame: bytes) -> bytes:
        self.port.reset_input_buffer()
        sent = self._damage(frame)
        for piece in [sent[i : i + 1] for i in range(len(sent))] if self._byte_by_byte else [sent]:
            self.port.write(piece)
            if self._byte_by_byte:
                time.sleep(0.004)
        heard = b""
        while True:
            length = modbus_rtu.response_length(heard) or 2
            if len(heard) >= length > 2:
                return self._damage(heard)
            more = self.port.read(max(length - len(heard), 1))
            if not more:
                return b""
            heard += more


def _reconciles(node: NodeHandle, exchange: Callable[[bytes], bytes]) -> RangeSet:
    """Take and receipt until the node waits for nothing; what was stored."""
    master, stored = Master(exchange), RangeSet()
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        taken = master.take()
        if taken:
            kind, _, boot_id, payload = envelope.unseal(KEY, taken)
            assert kind == envelope.BATCH
            for one in batch.parse(payload):
                stored.add(one.seq, one.seq)
            missing = stored.missing(stored.highest())[: receipt.MAX_RANGES]
            now_ms = int(time.time() * 1000)
            master.bring(receipt.build(KEY, NODE, boot_id, stored.highest(), now_ms, missing))
        image = journal_format.read_image(node.flash_image())
        if image.records and image.receipted == len(image.records) and stored.pairs() == [(1, image.receipted)]:
            return stored
    raise AssertionError(node.console[-2000:])


@pytest.mark.parametrize("byte_by_byte", [False, True], ids=["whole", "byte by byte"])
def test_records_are_taken_and_receipts_free_them(rtu_node: NodeHandle, bus: LiveBus, byte_by_byte: bool) -> None:
    press(rtu_node)
    line = SerialLine(bus.terminal("master"), byte_by_byte)
    assert _reconciles(rtu_node, line.exchange).highest() >= 3
    assert rtu_node.restarts == 0


def test_a_line_that_loses_and_corrupts_frames_costs_no_record(rtu_node: NodeHandle, bus: LiveBus) -> None:
    dice = random.Random(3)

    def damage(frame: bytes) -> bytes:
        chance = dice.random()
        if chance < 0.05:
            return b""
        if chance < 0.15:
            at = dice.randrange(len(frame))
            return frame[:at] + bytes((frame[at] ^ 1 << dice.randrange(8),)) + frame[at + 1 :]
        return frame[: dice.randrange(len(frame))] if chance < 0.18 else frame

    for _ in range(3):
        press(rtu_node)
    line = SerialLine(bus.terminal("master"), damage=damage)
    _reconciles(rtu_node, line.exchange)
    assert len(journalled(rtu_node, cash.KIND)) == 3


def test_a_command_through_the_mailbox_ends_in_its_result(rtu_node: NodeHandle, bus: LiveBus) -> None:
    line = SerialLine(bus.terminal("master"))
    _reconciles(rtu_node, line.exchange)  # it has the time now
    body = assign_trip.build(assign_trip.AssignTrip(4711, b"3A".ljust(8, b"\0")))
    order = command.Command(9, int(time.time()), 60, assign_trip.KIND, 1, body)
    master = Master(line.exchange)
    master.bring(command.build(KEY, NODE, order))
    wait_for(lambda: journalled(rtu_node, result.KIND), 10, "a result")
    assert result.parse(journalled(rtu_node, result.KIND)[0].body).outcome == result.OUTCOME_DONE
    time.sleep(1.1)
    assert master.live(fare_validator.ROWS, registers.KIND_ADDRESS)["trip_ref"] == 4711


def test_others_on_the_bus_are_met_with_silence(rtu_node: NodeHandle, bus: LiveBus) -> None:
    line = SerialLine(bus.terminal("master"))
    said: list[bytes] = []
    bus.bus.on_heard = lambda _us, name, data: said.append(data) if name == "node" else None
    for unit in (0, UNIT + 1, 247):
        line.port.write(modbus_rtu.build(unit, read_registers(0, 2)))
        time.sleep(GAP_S)
        line.port.write(modbus_rtu.build(unit, b"\x03\x04\x00\x07\x00\x07"))
        time.sleep(GAP_S)
    line.port.write(b"\x07\x03\x00\x00\x00\x02\x00\x00")  # to this unit, with a wrong CRC
    time.sleep(GAP_S)
    assert said == []
    common = Master(line.exchange).live(registers.COMMON, 0)
    assert (common["bus_messages"], common["bus_crc_errors"]) == (1, 1)


def test_a_restarted_node_is_known_by_its_boot_id_and_says_everything_again(rtu_node: NodeHandle, bus: LiveBus) -> None:
    line = SerialLine(bus.terminal("master"))
    master = Master(line.exchange)
    before = master.status()
    taken = master.take()
    rtu_node.cut_power()
    rtu_node.start()
    wait_for(lambda: line.exchange(modbus_rtu.build(UNIT, read_registers(0, 1))), 10, "an answer")
    after = master.status()
    assert (after.boot_id, after.down_number) == (before.boot_id + 1, 0)
    with pytest.raises(Refusal):
        master.file(before.up_number)
    assert master.take() is None  # it has to look where to go on
    assert (
        batch.parse(envelope.unseal(KEY, master.take() or b"")[3])[0] == batch.parse(envelope.unseal(KEY, taken)[3])[0]
    )
    assert envelope.peek(master.file(mailbox.WILL_FILE))[2] == after.boot_id


# TCP.


def _hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(100) == b""
    except ConnectionError:
        return True


def test_masters_beyond_the_bound_are_turned_away_and_strangers_cost_nothing(tcp_node: tuple[NodeHandle, int]) -> None:
    node, port = tcp_node
    request = modbus_tcp.build(1, UNIT, read_registers(0, 1))
    with contextlib.ExitStack() as connections:

        def connected() -> socket.socket:
            return connections.enter_context(socket.create_connection(("127.0.0.1", port), 5))

        stranger, master, *_ = masters = [connected() for _ in range(4)]
        for one in masters:
            one.sendall(request)
            assert len(one.recv(100)) == 11
        assert _hung_up(connected())
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert _hung_up(stranger)
        other_unit = modbus_tcp.build(2, UNIT + 1, read_registers(0, 1))
        master.sendall(other_unit + modbus_tcp.build(3, modbus_tcp.ITSELF, read_registers(0, 1)))
        assert modbus_tcp.parse_header(master.recv(100)[:7]) == (3, modbus_tcp.ITSELF, 4)
        newcomer = connected()
        newcomer.sendall(request)
        assert len(newcomer.recv(100)) == 11
    assert node.restarts == 0


def test_envelopes_travel_over_tcp_and_tshark_finds_nothing_malformed(
    tcp_node: tuple[NodeHandle, int], tmp_path: Path
) -> None:
    node, port = tcp_node
    tap = Tap(port)
    connection = socket.create_connection(("127.0.0.1", tap.port), 5)

    def exchange(frame: bytes) -> bytes:
        unit, pdu = modbus_rtu.check(frame)
        connection.sendall(modbus_tcp.build(17, unit, pdu))
        header = connection.recv(modbus_tcp.HEADER_SIZE, socket.MSG_WAITALL)
        _, unit, size = modbus_tcp.parse_header(header)
        return modbus_rtu.build(unit, connection.recv(size, socket.MSG_WAITALL))

    _reconciles(node, exchange)
    master = Master(exchange)
    master.file(mailbox.WILL_FILE)
    master.ask(b"\x2b\x0e\x02\x00")
    with pytest.raises(Refusal):
        master.ask(read_registers(0x2000, 1))
    connection.close()
    tap.close()
    path = tmp_path / "modbus.pcap"
    tap.write(path, modbus_tcp.PORT)
    functions = dissect(path, "-Y", "modbus", "-T", "fields", "-e", "modbus.func_code")
    assert {"3", "16", "20", "43"} <= {one for line in functions for one in line.split(",")}
    assert dissect(path, "-Y", "_ws.malformed") == []


def test_tshark_finds_nothing_malformed_in_a_nodes_mqtt(
    launch: Launch, broker: Broker, desk: Desk, tmp_path: Path
) -> None:
    tap = Tap(broker.port)
    node = launch("fare_validator", settings_of("fare_validator", tap.port))
    press(node)
    desk.wait_for(cash.KIND)
    wait_for(lambda: journal_format.read_image(node.flash_image()).receipted >= 2, 10, "a receipt")
    node.cut_power()
    tap.close()
    path = tmp_path / "mqtt.pcap"
    tap.write(path, 1883)
    kinds = dissect(path, "-Y", "mqtt", "-T", "fields", "-e", "mqtt.msgtype")
    assert {"1", "2", "3", "4", "8", "9"} <= {one for line in kinds for one in line.split(",")}
    assert dissect(path, "-Y", "_ws.malformed") == []


@pytest.mark.parametrize(
    ("port", "spoilt"),
    [(1883, b"\x30\x05\xff\xfftop"), (modbus_tcp.PORT, modbus_tcp.build(1, UNIT, b"\x14\x0e\x06\x00"))],
)
def test_tshark_would_have_found_it(port: int, spoilt: bytes, tmp_path: Path) -> None:
    """A topic longer than its packet, and a request that ends in the midst of a file's number."""
    tap = Tap(port)
    tap.close()
    tap.connections.append([(1.0, CLIENT, spoilt)])
    path = tmp_path / "spoilt.pcap"
    tap.write(path, port)
    assert dissect(path, "-Y", "_ws.malformed")

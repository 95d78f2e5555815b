"""What a node answers as a Modbus slave: registers, identification, what it refuses, and what it hears on the line.

It must never need a line: frames are handed over as bytes, time is a number.
Spec: protocols/README.md, "Modbus"; Modbus Application Protocol V1.1b3; protocols/wire/registers.py.
"""

from binascii import hexlify

from firmware.tests.device.session_world import NODE
from firmware.tests.device.slave_world import OWN, UNIT, Slave, read_file, read_registers, sub_requests, write_down
from protocols.wire import mailbox, modbus_rtu, registers
from protocols.wire.live import stop_display

FUNCTION, ADDRESS, VALUE, FAILURE = 1, 2, 3, 4
OTHER = 9


# Registers.


def test_live_values_are_read_by_either_function_common_ones_first():
    slave = Slave()
    for function in (0x03, 0x04):
        answer = slave.ask(read_registers(0, 25, function))
        assert answer[:2] == bytes((function, 50))
        common = registers.unpack(registers.COMMON, answer[2:])
        assert (common["map_version"], common["node_kind"], common["boot_id"]) == (1, 2, 1)
        assert common["utc_s"] is None
    answer = slave.ask(read_registers(registers.KIND_ADDRESS, 9))
    assert registers.unpack(stop_display.ROWS, answer[2:])["picture_crc"] == OWN[3]


def test_a_set_of_values_belongs_together_and_says_which_it_is():
    slave = Slave()
    first = slave.ask(read_registers(0, 41))
    slave.own = (7,) * 7
    slave.node.now_ms += 999
    assert slave.ask(read_registers(0, 41)) == first
    slave.node.now_ms += 1
    later = slave.ask(read_registers(0, 41))
    assert later[2:4] != first[2:4]
    assert registers.unpack(stop_display.ROWS, later[2 + 2 * registers.KIND_ADDRESS :])["width"] == 7


def test_what_is_too_large_reads_as_the_largest_and_what_is_not_known_as_not_known():
    rows = (("a", "u16", "", 1, ""), ("b", "i16", "", 0.5, ""), ("c", "f32", "", 1, ""), ("d", "u64", "", 1, ""))
    values = registers.unpack(rows, registers.pack(rows, (70_000, -40_000, None, None)))
    assert (values["a"], values["b"], values["c"], values["d"]) == (0xFFFE, -0x7FFF / 2, None, None)


def test_what_cannot_be_read_is_refused_with_the_right_exception():
    for request, code in (
        (read_registers(0, 0), VALUE),
        (read_registers(0, 126), VALUE),
        (read_registers(0, 1)[:-1], VALUE),
        (read_registers(40, 10), ADDRESS),
        (read_registers(0x1000, 1), ADDRESS),
        (read_registers(mailbox.STATUS_ADDRESS, 9), ADDRESS),
        (read_registers(mailbox.DOWN_ADDRESS, 1), ADDRESS),
        (b"\x01\x00\x00\x00\x01", FUNCTION),
        (b"\x2b\x0d\x00\x00", FUNCTION),
        (b"\x83", FUNCTION),
        (b"\x14", VALUE),
        (b"\x14\x06\x06\x00\x01\x00\x00\x00", VALUE),
        (b"\x14\x07\x05\x00\x01\x00\x00\x00\x01", ADDRESS),
        (read_file(1, 0, 0), VALUE),
        (read_file(mailbox.WILL_FILE, 0, 122), VALUE),
        (b"\x14" + sub_requests((mailbox.WILL_FILE, 0, 60), (mailbox.WILL_FILE, 0, 62)), VALUE),
    ):
        slave = Slave()
        answer = slave.ask(request)
        assert answer == bytes((request[0] | 0x80, code)), (request, answer)
        assert slave.slave.exceptions == 1


def test_every_write_but_the_mailbox_is_refused_and_counted():
    slave = Slave()
    chunk = mailbox.pack_down(b"x" * 40, 1, 0)
    requests = (
        (b"\x06\x00\x05\x00\x01", ADDRESS),
        (b"\x06\xf1\x00\x00\x01", ADDRESS),
        (b"\x10\x00\x00\x00\x01\x02\x00\x01", ADDRESS),
        (b"\x10\xf1\x00\x00\x02\x02\x00\x01", VALUE),
        (write_down(chunk)[:-1], VALUE),
        (write_down(chunk[:6]), VALUE),
        (b"\x15\x09\x05\x00\x01\x00\x00\x00\x01\x00\x04", ADDRESS),
        (b"\x15\x09\x06\x00\x01\x00\x00\x00\x02\x00\x04", VALUE),
    )
    for request, code in requests:
        assert slave.ask(request) == bytes((request[0] | 0x80, code)), request
    assert slave.slave.refused_writes == len(requests)
    slave.node.now_ms += 1000
    common = registers.unpack(registers.COMMON, slave.ask(read_registers(0, 25))[2:])
    assert (common["bus_refused_writes"], common["bus_messages"]) == (len(requests), len(requests) + 1)


def test_a_failure_of_our_own_is_an_exception_too():
    slave = Slave()
    slave.own = None
    assert slave.ask(read_registers(0, 1)) == bytes((0x83, FAILURE))
    assert slave.slave.failure is not None
    slave.own = OWN
    assert slave.ask(read_registers(0, 1))[0] == 0x03


# Identification.


def test_identification_by_stream_and_one_by_one():
    slave = Slave()
    basic = b"\x00\x05Vuzol\x01\x0cstop_display\x02\x051.2.3"
    regular = basic + b"\x04\x12Vuzol stop_display\x06\x10" + hexlify(NODE)
    assert slave.ask(b"\x2b\x0e\x01\x00") == b"\x2b\x0e\x01\x82\x00\x00\x03" + basic
    assert slave.ask(b"\x2b\x0e\x02\x00") == b"\x2b\x0e\x02\x82\x00\x00\x05" + regular
    assert slave.ask(b"\x2b\x0e\x03\x63") == b"\x2b\x0e\x03\x82\x00\x00\x05" + regular
    assert slave.ask(b"\x2b\x0e\x01\x02") == b"\x2b\x0e\x01\x82\x00\x00\x01\x02\x051.2.3"
    assert slave.ask(b"\x2b\x0e\x04\x00") == b"\x2b\x0e\x04\x82\x00\x00\x01\x00\x05Vuzol"
    assert slave.ask(b"\x2b\x0e\x04\x05") == bytes((0xAB, ADDRESS))
    assert slave.ask(b"\x2b\x0e\x05\x00") == bytes((0xAB, VALUE))


# The line.


def test_a_request_is_heard_whole_byte_by_byte_and_behind_the_traffic_of_others():
    slave = Slave()
    request = modbus_rtu.build(UNIT, read_registers(0, 2))
    other = modbus_rtu.build(OTHER, read_registers(0, 2)) + modbus_rtu.build(OTHER, b"\x03\x04\x00\x07\x03\x00")
    answer = slave.hear(request)
    assert answer[:3] == b"\x07\x03\x04"
    for byte in request[:-1]:
        assert slave.hear(bytes((byte,))) == b""
    assert slave.hear(request[-1:]) == answer
    assert slave.hear(other + request) == answer
    assert slave.receiver.crc_errors == 0


def test_other_units_broadcasts_and_noise_are_met_with_silence():
    slave = Slave()
    for unit in (0, OTHER, 255):
        for pdu in (read_registers(0, 2), b"\x06\x00\x00\x00\x07", b"\x41\x07"):
            assert slave.hear(modbus_rtu.build(unit, pdu)) == b""
    assert slave.hear(b"\x00\xff" * 100) == b""
    assert (slave.slave.messages, slave.receiver.crc_errors, slave.receiver.waits) == (0, 0, False)


def test_a_flipped_bit_is_met_with_silence_and_the_next_request_is_heard():
    slave = Slave()
    request = modbus_rtu.build(UNIT, read_registers(0, 2))
    for bit in range(8 * len(request)):
        broken = bytearray(request)
        broken[bit // 8] ^= 1 << bit % 8
        assert slave.hear(bytes(broken)) == b"", bit
        if slave.receiver.waits:
            slave.receiver.give_up()
        assert slave.hear(request) != b"", bit
    assert slave.receiver.crc_errors > 0


def test_a_request_that_is_cut_off_is_given_up():
    slave = Slave()
    request = modbus_rtu.build(UNIT, read_registers(0, 2))
    assert slave.hear(request[:5]) == b""
    assert slave.receiver.waits
    slave.receiver.give_up()
    assert slave.receiver.crc_errors == 1
    assert slave.hear(request) != b""


def test_an_unknown_function_ends_with_its_burst():
    assert Slave().hear(modbus_rtu.build(UNIT, b"\x41\x01\x02\x03"))[:3] == bytes((UNIT, 0xC1, FUNCTION))


def test_the_silence_of_the_serial_line_guide():
    assert (modbus_rtu.t35_us(9600), modbus_rtu.character_us(9600)) == (4011, 1146)
    assert (modbus_rtu.t35_us(19_200), modbus_rtu.t35_us(115_200)) == (2006, 1750)

"""What the parsers of the particle sensors make of frames: whole, slipped, cut, damaged; the same on both interpreters.

It must never need more than the parsers: bytes in, values out.
Spec: firmware/drivers/pms5003.py, firmware/drivers/shdlc.py, firmware/drivers/sps30.py.
"""

from struct import pack

from firmware.drivers import shdlc, sps30
from firmware.drivers.pms5003 import Particles, PmsReader
from firmware.drivers.sensor_fault import SensorFault
from firmware.tests.device.fuzz_cases import Dice

ROUNDS = 500
VALUES = (12, 20, 24, 10, 15, 22, 2100, 700, 450, 300, 12, 2)
FLOATS = (5.25, 9.5, 12.5, 13.25, 26.25, 37.0, 41.5, 42.5, 42.75, 0.75)


def frame(values=VALUES):
    body = b"\x42\x4d" + pack(">H12HBB", 28, *values, 0x97, 0)
    return body + pack(">H", sum(body))


def answer(data, command=3, state=0):
    content = bytes((0, command, state, len(data))) + data
    out = b""
    for byte in content + bytes((~sum(content) & 0xFF,)):
        out += bytes((0x7D, byte ^ 0x20)) if byte in shdlc.ESCAPED else bytes((byte,))
    return b"\x7e" + out + b"\x7e"


def reason_of(value):
    """Why the SPS30's values are refused when the first of them is `value`."""
    try:
        sps30.measured(pack(">10f", value, *FLOATS[1:]))
    except SensorFault as fault:
        return fault.reason
    return "taken"


def test_a_pms_frame_becomes_its_twelve_values():
    reader = PmsReader()
    assert reader.feed(frame()) == [Particles(*VALUES)]
    assert (reader.frames, reader.checksum, reader.skipped) == (1, 0, 0)


def test_pms_bytes_may_come_one_at_a_time():
    reader = PmsReader()
    data = frame() * 3
    found = [each for at in range(len(data)) for each in reader.feed(data[at : at + 1])]
    assert len(found) == 3


def test_a_slipped_pms_stream_is_found_again_at_the_next_frame():
    reader = PmsReader()
    assert len(reader.feed(frame()[5:] + frame() + frame())) == 2
    assert reader.skipped == 27


def test_a_pms_frame_that_was_cut_costs_only_itself():
    for kept in range(1, 32):
        reader = PmsReader()
        assert reader.feed(frame()[:kept] + frame() + frame()) == [Particles(*VALUES)] * 2, kept
        assert reader.skipped == kept
    assert reader.checksum == 1


def test_any_damaged_byte_of_a_pms_frame_costs_only_that_frame():
    for at in range(32):
        reader = PmsReader()
        damaged = bytearray(frame())
        damaged[at] ^= 0x10
        assert len(reader.feed(frame() + damaged + frame())) == 2, at
        assert reader.frames == 2
        assert reader.skipped == 32


def test_a_start_inside_the_data_is_no_frame():
    values = (0x424D, 28) + VALUES[2:]
    reader = PmsReader()
    assert reader.feed(frame(values) + frame()) == [Particles(*values), Particles(*VALUES)]
    reader = PmsReader()
    assert reader.feed(frame(values)[4:] + frame() + frame()) == [Particles(*VALUES)] * 2


def test_the_answer_to_a_pms_command_is_told_from_values():
    reader = PmsReader()
    assert reader.feed(b"\x42\x4d\x00\x04\xe1\x00\x01\x74") == [(0xE1, 0)]


def test_no_bytes_make_the_pms_reader_fail_or_stay_deaf():
    dice = Dice(5003)
    reader = PmsReader()
    for _ in range(ROUNDS):
        reader.feed(dice.damaged(frame()) + dice.noise(dice.below(40)))
        assert reader.feed(bytes(32) + frame())[-1] == Particles(*VALUES)


def test_an_shdlc_answer_is_unpacked_wherever_it_is_cut():
    data = answer(b"\x7e\x7d\x11\x13\x00", 0xD0) + answer(b"")
    reader = shdlc.ShdlcReader()
    found = [each for at in range(len(data)) for each in reader.feed(data[at : at + 1])]
    assert found == [shdlc.Answer(0, 0xD0, 0, b"\x7e\x7d\x11\x13\x00"), shdlc.Answer(0, 3, 0, b"")]


def test_shdlc_requests_are_those_of_the_datasheet():
    assert shdlc.request(0, 0x00, b"\x01\x03") == b"\x7e\x00\x00\x02\x01\x03\xf9\x7e"  # 5.3.1
    assert shdlc.request(0, 0x01) == b"\x7e\x00\x01\x00\xfe\x7e"  # 5.3.2
    assert shdlc.request(0, 0x03) == b"\x7e\x00\x03\x00\xfc\x7e"  # 5.3.3
    assert shdlc.request(0, 0x11) == b"\x7e\x00\x7d\x31\x00\xee\x7e"  # 5.3.5


def test_a_damaged_shdlc_frame_costs_only_itself():
    for at in range(1, 9):
        reader = shdlc.ShdlcReader()
        damaged = bytearray(answer(b"\x01\x02\x03\x04"))
        damaged[at] ^= 0x40
        assert len(reader.feed(answer(b"") + damaged + answer(b""))) == 2, at
        assert reader.checksum + reader.malformed == 1


def test_no_bytes_make_the_shdlc_reader_fail_or_stay_deaf():
    dice = Dice(30)
    reader = shdlc.ShdlcReader()
    for _ in range(ROUNDS):
        reader.feed(dice.damaged(answer(dice.noise(20))) + dice.noise(dice.below(300)))
        assert reader.feed(b"\x7e" + answer(b"\x01"))[-1].data == b"\x01"


def test_forty_bytes_are_ten_floats():
    assert sps30.measured(pack(">10f", *FLOATS)) == FLOATS


def test_what_is_no_number_is_refused():
    for bad in (float("nan"), float("inf"), -1.0, 1e9):
        assert reason_of(bad) == "bad_value", bad


def test_the_crc_is_that_of_the_datasheet():
    assert sps30.crc8(b"\xbe\xef") == 0x92  # 6.2

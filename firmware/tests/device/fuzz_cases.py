"""Hostile bytes against the two parsers that read from outside: the PN532's frames and NMEA.

It must never see anything raised but what a parser declares, nor a value out of its range.
Spec: style, "hostile bytes never raise past the session"; the same seeds run on both interpreters.
"""

from firmware.drivers import pn532_frame as frame
from firmware.drivers.nmea import NmeaReader
from firmware.tests.device.nmea_cases import GGA, RMC
from protocols.tests.dice import Dice

ROUNDS = 4000
REASONS = ("no_start", "truncated", "bad_length", "bad_checksum", "wrong_direction")


def answer_frame(data):
    """A frame of the chip around the answer code and data."""
    body = b"\xd5" + data
    length = bytes((len(body),)) if len(body) < 256 else b"\xff\xff" + bytes((len(body) >> 8, len(body) & 0xFF))
    check = -sum(length[-2:]) & 0xFF
    return b"\x00\x00\xff" + length + bytes((check,)) + body + bytes((-sum(body) & 0xFF, 0))


def feed_frame(data):
    """Checks what the frame parser says of any bytes; the answer's data, or None."""
    failure = None
    try:
        kind, start, end = frame.decode(data, len(data))
    except frame.FrameError as error:
        failure = error
    if failure is not None:
        assert failure.reason in REASONS, failure.reason
        assert (failure.needed > len(data)) == (failure.reason == "truncated"), (failure.reason, failure.needed)
        return None
    assert 0 <= start <= end <= len(data)
    return data[start:end] if kind == frame.KIND_ANSWER else None


def feed_nmea(reader, data):
    """Checks that whatever fixes come out lie on this planet."""
    for fix in reader.feed(data):
        if fix.valid:
            assert -900000000 <= fix.lat_e7 <= 900000000
            assert -1800000000 <= fix.lon_e7 <= 1800000000
        else:
            assert fix.lat_e7 is None
            assert fix.lon_e7 is None
        assert fix.speed_cmps is None or 0 <= fix.speed_cmps <= 0x1FFFF
        assert fix.course_cdeg is None or 0 <= fix.course_cdeg <= 36000
        assert fix.satellites is None or 0 <= fix.satellites <= 99
        assert fix.hdop_c is None or 0 <= fix.hdop_c <= 9999
        assert fix.utc_ms is None or 315532800000 <= fix.utc_ms < 3471292861000


def test_frames_come_back_whole_and_from_behind_garbage():
    dice = Dice(1)
    for _ in range(500):
        data = dice.noise(1 + dice.below(264))
        whole = answer_frame(data)
        assert feed_frame(whole) == data
        assert feed_frame(b"\x55\x00\x01" + whole + dice.noise(3)) == data
        assert feed_frame(whole[: dice.below(len(whole) - 1)]) is None


def test_noise_is_no_frame_and_raises_nothing_undeclared():
    dice = Dice(2)
    for _ in range(ROUNDS):
        feed_frame(dice.noise(dice.below(40)))
        feed_frame(b"\x00\x00\xff" + dice.noise(dice.below(40)))
        feed_frame(b"\x00\x00\xff\xff\xff" + dice.noise(dice.below(10)))


def test_damaged_frames_raise_nothing_undeclared():
    dice = Dice(3)
    target = answer_frame(b"\x4b\x01\x01\x00\x04\x08\x04\xde\xad\xbe\xef")
    for _ in range(ROUNDS):
        feed_frame(dice.damaged(target))
        feed_frame(dice.damaged(frame.ACK))


def test_a_flipped_bit_is_always_seen():
    data = b"\x41\x00\x90\x00"
    whole = answer_frame(data)
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        read = feed_frame(bytes(broken))
        # the preamble and the postamble carry nothing, and are looked at by nobody
        assert read is None or read == data, bit


def test_noise_is_no_sentence_and_raises_nothing():
    dice = Dice(4)
    reader = NmeaReader()
    for _ in range(ROUNDS // 4):
        feed_nmea(reader, dice.noise(dice.below(200)))
    assert reader.sentences == 0


def test_damaged_sentences_raise_nothing():
    dice = Dice(5)
    reader = NmeaReader()
    for _ in range(ROUNDS // 2):
        feed_nmea(reader, dice.damaged(GGA))
        feed_nmea(reader, dice.damaged(RMC))
    assert reader.checksum > 100
    assert reader.malformed > 100


def test_nonsense_in_a_rightly_summed_sentence_raises_nothing():
    dice = Dice(6)
    reader = NmeaReader()
    for _ in range(ROUNDS // 2):
        body = dice.damaged((RMC, GGA)[dice.below(2)][1:-5]).replace(b"$", b"").replace(b"\r", b"").replace(b"\n", b"")
        check = 0
        for byte in body:
            check ^= byte
        feed_nmea(reader, b"$" + body + b"*%02X\r\n" % check)
    assert reader.checksum == 0
    assert reader.malformed > 100
    assert reader.sentences > 100

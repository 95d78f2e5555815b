"""Conversations with the PN532 model, byte for byte: what the manual promises a host, also when the host misbehaves.

It must never go through a driver of ours.
Specification: UM0701-02 sections 6.2 and 7; the SAMConfiguration vector is nfcpy's.
"""

import pytest

from emulation.peripherals import cards, pn532_frames
from emulation.peripherals.clock import ManualClock
from emulation.peripherals.pn532 import Pn532
from emulation.peripherals.pn532_i2c import Pn532OnI2C
from emulation.peripherals.ports import i2c_read, i2c_write
from emulation.peripherals.rf_field import RfField

SAM_CONFIGURATION = bytes.fromhex("0000ff05fbd4140100001700")
SAM_CONFIGURED = bytes.fromhex("0000ff02fed5151600")
LIST_ONE = bytes.fromhex("4a0100")
LIST_TWO = bytes.fromhex("4a0200")
TRY_TWICE = bytes.fromhex("3205000001")  # MaxRetries: MxRtyPassiveActivation 1
SECOND_US = 1_000_000


def framed(data: bytes) -> bytes:
    """A host's frame around a command code and its parameters."""
    body = b"\xd4" + data
    return b"\x00\x00\xff" + bytes((len(body), -len(body) & 0xFF)) + body + bytes((-sum(body) & 0xFF, 0))


class Host:
    """The other end of the bus; `say` and `hear` are whole I2C transfers."""

    def __init__(self, configured: bool = True) -> None:
        self.clock = ManualClock()
        self.field = RfField(self.clock)
        self.chip = Pn532(self.clock, self.field)
        self.bus = Pn532OnI2C(self.chip)
        if configured:
            assert self.ask(SAM_CONFIGURATION[6:9]) == b"\x15"

    def say(self, frame: bytes) -> None:
        assert i2c_write(self.bus, frame) == len(frame)

    def hear(self, within_us: int = SECOND_US) -> bytes | None:
        """The next frame, None when none is ready in that time."""
        until_us = self.clock.now_us() + within_us
        while i2c_read(self.bus, 1) != b"\x01":
            if self.clock.now_us() >= until_us:
                return None
            self.clock.advance(500)
        frame = i2c_read(self.bus, 280)
        assert frame is not None
        data = frame[1:]
        if data[3:5] == b"\x00\xff":
            return data[:6]
        if data[3:5] == b"\xff\xff":
            return data[: 8 + int.from_bytes(data[5:7]) + 2]
        return data[: 5 + data[3] + 2]

    def ask(self, command: bytes, within_us: int = SECOND_US) -> bytes | None:
        """Answer code and data to a command, after its acknowledgement; None without an answer in time."""
        self.say(framed(command))
        assert self.hear() == pn532_frames.ACK
        frame = self.hear(within_us)
        if frame is None or frame == pn532_frames.SYNTAX_ERROR:
            return frame
        assert sum(frame[5:-1]) & 0xFF == 0
        return frame[6:-2]


def test_the_golden_vector_of_sam_configuration() -> None:
    host = Host(configured=False)
    host.say(SAM_CONFIGURATION)
    assert host.hear() == bytes.fromhex("0000ff00ff00")
    assert host.hear() == SAM_CONFIGURED


def test_it_starts_in_low_battery_mode_and_lists_no_card_before_sam_configuration() -> None:
    host = Host(configured=False)
    host.field.present(cards.make("classic"))
    assert host.ask(b"\x02") == bytes.fromhex("0332010607")
    assert host.ask(LIST_ONE) == pn532_frames.SYNTAX_ERROR


def test_nothing_is_ready_before_its_time_and_a_read_then_gives_zeros() -> None:
    host = Host()
    host.say(framed(b"\x02"))
    assert i2c_read(host.bus, 8) == bytes(8)


def test_a_burst_is_one_frame_however_it_is_cut_into_bytes() -> None:
    host = Host(configured=False)
    assert host.bus.start(read=False)
    for byte in SAM_CONFIGURATION:
        assert host.bus.write_byte(byte)
        host.clock.advance(100)
    host.bus.stop()
    assert host.hear() == pn532_frames.ACK
    assert host.hear() == SAM_CONFIGURED


@pytest.mark.parametrize("place", range(2, len(SAM_CONFIGURATION) - 1))
def test_a_frame_with_a_flipped_bit_is_met_with_silence(place: int) -> None:
    host = Host(configured=False)
    host.say(SAM_CONFIGURATION[:place] + bytes((SAM_CONFIGURATION[place] ^ 0x10,)) + SAM_CONFIGURATION[place + 1 :])
    assert host.hear() is None


@pytest.mark.parametrize("length", range(len(SAM_CONFIGURATION) - 1))
def test_a_frame_that_breaks_off_is_met_with_silence(length: int) -> None:
    host = Host(configured=False)
    host.say(SAM_CONFIGURATION[:length])
    assert host.hear(100_000) is None


def test_an_unknown_command_and_wrong_parameters_are_met_with_the_error_frame() -> None:
    host = Host()
    for command in (
        b"\x99",
        b"\x4a",
        b"\x4a\x03\x00",
        b"\x14",
        b"\x14\x09",
        b"\x32\x05",
        b"\x32\x77\x00",
        b"\x40",
        b"\x52",
    ):
        assert host.ask(command) == bytes.fromhex("0000ff01ff7f8100"), command.hex()


def test_without_max_retries_it_looks_for_a_card_for_ever() -> None:
    host = Host()
    assert host.ask(LIST_ONE, 600 * SECOND_US) is None
    card = cards.make("classic")
    host.field.present(card)
    assert host.hear() == pn532_frames.information(bytes.fromhex("4b0101000408") + b"\x04" + card.uid)


def test_with_max_retries_it_says_that_no_card_is_there() -> None:
    host = Host()
    assert host.ask(TRY_TWICE) == b"\x33"
    assert host.ask(LIST_ONE) == b"\x4b\x00"


def test_a_card_takes_the_published_time_of_field_and_selection() -> None:
    host = Host()
    host.say(framed(LIST_ONE))
    assert host.hear() == pn532_frames.ACK
    host.clock.advance(SECOND_US)
    host.field.present(cards.make("desfire"))
    presented_us = host.clock.now_us()
    assert host.hear() is not None
    assert 55_000 <= host.clock.now_us() - presented_us <= 60_000


def test_a_new_command_and_an_ack_each_end_the_one_under_way() -> None:
    host = Host()
    assert host.ask(LIST_ONE) is None
    assert host.ask(b"\x02") == bytes.fromhex("0332010607")
    assert host.ask(LIST_ONE) is None
    host.say(pn532_frames.ACK)
    host.field.present(cards.make("classic"))
    assert host.hear() is None


def test_a_nack_brings_the_last_answer_again() -> None:
    host = Host()
    answer = host.ask(b"\x02")
    host.say(pn532_frames.NACK)
    again = host.hear()
    assert again is not None
    assert again[6:-2] == answer


def test_a_card_that_is_pulled_during_selection_is_not_listed() -> None:
    host = Host()
    host.say(framed(LIST_ONE))
    assert host.hear() == pn532_frames.ACK
    host.field.present(cards.make("classic"))
    host.clock.advance(40_000)
    host.field.remove()
    assert host.hear() is None
    card = cards.make("classic")
    host.field.present(card)
    listed = host.hear()
    assert listed is not None
    assert card.uid in listed


def test_a_card_that_is_pulled_or_changed_does_not_answer_any_more() -> None:
    host = Host()
    bank = cards.make("bank")
    host.field.present(bank)
    assert host.ask(LIST_ONE) is not None
    host.say(framed(b"\x40\x01" + cards.SELECT_PPSE))
    assert host.hear() == pn532_frames.ACK
    host.field.remove()
    assert host.hear() == pn532_frames.information(b"\x41\x01")
    host.field.present(bank)  # back again, but no longer the selected card
    assert host.ask(b"\x40\x01" + cards.SELECT_PPSE) == b"\x41\x01"


def test_a_bank_card_tells_its_directory_and_nothing_else() -> None:
    host = Host()
    host.field.present(cards.make("bank"))
    listed = host.ask(LIST_ONE)
    assert listed is not None
    assert listed.endswith(cards.BANK_ATS)
    told = host.ask(b"\x40\x01" + cards.SELECT_PPSE)
    assert told is not None
    assert told[:3] == b"\x41\x00\x6f"
    assert cards.PPSE_NAME in told
    assert told.endswith(b"\x90\x00")
    assert host.ask(b"\x40\x01" + bytes.fromhex("00b2010c00")) == b"\x41\x00\x6d\x00"  # READ RECORD
    assert host.ask(b"\x40\x01" + bytes.fromhex("00a4040007a000000003101000")) == b"\x41\x00\x6a\x82"


def test_a_phone_shows_another_random_uid_each_time() -> None:
    host = Host()
    phone = cards.make("phone")
    seen = set()
    for _ in range(5):
        host.field.present(phone)
        listed = host.ask(LIST_ONE)
        assert listed is not None
        assert listed[7:8] == b"\x08"
        seen.add(listed[7:11])
        host.field.remove()
    assert len(seen) == 5


def test_without_automatic_rats_no_ats_is_listed() -> None:
    host = Host()
    assert host.ask(b"\x12\x00") == b"\x13"
    card = cards.make("desfire")
    host.field.present(card)
    listed = host.ask(LIST_ONE)
    assert listed is not None
    assert listed.endswith(card.uid)


def test_two_cards_are_listed_together_and_spoken_to_apart() -> None:
    host = Host()
    for kind in ("desfire", "bank"):
        host.field.present(cards.make(kind))
    listed = host.ask(LIST_TWO)
    assert listed is not None
    assert listed[:2] == b"\x4b\x02"
    assert host.ask(b"\x40\x02" + cards.SELECT_PPSE)[-2:] == b"\x90\x00"  # type: ignore[index]
    assert host.ask(bytes.fromhex("40019060000000"))[-2:] == b"\x91\xaf"  # type: ignore[index]
    assert host.ask(bytes.fromhex("5200")) == bytes.fromhex("5300")
    assert host.ask(b"\x40\x02" + cards.SELECT_PPSE) == b"\x41\x27"


def test_get_version_of_an_ntag_goes_through_communicate_thru_alone() -> None:
    host = Host()
    host.field.present(cards.make("ntag"))
    host.ask(LIST_ONE)
    assert host.ask(b"\x42\x60") == bytes.fromhex("43000004040201000F03")


def test_a_long_answer_comes_in_an_extended_frame_and_a_long_command_is_understood() -> None:
    host = Host()
    host.field.present(cards.IsoDepCard("echo", bytes(4), cards.PHONE_ATS, lambda apdu: apdu))
    assert host.ask(LIST_ONE) is not None
    body = b"\xd4\x40\x01" + bytes(range(256))
    length = len(body).to_bytes(2)
    frame = b"\x00\x00\xff\xff\xff" + length + bytes((-sum(length) & 0xFF,)) + body + bytes((-sum(body) & 0xFF, 0))
    host.say(frame)
    assert host.hear() == pn532_frames.ACK
    answer = host.hear()
    assert answer is not None
    assert answer[:5] == b"\x00\x00\xff\xff\xff"
    assert answer[8:-2] == b"\xd5\x41\x00" + bytes(range(256))


def test_without_supply_nobody_answers_and_all_settings_are_forgotten() -> None:
    host = Host()
    host.chip.power(False)
    assert i2c_read(host.bus, 1) is None
    host.chip.power(True)
    assert host.ask(LIST_ONE) == pn532_frames.SYNTAX_ERROR

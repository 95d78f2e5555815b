"""Adafruit's PN532 driver, which nobody here wrote, is the independent client of our PN532 model.

It must never be adapted to the model: when it fails, the model is wrong. Wrong models, made here, have to fail.
Specification: adafruit-circuitpython-pn532 2.4.9; UM0701-02.
"""

from collections.abc import Callable

import pytest

from emulation.peripherals import cards, pn532_frames
from emulation.peripherals.clock import ManualClock
from emulation.peripherals.pn532 import FIRMWARE_VERSION, Pn532
from emulation.peripherals.pn532_i2c import Pn532OnI2C
from emulation.peripherals.rf_field import RfField
from emulation.tests.circuitpython import I2C, adafruit_driver


class Desk:
    """A reader with Adafruit's driver, switched on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, model: Callable[[ManualClock, RfField], Pn532] = Pn532) -> None:
        self.clock = ManualClock()
        self.field = RfField(self.clock)
        self.chip = model(self.clock, self.field)
        bus = I2C(self.clock, Pn532OnI2C.ADDRESS, Pn532OnI2C(self.chip))
        self.driver = adafruit_driver(monkeypatch, self.clock)(bus)


def read_version_then_cards(desk: Desk) -> None:
    """The whole check: what a person at a desk would see of a working reader."""
    assert desk.driver.firmware_version == tuple(FIRMWARE_VERSION)
    assert desk.driver.read_passive_target(timeout=0.3) is None
    for kind in cards.KINDS:
        card = cards.make(kind)
        desk.field.present(card)
        assert desk.driver.read_passive_target(timeout=0.5) == card.uid, kind
        desk.field.remove(card)
        assert desk.driver.read_passive_target(timeout=0.3) is None


def test_it_reads_the_version_and_the_uid_of_every_kind_of_card(monkeypatch: pytest.MonkeyPatch) -> None:
    read_version_then_cards(Desk(monkeypatch))


def test_it_sees_a_card_that_comes_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    card = cards.make("desfire")
    desk.clock.call_at(desk.clock.now_us() + 400_000, lambda: desk.field.present(card))
    assert desk.driver.read_passive_target(timeout=1) == card.uid


def test_it_authenticates_reads_and_writes_a_classic_card(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    card = cards.make("classic")
    desk.field.present(card)
    uid = desk.driver.read_passive_target()
    assert not desk.driver.mifare_classic_authenticate_block(uid, 4, 0x60, bytes(6))
    uid = desk.driver.read_passive_target()
    assert desk.driver.mifare_classic_authenticate_block(uid, 4, 0x60, cards.DEFAULT_KEY)
    assert desk.driver.mifare_classic_write_block(4, b"sixteen bytes!!!")
    assert desk.driver.mifare_classic_read_block(4) == b"sixteen bytes!!!"
    assert desk.driver.mifare_classic_fmt_value_block(5, 100)
    assert desk.driver.mifare_classic_sub_value_block(5, 30)
    assert desk.driver.mifare_classic_add_value_block(5, 2)
    assert desk.driver.mifare_classic_get_value_block(5) == 72
    assert desk.driver.mifare_classic_read_block(8) is None  # another sector, not authenticated


def test_it_reads_and_writes_an_ntag(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    desk.field.present(cards.make("ntag"))
    desk.driver.read_passive_target()
    assert desk.driver.ntag2xx_write_block(6, b"abcd")
    assert desk.driver.ntag2xx_read_block(6) == b"abcd"


def test_after_power_down_the_driver_wakes_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    assert desk.driver.power_down()
    card = cards.make("ultralight")
    desk.field.present(card)
    assert desk.driver.read_passive_target() == card.uid


# The check has teeth: each of these models is wrong in one place.


def with_wrong_checksum(monkeypatch: pytest.MonkeyPatch) -> Callable[[ManualClock, RfField], Pn532]:
    right = pn532_frames.information

    def wrong(data: bytes) -> bytes:
        frame = right(data)
        return frame[:-2] + bytes((frame[-2] ^ 0x01, frame[-1]))

    monkeypatch.setattr(pn532_frames, "information", wrong)
    return Pn532


def without_acknowledgement(monkeypatch: pytest.MonkeyPatch) -> Callable[[ManualClock, RfField], Pn532]:
    monkeypatch.setattr(pn532_frames, "ACK", pn532_frames.NACK)
    return Pn532


def with_swapped_uid_length(_monkeypatch: pytest.MonkeyPatch) -> Callable[[ManualClock, RfField], Pn532]:
    class Wrong(Pn532):
        def _target_data(self, number: int, card: cards.Card) -> bytes:
            data = super()._target_data(number, card)
            return data[:3] + data[4:5] + data[3:4] + data[5:]

    return Wrong


def that_never_finishes_configuration(_monkeypatch: pytest.MonkeyPatch) -> Callable[[ManualClock, RfField], Pn532]:
    class Wrong(Pn532):
        def _sam_configuration(self, parameters: bytes) -> None:
            super()._sam_configuration(parameters)
            self.low_battery = True

    return Wrong


@pytest.mark.parametrize(
    "wrong_model",
    [with_wrong_checksum, without_acknowledgement, with_swapped_uid_length, that_never_finishes_configuration],
)
def test_a_wrong_model_fails_the_check(
    monkeypatch: pytest.MonkeyPatch,
    wrong_model: Callable[[pytest.MonkeyPatch], Callable[[ManualClock, RfField], Pn532]],
) -> None:
    model = wrong_model(monkeypatch)
    with pytest.raises((RuntimeError, AssertionError, TypeError)):
        read_version_then_cards(Desk(monkeypatch, model))

"""Cards by themselves: identities, what they refuse, and one of them against a recording of a real card.

It must never need a reader model.
Specification: ISO/IEC 14443-3; recordings of the proxmark3 project, which are not part of this repository.
"""

import csv
import random
from pathlib import Path

import pytest

from emulation.peripherals import cards

TRACE = Path(__file__).parents[3] / "shared/data/nfc/iso14443-traces/hf_14a_reader_7b_rats.tsv"


@pytest.mark.parametrize("kind", cards.KINDS)
def test_a_card_of_every_kind_survives_any_command(kind: str) -> None:
    draw = random.Random(kind)
    card = cards.make(kind, draw)
    for _ in range(2000):
        command = draw.randbytes(draw.randrange(20))
        for way in (card.exchange, card.transceive):
            try:
                assert isinstance(way(command), bytes)
            except (cards.NoAnswer, cards.AuthenticationFailed):
                card.energised()


def test_the_same_draw_makes_the_same_card_and_a_given_uid_is_kept() -> None:
    assert cards.make("desfire", random.Random(7)).uid == cards.make("desfire", random.Random(7)).uid
    assert cards.make("ntag", uid=bytes.fromhex("04112233445566")).uid.hex() == "04112233445566"


def test_only_a_phone_has_a_uid_that_begins_like_a_random_one() -> None:
    draw = random.Random(1)
    for kind in cards.KINDS:
        card = cards.make(kind, draw)
        card.energised()
        assert (len(card.uid) == 4 and card.uid[0] == 0x08) == (kind == "phone"), kind


def test_an_unknown_kind_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no card kind 'felica': classic,"):
        cards.make("felica")


def test_a_desfire_tells_its_version_in_three_frames_native_and_wrapped() -> None:
    card = cards.make("desfire")
    frames = [card.exchange(b"\x60"), card.exchange(b"\xaf"), card.exchange(b"\xaf")]
    assert [frame[0] for frame in frames] == [0xAF, 0xAF, 0x00]
    assert frames[2][1:8] == card.uid
    wrapped = [card.exchange(bytes((0x90, ins, 0, 0, 0))) for ins in (0x60, 0xAF, 0xAF)]
    assert [frame[-2:].hex() for frame in wrapped] == ["91af", "91af", "9100"]
    assert card.exchange(b"\xaf") == b"\x1c"


def test_key_a_of_a_classic_card_never_reads_back() -> None:
    card = cards.make("classic_4k")
    card.exchange(b"\x60\xff" + cards.DEFAULT_KEY + card.uid)
    assert card.exchange(b"\x30\xff")[:6] == bytes(6)
    with pytest.raises(cards.NoAnswer):
        card.exchange(b"\x30\x03")


def test_the_desfire_model_introduces_itself_as_the_recorded_card_does() -> None:
    if not TRACE.exists():
        pytest.skip("no recording hf_14a_reader_7b_rats.tsv beside the repository")
    with TRACE.open() as file:
        answers = [row["frame_hex"] for row in csv.DictReader(file, delimiter="\t") if row["dir"] == "TAG"]
    card = cards.make("desfire")
    atqa, sak, ats = answers[0], answers[-2], answers[-1]
    assert bytes.fromhex(atqa) == card.atqa.to_bytes(2, "little")
    assert bytes.fromhex(sak)[0] == card.sak
    assert bytes.fromhex(ats)[:-2] == card.ats  # without its CRC

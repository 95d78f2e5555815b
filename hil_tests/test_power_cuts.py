"""Power that fails in the middle of flash operations: what was told is kept, and no sequence number is used again."""

from binascii import crc32
from textwrap import dedent

import pytest

from emulation.launch import NodeHandle
from hil_tests.records import of_kind
from hil_tests.target import Desk
from protocols.wire import journal_format, record
from protocols.wire.messages import boot, tap

JOURNAL_CUTS = 200
JOURNAL_CUTS_ON_SILICON = 20  # where each costs a start of seconds
APP_CUTS = 20
PARTS = 2  # for as many processors
SECTORS = 4  # a small ring goes round
PATIENCE_S = 20.0

# Appends, takes receipts and erases ahead until the power is gone, and prints what it was told.
JOURNAL_ALONE = """
from binascii import crc32
from boards.{board} import hal
from firmware.journal import Journal
from protocols.wire.messages import boot, event

class Ring:
    def __init__(self, flash):
        self.readblocks, self.writeblocks, self._ioctl = flash.readblocks, flash.writeblocks, flash.ioctl
    def ioctl(self, operation, argument):
        return {sectors} if operation == 4 else self._ioctl(operation, argument)

journal = Journal(Ring(hal.journal_flash()), lambda: (0, 0))
journal.open()
print("kept", journal.append(boot, boot.Boot(journal.boot_id, 1, (0, 1, 0), 1, journal.depth, 0)))
number = 0
while True:
    number += 1
    text = bytes((65 + number % 26,)) * (number * 37 % 120)
    print("kept", journal.append(event, event.Event(event.CODE_IN_SERVICE, event.SEVERITY_INFO, 0, text)))
    if number % 5 == 4:
        print("receipted", journal.last_seq - 2)
        journal.trim(journal.last_seq - 2)
    if number % 3 == 0:
        journal.idle()
"""


def records_in(image: bytes) -> dict[int, int]:
    """Sequence number -> CRC-32 of every record in a journal's image."""
    return {record.parse(data)[0].seq: crc32(data) for data in journal_format.read_image(image).records}


def numbers_after(word: str, console: str) -> list[int]:
    lines = (line.split() for line in console.splitlines() if line.endswith(tuple("0123456789")))
    return [int(parts[1]) for parts in lines if len(parts) == 2 and parts[0].endswith(word)]


@pytest.mark.needs("program", "journal", "power_cut")
@pytest.mark.parametrize("part", range(PARTS))
def test_a_journal_alone_keeps_what_it_said_through_any_cut(desk: Desk, part: int) -> None:
    cuts = JOURNAL_CUTS_ON_SILICON if desk.target.has("silicon") else JOURNAL_CUTS
    node = desk.node(program=dedent(JOURNAL_ALONE).format(board=desk.target.board, sectors=SECTORS))
    told: list[int] = []
    crcs: dict[int, int] = {}
    for cut in range(cuts // PARTS):
        node.cut_power_at(node.flash.operations + 1 + (7 * cut + part) % 41)
        node.start()
        node.wait_until(lambda: not node.alive, PATIENCE_S, "the end of the power")
        kept, receipted = numbers_after("kept", node.console), numbers_after("receipted", node.console)
        image = records_in(node.flash_image()[: SECTORS * journal_format.SECTOR_SIZE])
        assert kept == sorted(set(kept)), "a number was used twice"
        assert len(kept) >= len(told)
        told = kept
        waits_from = receipted[-1] + 1 if receipted else 1
        assert {seq for seq in told if seq >= waits_from} <= set(image), f"lost at cut {cut}"
        assert all(crcs.setdefault(seq, crc) == crc for seq, crc in image.items()), "a number holds another record"
    assert len(told) > 2 * cuts // PARTS


def rides(node: NodeHandle) -> int:
    found = [tap.parse(one.body).result for one in of_kind(node, tap.KIND)]
    return found.count(tap.RESULT_ACCEPTED)


@pytest.mark.needs("cards", "light", "journal", "power_cut")
@pytest.mark.parametrize("part", range(PARTS))
def test_a_validator_that_showed_green_has_the_ride_whatever_cut_its_power(desk: Desk, part: int) -> None:
    validator = desk.validator()
    crcs: dict[int, int] = {}
    cuts = range(part, APP_CUTS, PARTS)
    for cut in cuts:
        validator.cut_power_at(validator.flash.operations + 1 + cut % 7)
        while validator.alive:
            validator.present("ultralight")
            validator.wait_until(lambda: validator.light() == "green" or not validator.alive, PATIENCE_S, "a verdict")
            validator.remove_card()
            validator.wait_until(lambda: validator.light() == "blue" or not validator.alive, PATIENCE_S, "rest")
        shown = [colour for _, colour in validator.lights].count("green")
        assert rides(validator) >= shown, f"cut {cut}"
        image = records_in(validator.flash_image())
        assert all(crcs.setdefault(seq, crc) == crc for seq, crc in image.items()), "a number was used twice"
        assert set(crcs) == set(image)
        validator.start()
        validator.wait_light("blue", PATIENCE_S)
    boots = [boot.parse(one.body).boot_id for one in of_kind(validator, boot.KIND)]
    assert boots == sorted(set(boots))
    assert rides(validator) >= len(cuts)

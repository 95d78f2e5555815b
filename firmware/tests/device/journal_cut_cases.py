"""A journal alone under power cuts: at every operation of a scenario, and 200 at random; nothing shown is lost.

It must never need a board: the flash is in memory and can be torn.
Spec: firmware/journal.py; protocol.md, G1, G2, G6 and "Power cut at any flash operation".
"""

import random

from firmware.journal import Journal
from firmware.tests.device.ram_flash import PowerCut, RamFlash
from protocols.wire import record
from protocols.wire.messages import boot, event, result

SECTORS = 4
TIME_MS = 1_790_000_000_123


def stamp():
    return record.CLOCK_GNSS, TIME_MS


def an_event(text):
    return event.Event(event.CODE_IN_SERVICE, event.SEVERITY_INFO, 0, text)


class Life:
    """What people were told over several lives of one flash: numbers that were shown, receipts that were taken."""

    def __init__(self):
        self.shown = {}
        self.highest = 0
        self.receipted = self.receipted_before = 0
        self.boot_ids = []
        self.taken = []  # commands that were handed over

    def live(self, flash, records):
        """Boot, append, take receipts, erase ahead, until the power is cut or `records` were appended."""
        journal = Journal(flash, stamp)
        journal.open()
        body = boot.Boot(journal.boot_id, 1, (0, 1, 0), 1, journal.depth, 0)
        self._show(journal.append(boot, body), boot.build(body))
        self.boot_ids.append(journal.boot_id)
        for number in range(records):
            body = an_event(bytes([65 + number % 26]) * (number * 37 % 120))
            self._show(journal.append(event, body), event.build(body))
            if number % 5 == 4:
                self.receipted_before, self.receipted = self.receipted, journal.last_seq - 2
                journal.trim(self.receipted)
            if number % 3 == 0:
                journal.idle()
            if number % 7 == 0:
                self._command(journal)
        return journal

    def _command(self, journal):
        """One more command; what a restart found unfinished ends first, as the node does it."""
        for command_id in list(journal.commands.unfinished):
            self._end(journal, command_id)
        command_id = max(self.taken or (0,)) + 1
        assert journal.take_command(command_id)
        self.taken.append(command_id)
        self._end(journal, command_id)

    def _end(self, journal, command_id):
        body = result.Result(command_id, result.OUTCOME_DONE, result.REASON_NONE)
        self._show(journal.append(result, body), result.build(body))

    def _show(self, seq, body):
        assert seq > self.highest, "a number was used twice"
        self.highest = seq
        self.shown[seq] = body

    def check(self, journal):
        there = {seq: record.parse(data)[0].body for seq, data in journal.records(1)}
        for seq, body in self.shown.items():
            assert there.get(seq) == body or seq <= self.receipted, seq
        if self.taken:
            assert max(journal.commands.taken) >= self.taken[-1], "a command could be executed again"
        assert journal.receipted >= self.receipted_before  # the last mark may have been torn, never more than that one
        assert self.boot_ids == sorted(set(self.boot_ids)), self.boot_ids


def operations_of_a_run(records):
    flash = RamFlash(SECTORS)
    Life().live(flash, records)
    return flash.operations


def cut_everywhere(how, records=75):
    for cut_at in range(1, operations_of_a_run(records) + 1):
        flash, life = RamFlash(SECTORS), Life()
        flash.how = how
        for at, appended in ((cut_at, records), (flash_soon(cut_at), 3)):
            flash.operations, flash.cut_at = 0, at
            try:
                life.live(flash, appended)
            except PowerCut:
                pass
        flash.cut_at = None
        life.check(life.live(flash, 3))


def flash_soon(cut_at):
    """A second cut, somewhere in the first operations after the restart."""
    return 1 + cut_at % 4


def test_a_cut_that_leaves_an_operation_undone_loses_nothing():
    cut_everywhere("nothing")


def test_a_cut_in_the_middle_of_an_operation_loses_nothing():
    cut_everywhere("half")


def test_a_cut_that_leaves_scattered_bits_loses_nothing():
    cut_everywhere("scattered")


def test_a_cut_right_behind_an_operation_loses_nothing():
    cut_everywhere("everything")


def test_two_hundred_cuts_at_random_lose_nothing():
    """Twenty on each of ten flashes: what a cut leaves behind meets the next one."""
    for seed in range(10):
        random.seed(seed)
        flash, life = RamFlash(SECTORS), Life()
        for _ in range(20):
            flash.how = RamFlash.HOW[random.getrandbits(2)]
            flash.operations, flash.cut_at = 0, 1 + random.getrandbits(7)
            try:
                life.live(flash, 150)
                raise AssertionError("the power was not cut")
            except PowerCut:
                pass
            flash.cut_at = None
            life.check(life.live(flash, random.getrandbits(4)))
            life.shown = {seq: body for seq, body in life.shown.items() if seq > life.receipted}

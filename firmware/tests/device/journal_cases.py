"""What the journal keeps, through power cuts at every single flash operation, a full flash and a decayed one.

It must never need a board: the flash is in memory and can be torn.
Spec: firmware/journal.py; protocol.md, G1 to G4 and "Power cut at any flash operation".
"""

from firmware.journal import FlashFault, Journal, JournalFull
from firmware.tests.device.ram_flash import PowerCut, RamFlash
from protocols.wire import journal_format as layout
from protocols.wire import record
from protocols.wire.messages import boot, cash, event, gap, position, status

SECTORS = 4
TIME_MS = 1_790_000_000_123


def stamp():
    return record.CLOCK_GNSS, TIME_MS


def booted(flash, kept_kinds=()):
    journal = Journal(flash, stamp, kept_kinds)
    journal.open()
    journal.append(boot, boot.Boot(journal.boot_id, 1, (0, 1, 0), 1, journal.depth, 0))
    return journal


def a_status(number=0):
    return status.Status(number, 1, 2, 3, 4, 5, 6, 7, 8, 9)


def an_event(text):
    return event.Event(event.CODE_IN_SERVICE, event.SEVERITY_INFO, 0, text)


def a_ride(number):
    return cash.Cash(1, number, 1, 17, 0)


def a_place(number):
    return position.Position(17, 0, number, number, 0, 0, 0, 9)


def bodies(journal, first=1):
    return {seq: record.parse(data)[0].body for seq, data in journal.records(first)}


def seqs(journal):
    return [seq for seq, _ in journal.records(1)]


def gaps(journal, first=1):
    found = []
    for _, data in journal.records(first):
        one = record.parse(data)[0]
        if one.kind == gap.KIND:
            found.append(tuple(gap.parse(one.body)))
    return found


def flip(flash, sector, offset, bits=0x01):
    """Decay: a bit of a programmed byte loses its charge."""
    flash.data[sector * layout.SECTOR_SIZE + offset] ^= bits


def test_records_come_back_in_order_and_in_wire_form():
    journal = booted(RamFlash(SECTORS))
    for number in range(5):
        assert journal.append(status, a_status(number)) == number + 2
    found = [record.parse(data)[0] for _, data in journal.records(2)]
    assert [one.seq for one in found] == [2, 3, 4, 5, 6]
    assert [status.parse(one.body).uptime_s for one in found] == [0, 1, 2, 3, 4]
    assert (found[0].clock_quality, found[0].time_s, found[0].time_ms) == (3, TIME_MS // 1000, 123)


def test_one_append_is_one_page_program():
    flash = RamFlash(SECTORS)
    journal = booted(flash)
    before = flash.operations
    journal.append(status, a_status())
    assert flash.operations == before + 1


def test_a_restart_finds_everything_and_takes_the_next_boot_id():
    flash = RamFlash(SECTORS)
    journal = booted(flash)
    journal.append(status, a_status())
    journal.trim(1)
    again = booted(flash)
    assert (journal.boot_id, again.boot_id) == (1, 2)
    assert (again.last_seq, again.receipted, again.depth, again.oldest_seq) == (3, 1, 2, 2)
    assert seqs(again) == [1, 2, 3]


def test_a_receipt_trims_what_waits_and_leaves_the_history():
    journal = booted(RamFlash(SECTORS))
    for number in range(9):
        journal.append(status, a_status(number))
    journal.trim(7)
    assert (journal.depth, journal.oldest_seq) == (3, 8)
    assert seqs(journal) == list(range(1, 11))


def test_a_receipt_for_numbers_that_were_never_given_out_changes_nothing():
    journal = booted(RamFlash(SECTORS))
    journal.trim(99)
    assert (journal.depth, journal.receipted) == (1, 0)


def test_erasing_ahead_leaves_the_append_without_an_erase():
    flash = RamFlash(SECTORS)
    journal = booted(flash)
    for number in range(500):
        while journal.idle():
            pass
        erases = journal.erases
        journal.append(status, a_status(number))
        assert journal.erases == erases
        journal.trim(journal.last_seq)
    assert journal.erases > 2


def test_a_reading_may_begin_anywhere():
    journal = booted(RamFlash(2 * SECTORS))
    for number in range(150):
        journal.append(status, a_status(number))
    for first in (1, 63, 64, 65, 150, 7, 128, 151):
        assert [seq for seq, _ in journal.records(first)] == list(range(first, 152)), first


def test_a_read_stops_at_its_limits():
    journal = booted(RamFlash(2 * SECTORS))
    for number in range(150):
        journal.append(status, a_status(number))
    found, covered = journal.read(10, 100, 32, 4000)
    assert (len(found), covered) == (32, 41)
    found, covered = journal.read(10, 100, 32, 54 * 3)
    assert (len(found), covered) == (3, 12)
    found, covered = journal.read(148, 10_000, 32, 4000)
    assert (len(found), covered) == (4, 10_000)


def test_telemetry_gives_up_the_oldest_and_declares_it():
    journal = booted(RamFlash(SECTORS))
    for number in range(600):
        journal.append(status, a_status(number))
    there = seqs(journal)
    declared = gaps(journal)
    assert [reason for _, _, reason in declared] == [gap.REASON_OVERWRITTEN] * len(declared)
    assert there[-journal.depth :] == list(range(journal.oldest_seq, journal.last_seq + 1))
    assert declared[-1][1] == journal.oldest_seq - 1
    assert journal.gap_declared(declared[-1][0], declared[-1][1])


def test_rides_are_refused_when_nothing_may_be_given_up_and_taken_again_after_a_receipt():
    journal = booted(RamFlash(SECTORS), (cash.KIND,))
    kept = []
    try:
        while True:
            kept.append(journal.append(cash, a_ride(len(kept))))
    except JournalFull:
        pass
    assert not journal.has_room(cash)
    assert journal.append(event, an_event(b"journal full"))
    assert seqs(journal)[: len(kept) + 1] == [1] + kept
    journal.trim(kept[-1])
    assert journal.has_room(cash)
    assert journal.append(cash, a_ride(0)) == journal.last_seq


def test_telemetry_leaves_a_quarter_to_the_rides():
    journal = booted(RamFlash(8), (cash.KIND,))
    first_ride = journal.append(cash, a_ride(0))
    while journal.note(position, a_place(0)):
        pass
    assert journal.nearly_full
    assert journal.dropped == 1
    rides = 0
    while journal.has_room(cash):
        journal.append(cash, a_ride(rides))
        rides += 1
    assert rides > 60
    assert first_ride in seqs(journal)


def test_telemetry_before_the_first_ride_is_given_up_for_rides():
    journal = booted(RamFlash(SECTORS), (cash.KIND,))
    for number in range(100):
        journal.note(position, a_place(number))
    rides = [journal.append(cash, a_ride(number)) for number in range(300) if journal.has_room(cash)]
    assert len(rides) > 150
    there = seqs(journal)
    assert all(seq in there for seq in rides)
    assert gaps(journal)[0][0] == 1


def test_a_full_journal_is_still_full_after_a_restart():
    flash = RamFlash(SECTORS)
    journal = booted(flash, (cash.KIND,))
    rides = 0
    while journal.has_room(cash):
        journal.append(cash, a_ride(rides))
        rides += 1
    again = booted(flash, (cash.KIND,))
    assert not again.has_room(cash)
    assert (again.depth, again.oldest_seq) == (journal.last_seq + 1, 1)


def test_a_decayed_record_hides_its_page_and_no_more():
    flash = RamFlash(SECTORS)
    journal = booted(flash)
    for number in range(40):
        journal.append(status, a_status(number))
    flip(flash, 0, layout.PAGE_SIZE + 20)
    again = booted(flash)
    there = seqs(again)
    missing = [seq for seq in range(1, 42) if seq not in there]
    assert missing == [5, 6, 7, 8]
    assert again.last_seq == 42


def test_a_decayed_last_page_never_lets_a_number_be_used_twice():
    flash = RamFlash(SECTORS)
    journal = booted(flash)
    for number in range(6):
        journal.append(status, a_status(number))
    flip(flash, 0, layout.PAGE_SIZE + 20)
    again = booted(flash)
    there = seqs(again)
    assert there[:4] == [1, 2, 3, 4]
    assert there[4] > 7
    assert gaps(again) == [(5, there[4] - 1, gap.REASON_TORN_WRITE)]


def test_a_decayed_sector_header_costs_no_record():
    flash = RamFlash(SECTORS)
    journal = booted(flash)
    for number in range(150):
        journal.append(status, a_status(number))
    flip(flash, 1, 5)
    again = booted(flash)
    assert seqs(again)[:151] == list(range(1, 152))


def test_a_page_that_cannot_be_programmed_is_passed_over():
    class StuckFlash(RamFlash):
        def writeblocks(self, sector, buffer, offset):
            super().writeblocks(sector, buffer, offset)
            if (sector, offset) == (0, layout.PAGE_SIZE):
                self.data[offset + 3] = 0

    flash = StuckFlash(SECTORS)
    journal = booted(flash)
    appended = [journal.append(status, a_status(number)) for number in range(20)]
    assert journal.flash_faults == 1
    assert seqs(journal) == [1] + appended
    assert booted(flash).last_seq == journal.last_seq + 1


def test_a_dead_flash_refuses_instead_of_accepting():
    class DeadFlash(RamFlash):
        def writeblocks(self, sector, buffer, offset):
            pass

    journal = Journal(DeadFlash(SECTORS), stamp, (cash.KIND,))
    journal.open()
    try:
        journal.append(cash, a_ride(0))
    except (FlashFault, JournalFull):
        return
    raise AssertionError("a record was accepted that is nowhere")


def test_the_image_reader_of_the_host_agrees_with_the_journal():
    flash = RamFlash(SECTORS)
    journal = booted(flash)
    for number in range(300):
        journal.append(status, a_status(number))
        journal.trim(journal.last_seq - 5)
    image = layout.read_image(bytes(flash.data))
    assert [record.parse(data)[0].seq for data in image.records] == seqs(journal)
    assert (image.receipted, image.boot_id, image.bad_entries) == (journal.receipted, 1, 0)


class Life:
    """What people were told over several lives of one flash: numbers that were shown, receipts that were taken."""

    def __init__(self):
        self.shown = {}
        self.receipted = 0
        self.boot_ids = []

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
                self.receipted = journal.last_seq - 2
                journal.trim(self.receipted)
            if number % 3 == 0:
                journal.idle()
        return journal

    def _show(self, seq, body):
        assert seq > max(self.shown or (0,)), "a number was used twice"
        self.shown[seq] = body

    def check(self, journal):
        there = bodies(journal)
        for seq, body in self.shown.items():
            assert there.get(seq) == body or seq <= self.receipted, seq
        assert journal.receipted >= self.receipted - 5  # the mark itself may have been torn, never more than that one
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


def test_a_torn_number_is_skipped_and_declared():
    flash = RamFlash(SECTORS)
    journal = booted(flash)
    journal.append(status, a_status())
    flash.how, flash.cut_at = "scattered", flash.operations + 1
    try:
        journal.append(status, a_status())
    except PowerCut:
        pass
    flash.cut_at = None
    again = booted(flash)
    assert seqs(again) == [1, 2, 4, 5]
    assert gaps(again) == [(3, 3, gap.REASON_TORN_WRITE)]

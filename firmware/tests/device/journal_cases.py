"""What the journal keeps, and what it says of what it could not: a full flash, a decayed one, a replaced one.

It must never need a board: the flash is in memory and can be torn.
Spec: firmware/journal.py; protocol.md, G1 to G4 and "Power cut at any flash operation".
"""

from firmware.journal import FlashFault, Journal, JournalFull
from firmware.tests.device.ram_flash import PowerCut, RamFlash
from protocols.wire import journal_format as layout
from protocols.wire import record
from protocols.wire.messages import boot, cash, event, gap, position, result, shown_on_glass, status

SECTORS = 4
TIME_MS = 1_790_000_000_123


def stamp():
    return record.CLOCK_GNSS, TIME_MS


def booted(flash, kept_kinds=(), ending_kinds=(), epoch=0):
    journal = Journal(flash, stamp, kept_kinds, ending_kinds, epoch)
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


def test_a_decayed_header_of_the_newest_sector_costs_no_record_and_no_number_is_used_twice():
    flash = RamFlash(SECTORS)
    journal = booted(flash)
    for number in range(150):
        journal.append(status, a_status(number))
    assert flash.data[2 * layout.SECTOR_SIZE] != 0xFF == flash.data[3 * layout.SECTOR_SIZE]
    flip(flash, 2, 5)
    again = booted(flash)
    assert (again.boot_id, seqs(again)) == (2, list(range(1, journal.last_seq + 2)))
    third = booted(flash)
    assert (third.boot_id, seqs(third)) == (3, list(range(1, journal.last_seq + 3)))


def test_a_half_erased_old_sector_ahead_is_no_newer_one():
    flash = RamFlash(SECTORS)
    journal = booted(flash)
    for number in range(600):
        journal.append(status, a_status(number))
        journal.trim(journal.last_seq)
    ahead = (max(layout.parse_header(flash.data[i * 4096 : i * 4096 + 32]).generation for i in range(SECTORS)) + 1) % 4
    flash.data[ahead * 4096] = 0
    again = booted(flash)
    assert again.last_seq == journal.last_seq + 1
    assert gaps(again) == []


def test_wear_is_spread_evenly_over_the_sectors():
    flash = RamFlash(SECTORS)
    journal = booted(flash)
    for number in range(3000):
        journal.append(status, a_status(number))
        journal.trim(journal.last_seq)
        if number % 4 == 0:
            journal.idle()
        if number % 700 == 699:
            journal = booted(flash)
    assert min(flash.erases) >= 10
    assert max(flash.erases) - min(flash.erases) <= 1


def test_a_replaced_flash_begins_where_no_number_was_ever_used():
    journal = booted(RamFlash(SECTORS), epoch=2)
    assert (journal.boot_id, journal.last_seq, journal.depth) == ((2 << 20) + 1, (2 << 32) + 1, 1)
    assert seqs(journal) == [(2 << 32) + 1]


def test_a_replaced_flash_declares_the_numbers_of_the_one_before():
    journal = booted(RamFlash(SECTORS), epoch=1)
    journal.declare(4711, 1 << 32)
    assert gaps(journal) == [(4711, 1 << 32, gap.REASON_FLASH_REPLACED)]


def test_a_restart_goes_on_in_its_epoch():
    flash = RamFlash(SECTORS)
    booted(flash, epoch=1)
    again = booted(flash, epoch=1)
    assert (again.boot_id, again.last_seq) == ((1 << 20) + 2, (1 << 32) + 2)


def test_a_command_that_was_taken_is_known_after_a_restart_with_or_without_its_result():
    flash = RamFlash(SECTORS)
    journal = booted(flash)
    for command_id in (5, 6, 7):
        assert journal.take_command(command_id)
    journal.append(result, result.Result(6, result.OUTCOME_DONE, result.REASON_NONE))
    again = booted(flash)
    assert again.commands.taken == [5, 6, 7]
    assert again.commands.unfinished == [5, 7]
    assert seqs(again) == [1, 2, 3]


def test_the_newest_command_is_known_after_any_number_of_records():
    flash = RamFlash(SECTORS)
    journal = booted(flash)
    journal.take_command(41)
    journal.take_command(42)
    journal.append(result, result.Result(42, result.OUTCOME_DONE, result.REASON_NONE))
    for number in range(700):
        journal.append(status, a_status(number))
        journal.trim(journal.last_seq)
    again = booted(flash)
    assert again.commands.unfinished == [41]
    assert max(again.commands.taken) == 42


def test_a_record_of_the_kinds_own_ends_its_command_too():
    flash = RamFlash(SECTORS)
    shown = shown_on_glass.ShownOnGlass(9, shown_on_glass.MODE_ARRIVALS, 1, 2, 64, 32, 8)
    for journal in (
        booted(flash, ending_kinds=(shown_on_glass.KIND,)),
        booted(flash, ending_kinds=(shown_on_glass.KIND,)),
    ):
        assert journal.commands.unfinished == []
        if not journal.commands.taken:
            journal.take_command(9)
            journal.append(shown_on_glass, shown)
    assert journal.commands.taken == [9]


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

"""Sets of modules on their way into a slot and into service: whole or not at all, through any power cut.

It must never need a link, a signature or a board: chunks are handed over, the flashes are in memory and can be torn.
Spec: firmware/update_store.py, firmware/boot_record.py, firmware/boot.py; firmware/UPDATES.md.
"""

import random
from binascii import unhexlify
from hashlib import sha256

from firmware import boot, boot_record
from firmware.boot_record import BootRecord, image_at
from firmware.document_store import StoreFault
from firmware.tests.device.ram_flash import PowerCut, RamFlash
from firmware.update_store import Target, UpdateStore
from protocols.wire import document as wire
from protocols.wire import manifest
from protocols.wire.manifest import Manifest, Piece
from protocols.wire.messages import document

BOARD, KIND = "here", 2
SECTORS = 3
DEFLATED = unhexlify("4b4c4a4e494d4bcfc8cccacec9cdcb2f282c2a2e292d2bafa8ac4a1c95199519951995199519813200")
INFLATED = b"abcdefghijklmnopqrstuvwxyz" * 60


def parts(version, changed=2):
    """The pieces of a set; so many of them are of this version alone."""
    found = [INFLATED]
    for i in range(11):
        own = version if i < changed else 0
        found.append(bytes([(own * 31 + i * 7 + n + n // 251) & 0xFF for n in range(300 + 70 * i)]))
    return found


def release(version, changed=2, board=BOARD, kinds=1 << KIND, image=1, counter=None, size=None):
    """The document of a set: as protocols/release.py builds it, but for deflating."""
    raw = parts(version, changed)
    stored = [DEFLATED if one == INFLATED else one for one in raw]
    pieces = [Piece(len(a), len(b), sha256(a).digest()[: manifest.DIGEST_SIZE]) for a, b in zip(raw, stored)]
    whole = sha256(b"".join(raw)).digest()
    size = sum([len(one) for one in raw]) if size is None else size
    head = Manifest(board, kinds, counter or version, image, (0, version, 0), size, whole, "", len(pieces))
    return manifest.build(head, pieces) + b"".join(stored)


class Board:
    """The flashes of a node, and what its controller offers: sets that are good or bad."""

    def __init__(self):
        self.flashes = [RamFlash(2), RamFlash(SECTORS), RamFlash(SECTORS)]  # record, slot a, slot b
        self.offered = None
        self.asked = []

    def start(self, cost=boot_record.RESET_COST):
        """What boot.py does; the slot that runs."""
        self.record = BootRecord(self.flashes[0])
        self.running = boot.choose(self.record, cost)
        self.store = UpdateStore(
            self.record, lambda number: self.flashes[1 + number], self.running, Target(BOARD, KIND, 1)
        )
        self.store.open()
        return self.running

    def runs(self):
        """The version that runs, 0 for the factory set; its image has been checked."""
        if self.running is None:
            return 0
        slot = self.record.slots[self.running]
        data = self.flashes[1 + self.running].data
        found = manifest.parse(data)
        start = image_at(slot.manifest_size)
        assert sha256(data[: slot.manifest_size]).digest() == slot.sha256, "another manifest"
        assert sha256(data[start : start + found.size]).digest() == found.sha256, "not the image of the manifest"
        assert found.counter == slot.version
        return slot.version

    def is_offered(self, data):
        """An offer whose signature was found right; the reason of its refusal."""
        identity = wire.identity(wire.FIRMWARE, data)
        version = manifest.parse(data).counter
        offer = wire.Offer(wire.FIRMWARE, version, len(data), identity, b"")
        known = self.store.known(wire.FIRMWARE)
        partial = self.store.partial
        reason = self.store.refusal(offer)
        if (
            reason == document.REASON_NONE
            and not (known and known.version == version)
            and not (partial and partial.version == version)
        ):
            self.store.begin(offer)
        self.offered = data
        return reason

    def pulls(self, chunks=10_000):
        """Work and answer until nothing is to do, or so many chunks have come; whether the set is ready."""
        while True:
            done = self.store.work()
            if done not in (True, False):
                return True
            if self.store.wanted:
                if not chunks:
                    return False
                chunks -= 1
                offset, size = self.store.wanted
                self.asked.append((offset, size))
                self.store.write(offset, self.offered[offset : offset + size])
            elif done is False:
                return False

    def confirm(self):
        self.record.change(self.running, state=boot_record.CONFIRMED)

    def gets(self, version, changed=2):
        """An update from offer to confirmation."""
        assert self.is_offered(release(version, changed)) == document.REASON_NONE
        assert self.pulls()
        self.start()
        assert self.runs() == version
        self.confirm()


def started():
    board = Board()
    assert board.start() is None, "a blank record is the factory set"
    return board


def end_of(board):
    """The reason why what is on its way is given up, None when it is not."""
    try:
        board.pulls()
    except StoreFault as fault:
        board.store.drop()
        return fault.reason
    return None


def refused(board, data):
    """The reason why a set is refused when its manifest has come."""
    board.is_offered(data)
    return end_of(board)


def test_a_set_is_pulled_verified_put_on_trial_and_confirmed():
    board = started()
    board.gets(1)
    board.start()
    assert (board.running, board.runs()) == (0, 1)
    assert board.record.slots[0].state == boot_record.CONFIRMED


def test_updates_take_turns_in_the_slots():
    board = started()
    for version in range(1, 9):
        board.gets(version)
        assert board.running == (version - 1) % 2


def test_only_pieces_that_the_running_set_lacks_are_asked_for():
    board = started()
    board.gets(1)
    whole = sum([size for _, size in board.asked])
    board.asked = []
    board.gets(2, changed=2)
    head = manifest.length(manifest.parse(board.offered))
    asked = sum([size for offset, size in board.asked if offset >= head])
    assert asked == 300 + 370, "the two pieces that changed"
    assert whole > 8000


def test_the_running_set_stays_while_the_next_one_is_pulled():
    board = started()
    board.gets(1)
    board.is_offered(release(2, changed=9))
    for _ in range(2):
        board.pulls(chunks=1)
        assert board.start() == 0
        assert board.runs() == 1


def test_what_came_before_a_restart_is_not_asked_for_again():
    board = started()
    board.is_offered(release(1))
    board.pulls(chunks=3)
    before, board.asked = board.asked, []
    board.start()
    board.is_offered(release(1))
    assert board.pulls()
    assert not set(before) & set(board.asked)
    assert board.start() == 0
    assert board.runs() == 1


def test_a_newer_release_takes_the_place_of_one_on_its_way():
    board = started()
    board.is_offered(release(1))
    board.pulls(chunks=3)
    board.gets(2)
    board.start()
    assert board.runs() == 2


def test_a_set_that_is_never_confirmed_is_given_up_after_three_starts():
    board = started()
    board.gets(1)
    board.is_offered(release(2))
    assert board.pulls()
    for _ in range(3):
        board.start()
        assert board.runs() == 2
    board.start()
    assert board.runs() == 1
    assert board.record.slots[1].state == boot_record.BAD
    assert board.record.slots[1].reason == boot_record.HUNG


def test_a_set_on_trial_outlives_more_power_cuts_than_resets():
    board = started()
    board.is_offered(release(1))
    assert board.pulls()
    for _ in range(12):
        board.start(boot_record.POWER_ON_COST)
        assert board.runs() == 1
    assert board.start(boot_record.POWER_ON_COST) is None


def test_a_bad_set_is_remembered_and_refused_and_so_is_everything_older():
    board = started()
    board.gets(1)
    board.gets(3)
    board.is_offered(release(5))
    assert board.pulls()
    board.start()
    board.record.give_up(board.running, boot_record.CRASHED)
    board.start()
    assert board.runs() == 3
    assert board.is_offered(release(5)) == document.REASON_BAD_SET
    assert board.is_offered(release(4)) == document.REASON_OLDER
    assert board.is_offered(release(3)) == document.REASON_OLDER
    assert board.is_offered(release(6)) == document.REASON_NONE
    board.pulls(chunks=1)  # the bad set lies no more in its slot
    assert board.is_offered(release(5)) == document.REASON_OLDER
    board.gets(6)


def test_the_first_set_that_does_not_do_leaves_the_factory_set():
    board = started()
    board.is_offered(release(1))
    assert board.pulls()
    board.start()
    board.record.give_up(board.running, boot_record.CRASHED)
    assert board.start() is None


def test_what_is_not_for_this_node_is_refused_once_its_manifest_has_come():
    board = started()
    board.gets(1)
    assert refused(board, release(2, board="elsewhere")) == document.REASON_WRONG_BOARD
    assert refused(board, release(3, kinds=1 << 3)) == document.REASON_WRONG_KIND
    assert refused(board, release(4, image=2)) == document.REASON_IMAGE_TOO_OLD
    assert refused(board, release(5, size=SECTORS * 4096)) == document.REASON_NO_SPACE
    assert refused(board, release(6, size=1000)) == document.REASON_MALFORMED
    assert board.start() == 0
    assert board.runs() == 1


def test_a_manifest_of_another_counter_than_was_signed_is_refused():
    board = started()
    data = release(2, counter=3)
    board.store.begin(wire.Offer(wire.FIRMWARE, 2, len(data), wire.identity(wire.FIRMWARE, data), b""))
    board.offered = data
    assert end_of(board) == document.REASON_MALFORMED


def test_a_manifest_or_a_piece_whose_hash_is_wrong_never_comes_in_force():
    data = release(1)
    for at in (60, 100, manifest.length(manifest.parse(data)) + 3, len(data) - 1):
        board = started()
        board.is_offered(data)
        board.offered = data[:at] + bytes((data[at] ^ 4,)) + data[at + 1 :]
        assert end_of(board) in (document.REASON_WRONG_HASH, document.REASON_MALFORMED), at
        assert board.start() is None


def test_a_page_of_the_record_that_was_torn_is_passed_over():
    board = started()
    board.gets(1)
    board.gets(2)
    page = board.record._at + 1
    board.flashes[0].data[page * 256 + 20] = 0
    board.gets(3)
    board.start()
    assert board.runs() == 3


# The power, cut at any operation on any of the flashes.


class Cutter:
    """Counts the operations of several flashes as if they were one."""

    def __init__(self, flashes):
        self._flashes = flashes

    def arm(self, how, cut_in):
        self.total = 0
        for flash in self._flashes:
            flash.how = how
            flash._is_cut = lambda flash=flash: self._counts(flash, cut_in)

    def _counts(self, flash, cut_in):
        flash.operations += 1
        self.total += 1
        return self.total == cut_in


def live(board, confirmed, wanted):
    """Boot after a power cut, confirm what is on trial, pull what is wanted, start into it: what is confirmed then."""
    board.start(boot_record.POWER_ON_COST)
    runs = board.runs()
    assert runs in (confirmed, wanted), (runs, confirmed, wanted)
    if board.record.slots[board.running].state == boot_record.TRIAL:
        board.confirm()
    if runs != wanted:
        board.is_offered(release(wanted))
        board.pulls()
        board.start(boot_record.POWER_ON_COST)
        assert board.runs() == wanted
        board.confirm()
    return wanted


def cut_everywhere(how):
    board = started()
    board.gets(1)
    before = [bytes(flash.data) for flash in board.flashes]
    cutter = Cutter(board.flashes)
    cut_in = 0
    while True:
        cut_in += 1
        for flash, data in zip(board.flashes, before):
            flash.data[:] = data
        cutter.arm(how, cut_in)
        try:
            live(board, 1, 2)
            break
        except PowerCut:
            pass
        cutter.arm(how, None)
        live(board, 1, 2)
        board.start(boot_record.POWER_ON_COST)
        assert board.runs() == 2, cut_in
    assert cut_in > 40  # pages of manifest and pieces, records, erases


def test_a_cut_that_leaves_an_operation_undone_leaves_the_old_set_or_the_new():
    cut_everywhere("nothing")


def test_a_cut_in_the_middle_of_an_operation_leaves_the_old_set_or_the_new():
    cut_everywhere("half")


def test_a_cut_that_leaves_scattered_bits_leaves_the_old_set_or_the_new():
    cut_everywhere("scattered")


def test_a_cut_right_behind_an_operation_leaves_the_old_set_or_the_new():
    cut_everywhere("everything")


def test_500_cuts_at_random_in_many_updates_brick_nothing():
    random.seed(7)
    board = started()
    board.gets(1)
    cutter = Cutter(board.flashes)
    confirmed = wanted = 1
    cuts = updates = 0
    while cuts < 500:
        cutter.arm(RamFlash.HOW[cuts % 4], random.randint(1, 60))
        try:
            confirmed = live(board, confirmed, wanted)
            updates += 1
            wanted += 1
        except PowerCut:
            cuts += 1
            cutter.arm("nothing", None)
            board.start(boot_record.POWER_ON_COST)
            if board.runs() == wanted:
                board.confirm()
                confirmed = wanted
    assert updates > 20

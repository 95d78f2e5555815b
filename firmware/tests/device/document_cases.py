"""Documents on their way to a node: whole or not at all, through any power cut, and behind all records.

It must never need a link or a board: document_node.py is the node.
Spec: firmware/documents.py, firmware/document_store.py; protocol.md, "Document".
"""

from firmware.documents import Documents
from firmware.tests.device import session_world as world
from firmware.tests.device.document_node import FONT, SIZE, Node, content
from firmware.tests.device.ram_flash import PowerCut, RamFlash
from protocols.wire import document as wire
from protocols.wire.envelope import DOCUMENT_REQUEST, unseal
from protocols.wire.messages import document


def test_a_document_is_pulled_in_chunks_verified_and_put_in_force():
    node = Node()
    node.offered(3)
    node.pulls(content(3))
    assert node.has() == (3, content(3))
    assert [(one.offset, one.size) for one in node.asked] == [
        (0, 1024),
        (1024, 1024),
        (2048, 1024),
        (3072, 1024),
        (4096, 904),
    ]
    assert node.told() == [(FONT, 3, document.OUTCOME_STORED, document.REASON_NONE, 3)]


def test_a_restart_tells_what_is_in_force():
    node = Node()
    node.offered(3)
    node.pulls(content(3))
    again = Node(node.documents_flash)
    assert again.has() == (3, content(3))
    assert again.told() == [(FONT, 3, document.OUTCOME_HELD, document.REASON_NONE, 3)]


def test_the_old_version_stays_in_force_until_the_new_one_is_whole():
    node = Node()
    node.offered(1)
    node.pulls(content(1))
    node.offered(2)
    for _ in range(9):
        node.documents.work()
    for _ in range(4):
        assert node.has() == (1, content(1))
        node.now_ms += 1000
        node.answers(node.request(), content(2))
    assert node.has() == (1, content(1))
    node.pulls(content(2))
    assert node.has() == (2, content(2))


def test_documents_of_all_kinds_lie_side_by_side_and_their_sectors_are_used_again():
    node = Node(RamFlash(8))
    for version in range(1, 21):
        for type_id, size in ((wire.FONT, SIZE), (wire.PLAYLIST, 300), (wire.TIMETABLE, 4096)):
            node.offered(version, type_id, content(version + type_id, size))
            node.pulls(content(version + type_id, size))
            assert node.has(type_id) == (version, content(version + type_id, size))
    node.documents = Documents(node.documents_flash, node.journal, lambda: 0)
    node.documents.open()
    assert [node.has(type_id)[0] for type_id in (wire.FONT, wire.PLAYLIST, wire.TIMETABLE)] == [20, 20, 20]


def test_chunks_that_are_lost_are_asked_for_again_ever_more_rarely():
    node = Node()
    node.offered()
    at = []
    for _ in range(1200):
        node.documents.work()
        if node.request():
            at.append(node.now_ms // 1000)
        node.now_ms += 1000
    pauses = [at[i + 1] - at[i] for i in range(len(at) - 1)]
    assert pauses[0] == 10
    assert pauses == sorted(pauses)
    assert pauses[-1] >= 160


def test_half_of_all_chunks_may_be_lost():
    node = Node()
    node.offered(1, FONT, content(1, 9_000))
    lost = iter(range(10_000))
    node.pulls(content(1, 9_000), lambda: next(lost) % 2 == 0)
    assert node.has()[0] == 1


def test_after_a_restart_it_goes_on_where_it_was():
    node = Node()
    node.offered(1, FONT, content(1, 9_000))
    for _ in range(20):
        node.documents.work()
    for _ in range(6):
        node.now_ms += 1000
        node.answers(node.request(), content(1, 9_000))
    again = Node(node.documents_flash)
    again.pulls(content(1, 9_000))
    assert again.asked[0].offset == 5 * 1024, "the last chunk of before may be torn: it is asked for again"
    assert again.has() == (1, content(1, 9_000))


def test_requests_wait_behind_records():
    node = Node()
    node.offered()
    for _ in range(9):
        node.documents.work()
    node.journals(40)
    node.now_ms = 1000
    kinds = []
    while True:
        envelope = node.session.next_batch(node.now_ms)
        if envelope is None:
            break
        kinds.append(unseal(world.KEY, envelope)[0])
    assert kinds.index(DOCUMENT_REQUEST) == len(kinds) - 1 > 0


def cut_life(flash, how, cut_at):
    """An old version is in force, a new one comes, the power is cut; then it is offered again."""
    flash.how, flash.operations, flash.cut_at = how, 0, cut_at
    journal_flash = RamFlash(4)
    try:
        node = Node(flash, journal_flash)
        node.offered(2)
        node.pulls(content(2))
        return False
    except PowerCut:
        pass
    flash.cut_at = None
    node = Node(flash, journal_flash)
    assert node.has() in ((1, content(1)), (2, content(2))), cut_at
    node.pulls(content(2))
    node.offered(2)
    node.pulls(content(2))
    assert node.has() == (2, content(2)), cut_at
    return True


def cut_everywhere(how):
    flash = RamFlash(6)
    node = Node(flash)
    node.offered(1)
    node.pulls(content(1))
    flash.data[5 * 4096 :] = content(7, 4096)  # what an earlier life left in a free sector
    before = bytes(flash.data)
    cuts = 0
    while cut_life(flash, how, cuts + 1):
        flash.data[:] = before
        cuts += 1
    assert cuts > 20  # pages, header, mark


def test_a_cut_that_leaves_an_operation_undone_leaves_the_old_or_the_new():
    cut_everywhere("nothing")


def test_a_cut_in_the_middle_of_an_operation_leaves_the_old_or_the_new():
    cut_everywhere("half")


def test_a_cut_that_leaves_scattered_bits_leaves_the_old_or_the_new():
    cut_everywhere("scattered")


def test_a_cut_right_behind_an_operation_leaves_the_old_or_the_new():
    cut_everywhere("everything")

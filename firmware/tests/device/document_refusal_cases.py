"""Documents that a node refuses or gives up: wrong, replayed, unsigned, badly signed, of no use, on a flash that fails.

It must never need a link or a board: document_node.py is the node.
Spec: firmware/documents.py, firmware/publishers.py; protocol.md, "Document".
"""

import os
from binascii import unhexlify

from firmware.tests.device import session_world as world
from firmware.tests.device.document_node import FONT, Node, content
from protocols.wire import document as wire
from protocols.wire.envelope import ANY_BOOT, DOCUMENT_CHUNK, DOCUMENT_OFFER, DOCUMENT_REQUEST, seal
from protocols.wire.messages import document

# The keys of RFC 8032, 7.1, TEST 1 and TEST 2, and what they have signed: offers of content().
PUBLISHER = unhexlify("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
STOLEN = unhexlify("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNED = {  # (type, version): signature
    (wire.DENY_LIST, 1): "3f285b1a8df86aa68c851407bc6d162b563846d39c94d1e3e4b55f264f3122d7"
    "6a10d40731506075af3f1b0c9b8bbe7a38a084187b2e22cd39f095d28721ef04",
    (wire.DENY_LIST, 2): "f62da6ef1f31e151630bd1c653603b898fc0d8b2495f3d7bec8e89a4182ab0ad"
    "36affa3766609a3a0d0df9165d024463e1d0cf85190f02a085fe5313033e530a",
    (wire.CALIBRATION, 1): "3142a891bf42a937fce71a97df9b70dd2300a5358dd97bce27f945b72fa6c585"
    "d0f2e8d48468cf4ab88f9ac115703dcd35ef0af92c7c0e495354e6570eb86a08",
}
SIGNED_BY_STOLEN = (  # the deny list, version 3
    "027f8bbab64b04aac102413a4e89901ecc3e7a4dbfd56ebb253866282708250b"
    "574b9a6873fc977a577a0909bb9db9237af28fdd7b74c8ba997689ac4fc0280a"
)


def refusals(node, **offer):
    before = dict(node.session.refused)
    node.offered(**offer)
    return [reason for reason, count in node.session.refused.items() if count != before.get(reason, 0)]


def test_what_does_not_fit_is_refused_and_what_is_held_stays():
    node = Node()
    node.offered(1)
    node.pulls(content(1))
    assert refusals(node, version=2, data=content(2, 4 * 4096)) == ["document_refused"]
    assert node.told()[-1] == (FONT, 2, document.OUTCOME_REFUSED, document.REASON_NO_SPACE, 1)
    assert node.has() == (1, content(1))


def test_a_newer_version_that_does_not_fit_leaves_the_one_on_its_way_alone():
    node = Node()
    node.offered(1)
    assert refusals(node, version=2, data=content(2, 6 * 4096)) == ["document_refused"]
    node.pulls(content(1))
    assert node.has() == (1, content(1))


def test_a_roll_back_is_refused():
    node = Node()
    node.offered(9)
    node.pulls(content(9))
    assert refusals(node, version=8) == ["document_refused"]
    assert node.told()[-1] == (FONT, 8, document.OUTCOME_REFUSED, document.REASON_OLDER, 9)


def test_a_replayed_offer_is_counted_and_costs_no_record():
    node = Node()
    node.offered(9)
    node.pulls(content(9))
    depth = node.journal.depth
    assert refusals(node, version=9) == ["repeated_offer"]
    for _ in range(3):
        refusals(node, version=8)
    assert node.journal.depth == depth + 1, "the roll-back, once"


def test_another_document_under_the_same_version_is_refused():
    node = Node()
    node.offered(9)
    assert refusals(node, version=9, data=b"something else") == ["document_conflict"]
    node.pulls(content(9))
    assert refusals(node, version=9, data=b"something else") == ["document_conflict"]


def signed(version, type_id=wire.DENY_LIST):
    return unhexlify(SIGNED[type_id, version])


def test_what_has_to_be_signed_is_refused_by_a_node_that_knows_no_publisher():
    node = Node()
    for type_id in (wire.DENY_LIST, wire.FIRMWARE, wire.CALIBRATION):
        assert refusals(node, type_id=type_id, signature=bytes(64)) == ["document_refused"]
        assert node.told()[-1] == (type_id, 1, document.OUTCOME_REFUSED, document.REASON_UNVERIFIED, 0)


def test_what_its_publisher_signed_is_pulled_and_put_in_force():
    node = Node(publishers=((STOLEN, PUBLISHER), ()))
    for type_id in (wire.DENY_LIST, wire.CALIBRATION):
        node.offered(1, type_id, signature=signed(1, type_id))
        assert node.request() is None, "nothing is asked for before the signature was found right"
        node.pulls(content(1))
        assert node.has(type_id) == (1, content(1))


def test_a_wrong_signature_is_refused_and_what_is_in_force_stays():
    node = Node(publishers=((PUBLISHER,), ()))
    node.offered(1, wire.DENY_LIST, signature=signed(1))
    node.pulls(content(1))
    for signature in (signed(1), b"", bytes(64), unhexlify(SIGNED_BY_STOLEN)):
        node.documents._answered.clear()
        node.offered(3, wire.DENY_LIST, signature=signature)
        node.pulls(content(3))
        assert node.told()[-1] == (wire.DENY_LIST, 3, document.OUTCOME_REFUSED, document.REASON_WRONG_SIGNATURE, 1)
    assert node.has(wire.DENY_LIST) == (1, content(1))


def test_a_signature_is_of_one_version_only():
    node = Node(publishers=((PUBLISHER,), ()))
    node.offered(3, wire.DENY_LIST, content(2), signed(2))
    node.pulls(content(2))
    assert node.told() == [(wire.DENY_LIST, 3, document.OUTCOME_REFUSED, document.REASON_WRONG_SIGNATURE, 0)]


def test_the_signature_of_a_publisher_whose_key_was_revoked_is_refused_by_name():
    offer = {"version": 3, "type_id": wire.DENY_LIST, "signature": unhexlify(SIGNED_BY_STOLEN)}
    node = Node(publishers=((PUBLISHER, STOLEN), ()))
    node.offered(**offer)
    node.pulls(content(3))
    assert node.has(wire.DENY_LIST)[0] == 3
    node = Node(publishers=((PUBLISHER, STOLEN), (STOLEN,)))
    node.offered(**offer)
    node.pulls(content(3))
    assert node.told() == [(wire.DENY_LIST, 3, document.OUTCOME_REFUSED, document.REASON_REVOKED, 0)]
    assert node.has(wire.DENY_LIST) == (0, b"")


def test_while_a_signature_is_checked_other_offers_wait():
    node = Node(publishers=((PUBLISHER,), ()))
    node.offered(1, wire.DENY_LIST, signature=signed(1))
    assert refusals(node, version=1) == ["document_busy"]
    node.pulls(content(1))
    assert node.has(wire.DENY_LIST)[0] == 1


def test_an_older_deny_list_is_refused_before_its_signature_costs_anything():
    node = Node(publishers=((PUBLISHER,), ()))
    node.offered(2, wire.DENY_LIST, signature=signed(2))
    node.pulls(content(2))
    assert refusals(node, version=1, type_id=wire.DENY_LIST, signature=signed(1)) == ["document_refused"]
    assert node.told()[-1] == (wire.DENY_LIST, 1, document.OUTCOME_REFUSED, document.REASON_OLDER, 2)


def test_a_type_that_this_firmware_does_not_know_is_refused():
    node = Node()
    assert refusals(node, type_id=99) == ["document_refused"]
    assert node.told() == [(99, 1, document.OUTCOME_REFUSED, document.REASON_UNKNOWN_TYPE, 0)]


def test_a_document_whose_hash_is_wrong_never_comes_in_force():
    node = Node()
    node.offered(1)
    node.pulls(content(2))
    assert node.has() == (0, b"")
    assert node.told() == [(FONT, 1, document.OUTCOME_FAILED, document.REASON_WRONG_HASH, 0)]
    again = Node(node.documents_flash)
    assert again.has() == (0, b"")
    again.offered(1)
    again.pulls(content(1))
    assert again.has() == (1, content(1))


def test_one_document_at_a_time_and_a_newer_version_of_it_takes_its_place():
    node = Node()
    node.offered(1)
    assert refusals(node, type_id=wire.PLAYLIST) == ["document_busy"]
    assert refusals(node, version=2) == []
    node.pulls(content(2))
    assert node.has() == (2, content(2))


def test_a_document_that_nobody_has_any_more_gives_way_to_another():
    node = Node()
    node.offered(1)
    for _ in range(900):
        node.documents.work()
        node.request()
        node.now_ms += 1000
    assert refusals(node, type_id=wire.PLAYLIST, data=b"short") == []
    node.pulls(b"short")
    assert node.has(wire.PLAYLIST) == (1, b"short")


def test_a_page_that_cannot_be_programmed_ends_in_failed():
    node = Node()
    node.offered(1)
    for _ in range(9):
        node.documents.work()
    node.documents_flash.data[300] = 0
    node.pulls(content(1))
    assert node.told()[-1] == (FONT, 1, document.OUTCOME_FAILED, document.REASON_FLASH_FAULT, 0)


def test_chunks_that_nobody_asked_for_are_counted():
    node = Node()
    node.answers(wire.Request(FONT, 1, 0, 1024), content(1))
    node.offered(1)
    for _ in range(9):
        node.documents.work()
    for asked in (wire.Request(FONT, 2, 0, 1024), wire.Request(FONT, 1, 1024, 1024), wire.Request(FONT, 1, 0, 1023)):
        node.answers(asked, content(1))
    assert node.session.refused == {"unexpected_chunk": 4}
    chunk = wire.Chunk(FONT, 1, 0, content(1)[:1024])
    node.hears(wire.build_chunk(world.KEY, world.NODE, 77, chunk))
    assert node.session.refused["unexpected_type"] == 1


def test_authentic_nonsense_costs_nothing_but_a_count():
    node = Node()
    for kind in (DOCUMENT_OFFER, DOCUMENT_REQUEST, DOCUMENT_CHUNK):
        for size in (0, 1, 8, 9, 40, 42, 104, 106, 1033, 1034, 2000):
            for boot_id in (ANY_BOOT, node.journal.boot_id):
                node.hears(seal(world.KEY, kind, world.NODE, boot_id, os.urandom(size)))
    assert node.session.refused_total == 66
    assert node.has() == (0, b"")
